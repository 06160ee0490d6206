#include "backup/container.h"

#include "backup/container_internal.h"
#include "base/bytes.h"
#include "format/compress.h"

#include <stdlib.h>
#include <string.h>

struct ep_container_reader {
	struct ep_source source;
	struct ep_hasher hasher;
	uint64_t done; /* bytes that were read */
	struct ep_buffer manifest;
	struct ep_buffer record; /* bytes of the last record */
	struct ep_buffer chunk; /* unpacked */
	struct ep_bytes rest; /* of the chunk, for ep_container_read_exact */
	char name[EP_CONTAINER_NAME + 1];
	int kind; /* of the last record; 0: it was used */
	bool in_part;
	bool ended;
};

/* ---- bytes ---- */

/* Reads exactly size bytes. */
static enum ep_status
read_whole(struct ep_container_reader *reader, void *bytes, size_t size, struct ep_error *err)
{
	uint8_t *at = bytes;
	for (size_t done = 0, got; done < size; done += got) {
		EP_TRY(reader->source.read(reader->source.context, at + done, size - done, &got,
		                           err));
		if (got == 0)
			return ep_fail(err, EP_CORRUPT,
			               "the backup is truncated: it ends after %llu bytes",
			               (unsigned long long)(reader->done + done));
	}
	reader->done += size;
	return EP_OK;
}

/* The most bytes that a record of a kind may have; 0: there is no such kind. */
static size_t
most_of(int kind)
{
	switch (kind) {
	case EP_RECORD_MANIFEST:
		return EP_CONTAINER_MANIFEST;
	case EP_RECORD_PART:
		return EP_CONTAINER_NAME;
	case EP_RECORD_CHUNK:
		return EP_CONTAINER_RECORD;
	case EP_RECORD_END:
		return EP_HASH_SIZE;
	default:
		return 0;
	}
}

/* The end: the hash is right, and nothing follows. */
static enum ep_status
check_end(struct ep_container_reader *reader, struct ep_error *err)
{
	struct ep_hash found;
	size_t got;
	uint8_t more;
	ep_hasher_done(&found, &reader->hasher);
	if (reader->record.size != EP_HASH_SIZE ||
	    memcmp(found.bytes, reader->record.data, EP_HASH_SIZE) != 0)
		return ep_fail(err, EP_CORRUPT,
		               "the backup is damaged: its bytes do not have the hash at its end");
	EP_TRY(reader->source.read(reader->source.context, &more, 1, &got, err));
	if (got)
		return ep_fail(err, EP_CORRUPT,
		               "the backup is damaged: there are bytes behind its end at byte %llu",
		               (unsigned long long)reader->done);
	reader->ended = true;
	return EP_OK;
}

/* Reads the next record, unless the last one has not been used yet. */
static enum ep_status
peek(struct ep_container_reader *reader, struct ep_error *err)
{
	uint8_t front[EP_RECORD_FRONT];
	uint64_t at = reader->done;
	if (reader->kind)
		return EP_OK;
	EP_TRY(read_whole(reader, front, sizeof front, err));
	size_t size = ep_load32(front + 1);
	if (size == 0 || size > most_of(front[0]))
		return ep_fail(
			err, EP_CORRUPT,
			"the backup is damaged at byte %llu: record of kind %u and %zu bytes",
			(unsigned long long)at, front[0], size);
	reader->record.size = 0;
	EP_TRY(ep_buffer_reserve(&reader->record, size, err));
	EP_TRY(read_whole(reader, reader->record.data, size, err));
	reader->record.size = size;
	ep_hasher_add(&reader->hasher, front, sizeof front);
	if (front[0] != EP_RECORD_END)
		ep_hasher_add(&reader->hasher, reader->record.data, size);
	reader->kind = front[0];
	return reader->kind == EP_RECORD_END ? check_end(reader, err) : EP_OK;
}

/* ---- records ---- */

static enum ep_status
read_header(struct ep_container_reader *reader, struct ep_error *err)
{
	uint8_t header[EP_CONTAINER_HEADER];
	enum ep_status status = read_whole(reader, header, EP_CONTAINER_MAGIC_SIZE, err);
	if (status != EP_OK && status != EP_CORRUPT)
		return status;
	if (status != EP_OK || memcmp(header, EP_CONTAINER_MAGIC, EP_CONTAINER_MAGIC_SIZE) != 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "this is not a backup: expected a file that `backup FILE` wrote");
	EP_TRY(read_whole(reader, header + EP_CONTAINER_MAGIC_SIZE,
	                  sizeof header - EP_CONTAINER_MAGIC_SIZE, err));
	uint32_t version = ep_load32(header + EP_CONTAINER_MAGIC_SIZE);
	if (version > EP_CONTAINER_VERSION)
		return ep_fail(err, EP_NEWER,
		               "the backup has version %u, but this program knows only %d", version,
		               EP_CONTAINER_VERSION);
	if (version != EP_CONTAINER_VERSION || ep_load32(header + EP_CONTAINER_MAGIC_SIZE + 4) != 0)
		return ep_fail(err, EP_CORRUPT, "the backup is damaged: its header is wrong");
	ep_hasher_add(&reader->hasher, header, sizeof header);
	return EP_OK;
}

