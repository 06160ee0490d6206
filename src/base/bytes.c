#include "base/bytes.h"

#include <string.h>

size_t
ep_varint_store(uint8_t *bytes, uint64_t value)
{
	size_t size = 0;
	while (value >= 0x80) {
		bytes[size++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	bytes[size++] = (uint8_t)value;
	return size;
}

enum ep_status
ep_buffer_varint(struct ep_buffer *buffer, uint64_t value, struct ep_error *err)
{
	uint8_t bytes[EP_VARINT_MAX];
	return ep_buffer_append(buffer, bytes, ep_varint_store(bytes, value), err);
}

struct ep_reader
ep_reader_of(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	return (struct ep_reader){ .at = at, .end = size ? at + size : at, .ok = true };
}

enum ep_status
ep_put_sized(struct ep_buffer *buffer, struct ep_bytes bytes, struct ep_error *err)
{
	EP_TRY(ep_buffer_varint(buffer, bytes.size, err));
	return ep_buffer_append(buffer, bytes.at, bytes.size, err);
}

void
ep_read_into(struct ep_reader *reader, void *bytes, size_t size)
{
	const uint8_t *at = ep_read_bytes(reader, size);
	if (at)
		memcpy(bytes, at, size);
}

struct ep_bytes
ep_read_sized(struct ep_reader *reader)
{
	uint64_t size = ep_read_varint(reader);
	const uint8_t *bytes = ep_read_bytes(reader, size);
	return (struct ep_bytes){ bytes, bytes ? (size_t)size : 0 };
}

struct ep_bytes
ep_reader_rest(const struct ep_reader *reader)
{
	return (struct ep_bytes){ reader->at, ep_reader_left(reader) };
}

size_t
ep_reader_left(const struct ep_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

const uint8_t *
ep_read_bytes(struct ep_reader *reader, uint64_t size)
{
	if (!reader->ok || size > ep_reader_left(reader)) {
		reader->ok = false;
		return NULL;
	}
	const uint8_t *bytes = reader->at;
	reader->at += size;
	return bytes;
}

uint32_t
ep_read32(struct ep_reader *reader)
{
	const uint8_t *bytes = ep_read_bytes(reader, 4);
	return bytes ? ep_load32(bytes) : 0;
}

uint64_t
ep_read64(struct ep_reader *reader)
{
	const uint8_t *bytes = ep_read_bytes(reader, 8);
	return bytes ? ep_load64(bytes) : 0;
}

uint64_t
ep_read_varint(struct ep_reader *reader)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = ep_read8(reader);
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			if (byte == 0 && shift > 0)
				break; /* not the shortest form */
			return reader->ok ? value : 0;
		}
	}
	reader->ok = false;
	return 0;
}
