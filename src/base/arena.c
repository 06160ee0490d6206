#include "base/arena.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)64 << 10)

struct ep_arena_chunk {
	struct ep_arena_chunk *older;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

void *
ep_arena_alloc(struct ep_arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) / align * align;
	if (!arena->chunks || arena->chunks->size - arena->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		struct ep_arena_chunk *chunk = malloc(sizeof *chunk + room);
		if (!chunk)
			return NULL;
		chunk->older = arena->chunks;
		chunk->size = room;
		arena->chunks = chunk;
		arena->used = 0;
	}
	void *piece = arena->chunks->bytes + arena->used;
	arena->used += size;
	return piece;
}

enum ep_status
ep_arena_bytes(struct ep_bytes *copy, struct ep_arena *arena, struct ep_bytes bytes,
               struct ep_error *err)
{
	uint8_t *at = ep_arena_alloc(arena, bytes.size);
	if (!at)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (bytes.size)
		memcpy(at, bytes.at, bytes.size);
	*copy = (struct ep_bytes){ at, bytes.size };
	return EP_OK;
}

enum ep_status
ep_arena_text(struct ep_text *copy, struct ep_arena *arena, struct ep_text text,
              struct ep_error *err)
{
	struct ep_bytes bytes;
	EP_TRY(ep_arena_bytes(&bytes, arena, ep_bytes_of_text(text), err));
	*copy = ep_text_of_bytes(bytes);
	return EP_OK;
}

void
ep_arena_reset(struct ep_arena *arena)
{
	/* The oldest chunk has the usual size, unless the first piece was a large one. */
	while (arena->chunks && (arena->chunks->older || arena->chunks->size > CHUNK_BYTES)) {
		struct ep_arena_chunk *chunk = arena->chunks;
		arena->chunks = chunk->older;
		free(chunk);
	}
	arena->used = 0;
}

void
ep_arena_free(struct ep_arena *arena)
{
	while (arena->chunks) {
		struct ep_arena_chunk *chunk = arena->chunks;
		arena->chunks = chunk->older;
		free(chunk);
	}
	arena->used = 0;
}
