#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "index/postings.h"
#include "index/shard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is collected before it is written. */
#define BLOCK_BYTES ((size_t)1 << 20)

/* Postings of a bucket on average, where there are so many. */
#define BUCKET_POSTINGS 128
#define BUCKET_BITS_MIN 4

struct ep_shard_writer {
	int fd;
	const char *name;
	const uint64_t *positions;
	const uint32_t *starts;
	size_t track_count;
	uint32_t bucket_bits;
	uint64_t posting_count;

	/* The bucket at hand. */
	uint32_t bucket;
	uint32_t code; /* the last one in it, or the first that it may have */
	struct ep_buffer entries;
	struct ep_buffer lists;

	struct ep_buffer block; /* not written yet */
	uint64_t written; /* bytes in the file, the header's place included */
	uint32_t crc; /* of what was written behind the header */
	uint64_t *directory;
};

static uint32_t
choose_bucket_bits(uint64_t posting_count)
{
	uint32_t bits = 20;
	while (bits > BUCKET_BITS_MIN && (uint64_t)BUCKET_POSTINGS << (20 - bits) < posting_count)
		bits--;
	return bits;
}

enum ep_status
ep_shard_writer_open(struct ep_shard_writer **out, int fd, const char *name,
                     const uint64_t *positions, const uint32_t *starts, size_t track_count,
                     uint64_t posting_count, struct ep_error *err)
{
	EP_OWNED(ep_shard_writer_free)
	struct ep_shard_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	writer->fd = fd;
	writer->name = name;
	writer->positions = positions;
	writer->starts = starts;
	writer->track_count = track_count;
	writer->bucket_bits = choose_bucket_bits(posting_count);
	size_t buckets = EP_ONSET_CODE_COUNT >> writer->bucket_bits;
	writer->directory = malloc((buckets + 1) * sizeof *writer->directory);
	if (!writer->directory)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	writer->directory[0] = EP_SHARD_HEADER;
	writer->written = EP_SHARD_HEADER;
	if (lseek(fd, EP_SHARD_HEADER, SEEK_SET) < 0)
		return ep_fail(err, EP_IO, "cannot write %s", name);
	*out = EP_TAKE(writer);
	return EP_OK;
}

void
ep_shard_writer_free(struct ep_shard_writer *writer)
{
	if (!writer)
		return;
	ep_buffer_free(&writer->entries);
	ep_buffer_free(&writer->lists);
	ep_buffer_free(&writer->block);
	free(writer->directory);
	free(writer);
}

static enum ep_status
write_block(struct ep_shard_writer *writer, struct ep_error *err)
{
	EP_TRY(ep_write_all(writer->fd, writer->block.data, writer->block.size, writer->name, err));
	writer->crc = ep_crc32_add(writer->crc, writer->block.data, writer->block.size);
	writer->written += writer->block.size;
	writer->block.size = 0;
	return EP_OK;
}

/* Ends the buckets up to the one before `bucket`, all but the first of them empty. */
static enum ep_status
end_buckets(struct ep_shard_writer *writer, uint32_t bucket, struct ep_error *err)
{
	if (writer->entries.size) {
		EP_TRY(ep_buffer_varint(&writer->block, writer->entries.size, err));
		EP_TRY(ep_buffer_append(&writer->block, writer->entries.data, writer->entries.size,
		                        err));
		EP_TRY(ep_buffer_append(&writer->block, writer->lists.data, writer->lists.size,
		                        err));
	}
	writer->code = bucket << writer->bucket_bits;
	writer->entries.size = 0;
	writer->lists.size = 0;
	while (writer->bucket < bucket)
		writer->directory[++writer->bucket] = writer->written + writer->block.size;
	return writer->block.size >= BLOCK_BYTES ? write_block(writer, err) : EP_OK;
}

enum ep_status
ep_shard_add(struct ep_shard_writer *writer, uint32_t code, const uint32_t *slots, uint32_t count,
             struct ep_error *err)
{
	if (count == 0)
		return EP_OK;
	if (code >> writer->bucket_bits != writer->bucket)
		EP_TRY(end_buckets(writer, code >> writer->bucket_bits, err));
	EP_TRY(ep_buffer_varint(&writer->entries, code - writer->code, err));
	EP_TRY(ep_buffer_varint(&writer->entries, count, err));
	writer->code = code;
	writer->posting_count += count;
	return ep_postings_encode(&writer->lists, slots, count, writer->starts[writer->track_count],
	                          err);
}

static enum ep_status
append64(struct ep_buffer *out, uint64_t value, struct ep_error *err)
{
	uint8_t bytes[8];
	ep_store64(bytes, value);
	return ep_buffer_append(out, bytes, sizeof bytes, err);
}

static enum ep_status
append32(struct ep_buffer *out, uint32_t value, struct ep_error *err)
{
	uint8_t bytes[4];
	ep_store32(bytes, value);
	return ep_buffer_append(out, bytes, sizeof bytes, err);
}

/* The directory and the tracks, as the next block. */
static enum ep_status
append_tables(struct ep_shard_writer *writer, struct ep_error *err)
{
	uint32_t buckets = EP_ONSET_CODE_COUNT >> writer->bucket_bits;
	for (uint32_t i = 0; i <= buckets; i++)
		EP_TRY(append64(&writer->block, writer->directory[i], err));
	for (size_t i = 0; i < writer->track_count; i++)
		EP_TRY(append64(&writer->block, writer->positions[i], err));
	for (size_t i = 0; i <= writer->track_count; i++)
		EP_TRY(append32(&writer->block, writer->starts[i], err));
	return EP_OK;
}

static void
fill_header(uint8_t header[EP_SHARD_HEADER], const struct ep_shard_writer *writer,
            uint64_t directory_at, uint32_t bucket_crc)
{
	static const uint8_t mark[8] = { 'E', 'P', 'S', 'H', 'A', 'R', 'D', 1 };
	memset(header, 0, EP_SHARD_HEADER);
	memcpy(header, mark, sizeof mark);
	ep_store64(header + 8, writer->track_count);
	ep_store64(header + 16, writer->posting_count);
	ep_store32(header + 24, writer->starts[writer->track_count]);
	ep_store32(header + 28, writer->bucket_bits);
	ep_store64(header + 32, directory_at);
	ep_store64(header + 40, writer->written);
	ep_store32(header + 48, bucket_crc);
	ep_store32(header + 52, writer->crc);
	ep_store32(header + 60, ep_crc32(header, 60));
}

enum ep_status
ep_shard_finish(struct ep_shard_writer *writer, struct ep_error *err)
{
	uint8_t header[EP_SHARD_HEADER] = { 0 };
	uint32_t buckets = EP_ONSET_CODE_COUNT >> writer->bucket_bits;
	EP_TRY(end_buckets(writer, buckets, err));
	EP_TRY(append64(&writer->block, 0, err)); /* EP_POSTINGS_PADDING */
	EP_TRY(write_block(writer, err));
	uint64_t directory_at = writer->written;
	uint32_t bucket_crc = writer->crc;
	writer->crc = 0;
	EP_TRY(append_tables(writer, err));
	EP_TRY(write_block(writer, err));
	fill_header(header, writer, directory_at, bucket_crc);
	if (lseek(writer->fd, 0, SEEK_SET) < 0)
		return ep_fail(err, EP_IO, "cannot write %s", writer->name);
	return ep_write_all(writer->fd, header, sizeof header, writer->name, err);
}
