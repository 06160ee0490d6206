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

/* Postings of a bucket on average, at most: 3 KB, so that it mostly lies in one or two pages of
 * memory. */
#define BUCKET_POSTINGS 1024

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
	uint64_t *numbers;
	size_t number_count;
	size_t number_capacity;

	struct ep_buffer block; /* not written yet */
	uint64_t written; /* bytes in the file, the header's place included */
	uint32_t crc; /* of what was written behind the header */
	uint64_t *directory;
};

uint32_t
ep_shard_bucket_bits(uint64_t posting_count, uint64_t bucket_postings)
{
	uint32_t bits = EP_KEY_BITS;
	while (bits > 0 && bucket_postings << (EP_KEY_BITS - bits) < posting_count)
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
	writer->bucket_bits = ep_shard_bucket_bits(posting_count, BUCKET_POSTINGS);
	size_t buckets = EP_KEY_END >> writer->bucket_bits;
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
	free(writer->numbers);
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

/* Writes what has been collected, where it is enough. */
static enum ep_status
write_full(struct ep_shard_writer *writer, struct ep_error *err)
{
	return writer->block.size >= BLOCK_BYTES ? write_block(writer, err) : EP_OK;
}

/* Ends the buckets up to the one before `bucket`, all but the first of them empty. */
static enum ep_status
end_buckets(struct ep_shard_writer *writer, uint32_t bucket, struct ep_error *err)
{
	if (writer->number_count) {
		EP_TRY(ep_buffer_varint(&writer->block, writer->number_count, err));
		EP_TRY(ep_postings_encode(&writer->block, writer->numbers, writer->number_count,
		                          writer->starts[writer->track_count], writer->bucket_bits,
		                          err));
	}
	writer->number_count = 0;
	while (writer->bucket < bucket)
		writer->directory[++writer->bucket] = writer->written + writer->block.size;
	return write_full(writer, err);
}

static int
compare_postings(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one;
	uint64_t b = *(const uint64_t *)other;
	return a < b ? -1 : a > b;
}

/* Sorts the postings from i on that have one key, where they are not in order: two bands of a track
 * may have it. Returns where they end. */
static size_t
order_key(uint64_t *postings, size_t i, size_t count)
{
	size_t end = i + 1;
	bool ascend = true;
	for (; end < count && postings[end] >> 32 == postings[i] >> 32; end++)
		ascend &= postings[end - 1] <= postings[end];
	if (!ascend)
		qsort(postings + i, end - i, sizeof *postings, compare_postings);
	return end;
}

static enum ep_status
make_room(struct ep_shard_writer *writer, size_t extra, struct ep_error *err)
{
	size_t wanted = writer->number_count + extra;
	if (wanted <= writer->number_capacity)
		return EP_OK;
	uint64_t *numbers = realloc(writer->numbers, wanted * 2 * sizeof *numbers);
	if (!numbers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	writer->numbers = numbers;
	writer->number_capacity = wanted * 2;
	return EP_OK;
}

enum ep_status
ep_shard_add(uint64_t *kept, struct ep_shard_writer *writer, uint64_t *postings, size_t count,
             struct ep_error *err)
{
	uint32_t slot_count = writer->starts[writer->track_count];
	*kept = 0;
	for (size_t i = 0; i < count;) {
		uint32_t key = (uint32_t)(postings[i] >> 32);
		size_t end = order_key(postings, i, count);
		if (key >> writer->bucket_bits != writer->bucket)
			EP_TRY(end_buckets(writer, key >> writer->bucket_bits, err));
		EP_TRY(make_room(writer, end - i, err));
		uint64_t base =
			(uint64_t)(key - (writer->bucket << writer->bucket_bits)) * slot_count;
		for (size_t j = i; j < end; j++) {
			if (j > i && postings[j] == postings[j - 1])
				continue;
			writer->numbers[writer->number_count++] = base + (uint32_t)postings[j];
			++*kept;
		}
		i = end;
	}
	writer->posting_count += *kept;
	return EP_OK;
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

/* The directory and the tracks, behind the buckets. */
static enum ep_status
append_tables(struct ep_shard_writer *writer, struct ep_error *err)
{
	uint32_t buckets = EP_KEY_END >> writer->bucket_bits;
	for (uint32_t i = 0; i <= buckets; i++) {
		EP_TRY(append64(&writer->block, writer->directory[i], err));
		EP_TRY(write_full(writer, err));
	}
	for (size_t i = 0; i < writer->track_count; i++) {
		EP_TRY(append64(&writer->block, writer->positions[i], err));
		EP_TRY(write_full(writer, err));
	}
	for (size_t i = 0; i <= writer->track_count; i++) {
		EP_TRY(append32(&writer->block, writer->starts[i], err));
		EP_TRY(write_full(writer, err));
	}
	return EP_OK;
}

static void
fill_header(uint8_t header[EP_SHARD_HEADER], const struct ep_shard_writer *writer,
            uint64_t directory_at, uint32_t bucket_crc)
{
	static const uint8_t mark[8] = { 'E', 'P', 'S', 'H', 'A', 'R', 'D', 3 };
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
	uint32_t buckets = EP_KEY_END >> writer->bucket_bits;
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