enum ep_status
ep_container_open(struct ep_container_reader **out, struct ep_source source, struct ep_error *err)
{
	EP_OWNED(ep_container_close)
	struct ep_container_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	reader->source = source;
	ep_hasher_init(&reader->hasher);
	EP_TRY(read_header(reader, err));
	EP_TRY(peek(reader, err));
	if (reader->kind != EP_RECORD_MANIFEST)
		return ep_fail(err, EP_CORRUPT, "the backup is damaged: it has no manifest");
	EP_TRY(ep_buffer_append(&reader->manifest, reader->record.data, reader->record.size, err));
	reader->kind = 0;
	*out = EP_TAKE(reader);
	return EP_OK;
}

struct ep_text
ep_container_manifest(const struct ep_container_reader *reader)
{
	return ep_text_of_bytes(ep_buffer_bytes(&reader->manifest));
}

enum ep_status
ep_container_next(const char **name, struct ep_container_reader *reader, struct ep_error *err)
{
	struct ep_bytes skipped;
	reader->rest = (struct ep_bytes){ 0 };
	do
		EP_TRY(ep_container_read(&skipped, reader, err));
	while (skipped.size);
	if (reader->ended)
		return ep_fail(err, EP_NOT_FOUND, "the backup has no more parts");
	EP_TRY(peek(reader, err));
	if (reader->kind == EP_RECORD_END)
		return ep_fail(err, EP_NOT_FOUND, "the backup has no more parts");
	if (reader->kind != EP_RECORD_PART || memchr(reader->record.data, 0, reader->record.size))
		return ep_fail(err, EP_CORRUPT, "the backup is damaged before byte %llu",
		               (unsigned long long)reader->done);
	memcpy(reader->name, reader->record.data, reader->record.size);
	reader->name[reader->record.size] = '\0';
	reader->kind = 0;
	reader->in_part = true;
	*name = reader->name;
	return EP_OK;
}

enum ep_status
ep_container_read(struct ep_bytes *bytes, struct ep_container_reader *reader, struct ep_error *err)
{
	if (reader->in_part)
		EP_TRY(peek(reader, err));
	if (!reader->in_part || reader->kind != EP_RECORD_CHUNK) {
		reader->in_part = false;
		*bytes = (struct ep_bytes){ 0 };
		return EP_OK;
	}
	reader->kind = 0;
	reader->chunk.size = 0;
	enum ep_status status = ep_unpack_block(&reader->chunk, reader->record.data,
	                                        reader->record.size, EP_CONTAINER_CHUNK, err);
	if (status != EP_BAD_INPUT)
		EP_TRY(status);
	if (status != EP_OK || reader->chunk.size == 0)
		return ep_fail(err, EP_CORRUPT, "the backup is damaged before byte %llu",
		               (unsigned long long)reader->done);
	*bytes = ep_buffer_bytes(&reader->chunk);
	return EP_OK;
}

enum ep_status
ep_container_read_exact(struct ep_container_reader *reader, void *bytes, size_t size,
                        struct ep_error *err)
{
	struct ep_bytes *rest = &reader->rest;
	uint8_t *at = bytes;
	while (size) {
		if (rest->size == 0)
			EP_TRY(ep_container_read(rest, reader, err));
		size_t count = rest->size < size ? rest->size : size;
		if (count == 0)
			return ep_fail(err, EP_CORRUPT, "the part %s is too short", reader->name);
		memcpy(at, rest->at, count);
		rest->at += count;
		rest->size -= count;
		at += count;
		size -= count;
	}
	return EP_OK;
}

uint64_t
ep_container_read_bytes(const struct ep_container_reader *reader)
{
	return reader->done;
}

void
ep_container_close(struct ep_container_reader *reader)
{
	if (!reader)
		return;
	ep_buffer_free(&reader->manifest);
	ep_buffer_free(&reader->record);
	ep_buffer_free(&reader->chunk);
	free(reader);
}
