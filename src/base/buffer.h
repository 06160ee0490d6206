/* buffer.h - bytes that grow, up to a limit
 *
 * A zeroed struct is an empty buffer with the limit EP_BUFFER_MAX. Pointers into a buffer are valid
 * until it next grows.
 */
#ifndef EP_BASE_BUFFER_H
#define EP_BASE_BUFFER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a buffer may hold where its owner sets no smaller limit: 1 GiB. */
#define EP_BUFFER_MAX ((size_t)1 << 30)

struct ep_buffer {
	uint8_t *data;
	size_t size; /* bytes in use */
	size_t capacity; /* bytes allocated */
	size_t max; /* limit of size; 0 means EP_BUFFER_MAX */
};

/* Bytes that somebody else owns. */
struct ep_bytes {
	const uint8_t *at; /* may be NULL where size is 0 */
	size_t size;
};

/* What a buffer holds, until it next grows. */
struct ep_bytes ep_buffer_bytes(const struct ep_buffer *buffer);

bool ep_bytes_equal(struct ep_bytes one, struct ep_bytes other);

/* Makes room for extra more bytes behind size. EP_NO_MEMORY when there is none, or when the limit
 * would be passed; the buffer is then as before. */
EP_MUST_USE enum ep_status ep_buffer_reserve(struct ep_buffer *buffer, size_t extra,
                                             struct ep_error *err);

/* Appends size bytes; bytes may be NULL when size is 0, and must not point into the buffer.
 * Fails as ep_buffer_reserve does. */
EP_MUST_USE enum ep_status ep_buffer_append(struct ep_buffer *buffer, const void *bytes,
                                            size_t size, struct ep_error *err);

/* Frees the bytes and leaves an empty buffer with the same limit. */
void ep_buffer_free(struct ep_buffer *buffer);

/* A buffer that its scope owns: `EP_BUFFER struct ep_buffer text = { 0 };` */
#define EP_BUFFER __attribute__((cleanup(ep_buffer_free)))

#endif
