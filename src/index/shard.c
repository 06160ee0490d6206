#include "index/shard.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "index/postings.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define VERSION 1

/* ---- opening ---- */

static enum ep_status
read_header(struct ep_shard *shard, const char *name, struct ep_error *err)
{
	const uint8_t *bytes = shard->bytes;
	if (shard->size < EP_SHARD_HEADER || memcmp(bytes, "EPSHARD", 7) != 0)
		return ep_fail(err, EP_CORRUPT, "%s is not a shard of an index", name);
	if (bytes[7] > VERSION)
		return ep_fail(err, EP_NEWER,
		               "%s has version %u, but this program knows at most %d", name,
		               bytes[7], VERSION);
	if (ep_crc32(bytes, 60) != ep_load32(bytes + 60) || bytes[7] != VERSION)
		return ep_fail(err, EP_CORRUPT, "the header of %s is damaged", name);
	shard->track_count = ep_load64(bytes + 8);
	shard->posting_count = ep_load64(bytes + 16);
	shard->slot_count = ep_load32(bytes + 24);
	shard->bucket_bits = ep_load32(bytes + 28);
	shard->directory_at = ep_load64(bytes + 32);
	if (ep_load64(bytes + 40) != shard->size)
		return ep_fail(err, EP_CORRUPT, "%s has %zu bytes instead of %llu", name,
		               shard->size, (unsigned long long)ep_load64(bytes + 40));
	return EP_OK;
}

static uint32_t
bucket_count(const struct ep_shard *shard)
{
	return EP_ONSET_CODE_COUNT >> shard->bucket_bits;
}

/* Where a bucket begins; 0..bucket_count. */
static uint64_t
bucket_at(const struct ep_shard *shard, uint32_t bucket)
{
	return ep_load64(shard->bytes + shard->directory_at + (size_t)bucket * 8);
}

/* Whether positions and starts ascend, and starts go from 0 to the number of slots: what a checksum
 * does not say of a file that somebody made. */
static bool
tracks_ascend(const struct ep_shard *shard)
{
	if (ep_shard_start(shard, 0) != 0 ||
	    ep_shard_start(shard, shard->track_count) != shard->slot_count)
		return false;
	for (size_t i = 0; i < shard->track_count; i++) {
		if (ep_shard_start(shard, i) >= ep_shard_start(shard, i + 1) ||
		    (i > 0 && ep_shard_position(shard, i - 1) >= ep_shard_position(shard, i)))
			return false;
	}
	return true;
}

/* Finds the tables behind the buckets, and checks that they are what the header says. */
static enum ep_status
find_tables(struct ep_shard *shard, const char *name, struct ep_error *err)
{
	size_t behind = shard->size - EP_SHARD_HEADER;
	bool fits = shard->bucket_bits <= 20 &&
	            shard->directory_at >= EP_SHARD_HEADER + EP_POSTINGS_PADDING &&
	            shard->directory_at <= shard->size && shard->track_count <= behind / 12;
	uint64_t tables = 0;
	if (fits)
		tables = ((uint64_t)bucket_count(shard) + 1) * 8 + shard->track_count * 12 + 4;
	if (!fits || tables != shard->size - shard->directory_at ||
	    ep_crc32(shard->bytes + shard->directory_at, tables) != ep_load32(shard->bytes + 52))
		return ep_fail(err, EP_CORRUPT, "the tables of %s are damaged", name);
	shard->positions =
		shard->bytes + shard->directory_at + ((size_t)bucket_count(shard) + 1) * 8;
	shard->starts = shard->positions + shard->track_count * 8;
	uint64_t before = EP_SHARD_HEADER;
	for (uint32_t i = 0; i <= bucket_count(shard); i++) {
		uint64_t at = bucket_at(shard, i);
		if (at < before || at > shard->directory_at - EP_POSTINGS_PADDING)
			return ep_fail(err, EP_CORRUPT, "the directory of %s is damaged", name);
		before = at;
	}
	if (shard->slot_count > EP_SHARD_SLOTS_MAX || !tracks_ascend(shard))
		return ep_fail(err, EP_CORRUPT, "the tracks of %s are damaged", name);
	return EP_OK;
}

enum ep_status
ep_shard_open(struct ep_shard *out, int fd, const char *name, struct ep_error *err)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return ep_fail(err, EP_IO, "cannot inspect %s", name);
	struct ep_shard shard = { .size = (size_t)info.st_size };
	if (info.st_size < EP_SHARD_HEADER)
		return ep_fail(err, EP_CORRUPT, "%s is truncated", name);
	void *map = mmap(NULL, shard.size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return ep_fail(err, EP_IO, "cannot map %s", name);
	shard.bytes = map;
	enum ep_status status = read_header(&shard, name, err);
	if (status == EP_OK)
		status = find_tables(&shard, name, err);
	if (status != EP_OK) {
		ep_shard_close(&shard);
		return status;
	}
	*out = shard;
	return EP_OK;
}

void
ep_shard_close(struct ep_shard *shard)
{
	uintptr_t at = (uintptr_t)shard->bytes;
	if (at)
		munmap((void *)at, shard->size);
	*shard = (struct ep_shard){ 0 };
}

