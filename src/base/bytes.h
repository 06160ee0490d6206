/* bytes.h - integers on disk and wire: little-endian, and varints
 *
 * A varint is LEB128: seven bits a byte, low bits first, the high bit set on every byte but the
 * last; at most ten bytes. Only the shortest form is accepted.
 */
#ifndef EP_BASE_BYTES_H
#define EP_BASE_BYTES_H

#include "base/buffer.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EP_VARINT_MAX 10

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define EP_LITTLE16(value) __builtin_bswap16(value)
#define EP_LITTLE32(value) __builtin_bswap32(value)
#define EP_LITTLE64(value) __builtin_bswap64(value)
#else
#define EP_LITTLE16(value) (value)
#define EP_LITTLE32(value) (value)
#define EP_LITTLE64(value) (value)
#endif

/* Integers at the start of bytes; bytes need no alignment. */
static inline uint16_t
ep_load16(const uint8_t *bytes)
{
	uint16_t value;
	memcpy(&value, bytes, sizeof value);
	return EP_LITTLE16(value);
}

static inline uint32_t
ep_load32(const uint8_t *bytes)
{
	uint32_t value;
	memcpy(&value, bytes, sizeof value);
	return EP_LITTLE32(value);
}

static inline uint64_t
ep_load64(const uint8_t *bytes)
{
	uint64_t value;
	memcpy(&value, bytes, sizeof value);
	return EP_LITTLE64(value);
}

static inline void
ep_store16(uint8_t *bytes, uint16_t value)
{
	value = EP_LITTLE16(value);
	memcpy(bytes, &value, sizeof value);
}

static inline void
ep_store32(uint8_t *bytes, uint32_t value)
{
	value = EP_LITTLE32(value);
	memcpy(bytes, &value, sizeof value);
}

static inline void
ep_store64(uint8_t *bytes, uint64_t value)
{
	value = EP_LITTLE64(value);
	memcpy(bytes, &value, sizeof value);
}

/* Writes value to bytes, which has room for EP_VARINT_MAX; returns the bytes written, 1 to 10. */
size_t ep_varint_store(uint8_t *bytes, uint64_t value);

/* Appends value as a varint. Fails as ep_buffer_append does. */
EP_MUST_USE enum ep_status ep_buffer_varint(struct ep_buffer *buffer, uint64_t value,
                                            struct ep_error *err);

/* Reads bytes from the front, and remembers that it once ran out: check `ok` at the end, and before
 * a value that was read decides how much is allocated. */
struct ep_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool ok;
};

struct ep_reader ep_reader_of(const void *bytes, size_t size);

/* All give 0 (or NULL) once the reader is not ok. */
static inline uint8_t
ep_read8(struct ep_reader *reader)
{
	if (!reader->ok || reader->at == reader->end) {
		reader->ok = false;
		return 0;
	}
	return *reader->at++;
}

uint32_t ep_read32(struct ep_reader *reader);
uint64_t ep_read64(struct ep_reader *reader);
uint64_t ep_read_varint(struct ep_reader *reader);

/* Borrows the next size bytes, or NULL (not ok) where there are fewer. */
const uint8_t *ep_read_bytes(struct ep_reader *reader, uint64_t size);

/* Appends bytes behind their size, a varint. Fails as ep_buffer_append does. */
EP_MUST_USE enum ep_status ep_put_sized(struct ep_buffer *buffer, struct ep_bytes bytes,
                                        struct ep_error *err);

/* Reads size bytes into bytes, which are left as they are where there are fewer. */
void ep_read_into(struct ep_reader *reader, void *bytes, size_t size);

/* Reads bytes behind their size, a varint; none where the reader ran out. Borrowed. */
struct ep_bytes ep_read_sized(struct ep_reader *reader);

/* The bytes not read yet, and how many. */
struct ep_bytes ep_reader_rest(const struct ep_reader *reader);
size_t ep_reader_left(const struct ep_reader *reader);

#endif
