#include "backup/container.h"

#include "backup/container_internal.h"
#include "base/bytes.h"
#include "base/file.h"
#include "format/compress.h"

#include <string.h>

static enum ep_status
write_bytes(struct ep_container_writer *writer, const void *bytes, size_t size,
            struct ep_error *err)
{
	ep_hasher_add(&writer->hasher, bytes, size);
	EP_TRY(ep_write_all(writer->fd, bytes, size, writer->name, err));
	writer->written += size;
	return EP_OK;
}

static enum ep_status
write_record(struct ep_container_writer *writer, enum ep_record_kind kind, const void *bytes,
             size_t size, struct ep_error *err)
{
	uint8_t front[EP_RECORD_FRONT] = { (uint8_t)kind };
	ep_store32(front + 1, (uint32_t)size);
	EP_TRY(write_bytes(writer, front, sizeof front, err));
	return write_bytes(writer, bytes, size, err);
}

/* Packs and writes what is left of the part. */
static enum ep_status
flush(struct ep_container_writer *writer, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	struct ep_buffer *chunk = &writer->chunk;
	if (chunk->size == 0)
		return EP_OK;
	EP_TRY(ep_compress_block(&packed, EP_COMPRESS_ZSTD, chunk->data, chunk->size, err));
	chunk->size = 0;
	return write_record(writer, EP_RECORD_CHUNK, packed.data, packed.size, err);
}

enum ep_status
ep_container_begin(struct ep_container_writer *writer, int fd, const char *name,
                   struct ep_text manifest, struct ep_error *err)
{
	uint8_t header[EP_CONTAINER_HEADER] = EP_CONTAINER_MAGIC;
	ep_store32(header + EP_CONTAINER_MAGIC_SIZE, EP_CONTAINER_VERSION);
	ep_store32(header + EP_CONTAINER_MAGIC_SIZE + 4, 0);
	*writer = (struct ep_container_writer){ .fd = fd, .name = name };
	ep_hasher_init(&writer->hasher);
	EP_TRY(write_bytes(writer, header, sizeof header, err));
	return write_record(writer, EP_RECORD_MANIFEST, manifest.at, manifest.size, err);
}

enum ep_status
ep_container_part(struct ep_container_writer *writer, const char *name, struct ep_error *err)
{
	EP_TRY(flush(writer, err));
	return write_record(writer, EP_RECORD_PART, name, strlen(name), err);
}

enum ep_status
ep_container_add(struct ep_container_writer *writer, const void *bytes, size_t size,
                 struct ep_error *err)
{
	const uint8_t *at = bytes;
	while (size) {
		size_t room = EP_CONTAINER_CHUNK - writer->chunk.size;
		size_t taken = size < room ? size : room;
		EP_TRY(ep_buffer_append(&writer->chunk, at, taken, err));
		if (taken == room)
			EP_TRY(flush(writer, err));
		at += taken;
		size -= taken;
	}
	return EP_OK;
}

enum ep_status
ep_container_end(struct ep_container_writer *writer, struct ep_error *err)
{
	uint8_t front[EP_RECORD_FRONT] = { EP_RECORD_END };
	struct ep_hash hash;
	EP_TRY(flush(writer, err));
	ep_store32(front + 1, EP_HASH_SIZE);
	EP_TRY(write_bytes(writer, front, sizeof front, err));
	ep_hasher_done(&hash, &writer->hasher);
	EP_TRY(ep_write_all(writer->fd, hash.bytes, sizeof hash.bytes, writer->name, err));
	writer->written += sizeof hash.bytes;
	return EP_OK;
}

void
ep_container_done(struct ep_container_writer *writer)
{
	ep_buffer_free(&writer->chunk);
}