void
ep_shard_trim(const struct ep_shard *shard)
{
	uintptr_t at = (uintptr_t)shard->bytes;
	(void)madvise((void *)at, shard->size, MADV_DONTNEED);
}

/* ---- lists ---- */

/* A varint of the entries; most have one byte. Gives 0 behind the end. */
static inline uint32_t
entry_number(struct ep_shard_walk *walk)
{
	uint32_t value = 0;
	for (unsigned shift = 0; walk->entry < walk->entry_end && shift < 32; shift += 7) {
		uint8_t byte = *walk->entry++;
		value |= (uint32_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	return 0;
}

/* Moves over the next list of the bucket at hand; EP_CORRUPT has no text. */
static inline enum ep_status
step(struct ep_shard_list *list, struct ep_shard_walk *walk, const struct ep_shard *shard)
{
	bool first = walk->list == walk->entry_end;
	uint32_t more = entry_number(walk);
	uint32_t count = entry_number(walk);
	walk->code += more;
	if (walk->code < more || walk->code >> shard->bucket_bits != walk->bucket ||
	    (more == 0 && !first) || count == 0 || count > shard->slot_count)
		return EP_CORRUPT;
	size_t size = ep_postings_size(count, shard->slot_count);
	if (size > (size_t)(walk->end - walk->list))
		return EP_CORRUPT;
	*list = (struct ep_shard_list){ walk->list, count };
	walk->list += size;
	return EP_OK;
}

/* Comes to a bucket. */
static enum ep_status
enter(struct ep_shard_walk *walk, const struct ep_shard *shard, uint32_t bucket)
{
	const uint8_t *at = shard->bytes + bucket_at(shard, bucket);
	const uint8_t *end = shard->bytes + bucket_at(shard, bucket + 1);
	struct ep_reader reader = ep_reader_of(at, (size_t)(end - at));
	*walk = (struct ep_shard_walk){ .bucket = bucket,
		                        .code = bucket << shard->bucket_bits,
		                        .end = end };
	if (at == end)
		return EP_OK;
	uint64_t size = ep_read_varint(&reader);
	walk->entry = ep_read_bytes(&reader, size);
	if (!walk->entry)
		return EP_CORRUPT;
	walk->entry_end = reader.at;
	walk->list = reader.at;
	return EP_OK;
}

void
ep_shard_prefetch_directory(const struct ep_shard *shard, uint32_t code)
{
	size_t bucket = code >> shard->bucket_bits;
	__builtin_prefetch(shard->bytes + shard->directory_at + bucket * 8);
}

void
ep_shard_prefetch_bucket(const struct ep_shard *shard, uint32_t code)
{
	const uint8_t *bucket = shard->bytes + bucket_at(shard, code >> shard->bucket_bits);
	__builtin_prefetch(bucket);
	__builtin_prefetch(bucket + 64);
}

struct ep_shard_list
ep_shard_find(const struct ep_shard *shard, uint32_t code)
{
	struct ep_shard_walk walk;
	struct ep_shard_list list = { NULL, 0 };
	enum ep_status status = enter(&walk, shard, code >> shard->bucket_bits);
	while (status == EP_OK && walk.entry < walk.entry_end && walk.code <= code) {
		status = step(&list, &walk, shard);
		if (status == EP_OK && walk.code == code)
			return list;
	}
	return (struct ep_shard_list){ NULL, 0 };
}

enum ep_status
ep_shard_next(uint32_t *code, struct ep_shard_list *list, struct ep_shard_walk *walk,
              const struct ep_shard *shard, struct ep_error *err)
{
	enum ep_status status = EP_OK;
	while (status == EP_OK && walk->entry == walk->entry_end) {
		uint32_t next = walk->end ? walk->bucket + 1 : 0;
		if (next == bucket_count(shard))
			return EP_NOT_FOUND;
		status = enter(walk, shard, next);
	}
	if (status == EP_OK)
		status = step(list, walk, shard);
	if (status != EP_OK)
		return ep_fail(err, EP_CORRUPT, "bucket %u of a shard of the index is damaged",
		               walk->bucket);
	*code = walk->code;
	return EP_OK;
}

enum ep_status
ep_shard_check(const struct ep_shard *shard, const char *name, struct ep_error *err)
{
	const uint8_t *buckets = shard->bytes + EP_SHARD_HEADER;
	size_t size = shard->directory_at - EP_SHARD_HEADER;
	if (ep_crc32(buckets, size) != ep_load32(shard->bytes + 48))
		return ep_fail(err, EP_CORRUPT, "the postings of %s are damaged", name);
	return EP_OK;
}

/* ---- tracks ---- */

uint64_t
ep_shard_position(const struct ep_shard *shard, size_t i)
{
	return ep_load64(shard->positions + i * 8);
}

uint32_t
ep_shard_start(const struct ep_shard *shard, size_t i)
{
	return ep_load32(shard->starts + i * 4);
}

size_t
ep_shard_track_at(const struct ep_shard *shard, uint32_t slot)
{
	size_t low = 0;
	size_t high = shard->track_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (ep_shard_start(shard, middle) <= slot)
			low = middle;
		else
			high = middle;
	}
	return low;
}
