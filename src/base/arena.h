/* arena.h - memory that is given out piece by piece and taken back all at once
 *
 * A zeroed struct is an empty arena. Pieces never move, and are valid until the arena is reset.
 */
#ifndef EP_BASE_ARENA_H
#define EP_BASE_ARENA_H

#include "base/text.h"

#include <stddef.h>

struct ep_arena {
	struct ep_arena_chunk *chunks; /* newest first */
	size_t used; /* bytes given out of the newest chunk */
};

/* Gives size bytes, aligned for any type; NULL when there is no memory. A size of 0 gives a pointer
 * that must not be followed. */
EP_MUST_USE void *ep_arena_alloc(struct ep_arena *arena, size_t size);

/* Copies text, or bytes, into the arena. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_arena_text(struct ep_text *copy, struct ep_arena *arena,
                                         struct ep_text text, struct ep_error *err);
EP_MUST_USE enum ep_status ep_arena_bytes(struct ep_bytes *copy, struct ep_arena *arena,
                                          struct ep_bytes bytes, struct ep_error *err);

/* Takes everything back; keeps one chunk for the next use. */
void ep_arena_reset(struct ep_arena *arena);

/* Takes everything back and frees it. */
void ep_arena_free(struct ep_arena *arena);

#define EP_ARENA __attribute__((cleanup(ep_arena_free)))

#endif
