#include "index/shard.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "index/postings.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 3

/* Bytes that are checked before they are given back. */
#define CHECK_BYTES ((size_t)8 << 20)

/* Bytes of a cache line. */
#define LINE 64

/* Tracks that the first step of ep_shard_track_at skips. */
#define FIRST_STEP 64

/* Cache lines that are prefetched: the tables of most buckets fit into them. */
#define LINES_AHEAD 2

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
	if (ep_crc32(bytes, 60) != ep_load32(bytes + 60))
		return ep_fail(err, EP_CORRUPT, "the header of %s is damaged", name);
	if (bytes[7] != VERSION)
		return ep_fail(err, EP_CORRUPT, "%s has the old version %u", name, bytes[7]);
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
	return EP_KEY_END >> shard->bucket_bits;
}

/* Where a bucket begins; 0..bucket_count. */
static uint64_t
bucket_at(const struct ep_shard *shard, uint32_t bucket)
{
	return ep_load64(shard->bytes + shard->directory_at + (size_t)bucket * 8);
}

/* Finds the tables behind the buckets, and checks that there is room for them. */
static enum ep_status
find_tables(struct ep_shard *shard, const char *name, struct ep_error *err)
{
	size_t behind = shard->size - EP_SHARD_HEADER;
	bool fits = shard->bucket_bits <= EP_KEY_BITS &&
	            shard->directory_at >= EP_SHARD_HEADER + EP_POSTINGS_PADDING &&
	            shard->directory_at <= shard->size && shard->track_count > 0 &&
	            shard->track_count <= behind / 12 && shard->posting_count / 8 <= behind &&
	            shard->slot_count > 0 && shard->slot_count <= EP_SHARD_SLOTS_MAX;
	uint64_t tables = 0;
	if (fits)
		tables = ((uint64_t)bucket_count(shard) + 1) * 8 + shard->track_count * 12 + 4;
	if (!fits || tables != shard->size - shard->directory_at)
		return ep_fail(err, EP_CORRUPT, "the tables of %s are damaged", name);
	shard->positions =
		shard->bytes + shard->directory_at + ((size_t)bucket_count(shard) + 1) * 8;
	shard->starts = shard->positions + shard->track_count * 8;
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
	/* A search reads a page here and there: without this, each would bring megabytes with it.
	 */
	(void)madvise(map, shard.size, MADV_RANDOM);
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

/* ---- checking ---- */

/* Whether the buckets stand one behind the other, in their place. */
static bool
directory_ascends(const struct ep_shard *shard)
{
	uint64_t before = EP_SHARD_HEADER;
	for (uint32_t i = 0; i <= bucket_count(shard); i++) {
		uint64_t at = bucket_at(shard, i);
		if (at < before || at > shard->directory_at - EP_POSTINGS_PADDING)
			return false;
		before = at;
	}
	return true;
}

/* Whether positions and starts ascend, and starts go in whole stretches from 0 to the number of
 * slots: what a checksum does not say of a file that somebody made. */
static bool
tracks_ascend(const struct ep_shard *shard)
{
	if (ep_shard_start(shard, 0) != 0 ||
	    ep_shard_start(shard, shard->track_count) != shard->slot_count ||
	    shard->slot_count % EP_STRETCH_SLOTS)
		return false;
	for (size_t i = 0; i < shard->track_count; i++) {
		uint32_t start = ep_shard_start(shard, i);
		if (start >= ep_shard_start(shard, i + 1) || start % EP_STRETCH_SLOTS ||
		    (i > 0 && ep_shard_position(shard, i - 1) >= ep_shard_position(shard, i)))
			return false;
	}
	return true;
}

/* Whether the bytes from one place of the file up to another have this checksum. They are given
 * back as they have been read, so that a large file does not count as this process's memory. */
static bool
has_checksum(const struct ep_shard *shard, size_t from, size_t to, uint32_t expected)
{
	uint32_t crc = 0;
	for (size_t at = from; at < to;) {
		size_t size = to - at < CHECK_BYTES ? to - at : CHECK_BYTES;
		crc = ep_crc32_add(crc, shard->bytes + at, size);
		ep_shard_trim(shard);
		at += size;
	}
	return crc == expected;
}

enum ep_status
ep_shard_check(const struct ep_shard *shard, const char *name, struct ep_error *err)
{
	uintptr_t map = (uintptr_t)shard->bytes;
	(void)madvise((void *)map, shard->size, MADV_SEQUENTIAL);
	if (!has_checksum(shard, shard->directory_at, shard->size, ep_load32(shard->bytes + 52)))
		return ep_fail(err, EP_CORRUPT, "the tables of %s are damaged", name);
	if (!directory_ascends(shard))
		return ep_fail(err, EP_CORRUPT, "the directory of %s is damaged", name);
	if (!tracks_ascend(shard))
		return ep_fail(err, EP_CORRUPT, "the tracks of %s are damaged", name);
	if (!has_checksum(shard, EP_SHARD_HEADER, shard->directory_at,
	                  ep_load32(shard->bytes + 48)))
		return ep_fail(err, EP_CORRUPT, "the postings of %s are damaged", name);
	return EP_OK;
}

/* ---- lists ---- */

/* How many keys of the bucket are before `key`. */
static inline uint32_t
keys_before(const struct ep_shard *shard, uint32_t bucket, uint32_t key)
{
	return key - (bucket << shard->bucket_bits);
}

/* Where the numbers of a key begin. */
static inline uint64_t
number_of(const struct ep_shard *shard, uint32_t bucket, uint32_t key)
{
	return (uint64_t)keys_before(shard, bucket, key) * shard->slot_count;
}

/* The postings of a bucket. EP_NOT_FOUND  it has none. EP_CORRUPT. Neither has a text. */
static inline enum ep_status
find_bucket(struct ep_postings *list, const struct ep_shard *shard, uint32_t bucket)
{
	uint64_t from = bucket_at(shard, bucket);
	uint64_t to = bucket_at(shard, bucket + 1);
	if (from > to || from < EP_SHARD_HEADER || to > shard->directory_at - EP_POSTINGS_PADDING)
		return EP_CORRUPT;
	if (from == to)
		return EP_NOT_FOUND;
	struct ep_reader reader = ep_reader_of(shard->bytes + from, to - from);
	uint64_t count = ep_read_varint(&reader);
	uint64_t limit = (uint64_t)shard->slot_count << shard->bucket_bits;
	if (!reader.ok || count == 0 || count > limit || count > (to - from) * 8)
		return EP_CORRUPT;
	*list = ep_postings_shape(count, shard->slot_count, shard->bucket_bits);
	list->bytes = reader.at;
	return list->size == ep_reader_left(&reader) ? EP_OK : EP_CORRUPT;
}

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Requests the bytes of the file from one offset up to another; the offsets may be any numbers. On
 * disk, all their pages are requested; in memory, only the first lines, because the processor
 * fetches the following ones by itself. */
static inline void
request(const struct ep_shard *shard, uint64_t from, uint64_t to, enum ep_shard_source source)
{
	uintptr_t map = (uintptr_t)shard->bytes;
	if (from >= to || to > shard->size)
		return;
	if (source == EP_SHARD_ON_DISK) {
		from -= from % page_size();
		(void)madvise((void *)(map + from), to - from, MADV_WILLNEED);
		return;
	}
	for (uint64_t at = from; at < to && at < from + LINES_AHEAD * LINE; at += LINE)
		__builtin_prefetch(shard->bytes + at);
}

void
ep_shard_request_directory(const struct ep_shard *shard, uint32_t key, enum ep_shard_source source)
{
	uint64_t at = shard->directory_at + (uint64_t)(key >> shard->bucket_bits) * 8;
	request(shard, at, at + 16, source);
}

void
ep_shard_request_bucket(const struct ep_shard *shard, uint32_t key, enum ep_shard_source source)
{
	uint32_t bucket = key >> shard->bucket_bits;
	uint64_t from = bucket_at(shard, bucket);
	if (source == EP_SHARD_IN_MEMORY) {
		request(shard, from, from + LINES_AHEAD * LINE, source);
		return;
	}
	uint64_t to = bucket_at(shard, bucket + 1);
	request(shard, from, to - from > page_size() ? from + page_size() : to, source);
}

/* Where a place of the map is in the file. */
static inline uint64_t
offset_of(const struct ep_shard *shard, const uint8_t *at)
{
	return (uint64_t)((uintptr_t)at - (uintptr_t)shard->bytes);
}

void
ep_shard_request_list(const struct ep_shard *shard, uint32_t first, uint32_t end,
                      enum ep_shard_source source)
{
	uint32_t bucket = first >> shard->bucket_bits;
	uint32_t last = (end - 1) >> shard->bucket_bits;
	struct ep_postings list;
	if (bucket != last) {
		request(shard, bucket_at(shard, bucket), bucket_at(shard, last + 1), source);
		return;
	}
	if (find_bucket(&list, shard, bucket) != EP_OK)
		return;
	struct ep_postings_cursor from = ep_postings_find(&list, keys_before(shard, bucket, first));
	struct ep_postings_cursor to = ep_postings_find(&list, keys_before(shard, bucket, end));
	request(shard, offset_of(shard, ep_postings_low(&from)),
	        offset_of(shard, ep_postings_low(&to)) + 1, source);
	request(shard, offset_of(shard, ep_postings_high(&from)),
	        offset_of(shard, ep_postings_high(&to)) + 1, source);
}

/* By the bytes of the buckets from that of first up to that of end. */
static uint64_t
estimate(const struct ep_shard *shard, uint32_t first, uint32_t end)
{
	uint64_t from = bucket_at(shard, first >> shard->bucket_bits);
	uint64_t to = bucket_at(shard, ((end - 1) >> shard->bucket_bits) + 1);
	uint64_t all = shard->directory_at - EP_SHARD_HEADER;
	if (from > to || to - from > all)
		return 0;
	return (uint64_t)((double)(to - from) / (double)all * (double)shard->posting_count);
}

uint64_t
ep_shard_count(const struct ep_shard *shard, uint32_t first, uint32_t end)
{
	uint32_t bucket = first >> shard->bucket_bits;
	struct ep_postings list;
	if ((end - 1) >> shard->bucket_bits != bucket)
		return estimate(shard, first, end);
	if (find_bucket(&list, shard, bucket) != EP_OK)
		return 0;
	uint64_t from = ep_postings_find(&list, keys_before(shard, bucket, first)).next;
	uint64_t to = ep_postings_find(&list, keys_before(shard, bucket, end)).next;
	return from < to && to <= list.count ? to - from : 0;
}

/* What is read at once of a bucket. */
#define PART 256

/* Reads the slots of keys of one bucket from *first on, which moves to the end of what was read. */
static size_t
read_bucket(uint32_t *slots, size_t max, const struct ep_shard *shard, uint32_t bucket,
            uint32_t first, uint32_t end)
{
	uint64_t numbers[PART];
	struct ep_postings list;
	size_t got = 0;
	size_t count;
	if (find_bucket(&list, shard, bucket) != EP_OK)
		return 0;
	uint64_t base = number_of(shard, bucket, first);
	uint64_t stop = number_of(shard, bucket, end);
	struct ep_postings_cursor cursor =
		ep_postings_find(&list, keys_before(shard, bucket, first));
	do {
		size_t wanted = max - got < PART ? max - got : PART;
		count = ep_postings_read(numbers, wanted, &cursor, stop);
		for (size_t i = 0; i < count; i++) {
			if (numbers[i] - base >= shard->slot_count)
				base = numbers[i] - numbers[i] % shard->slot_count;
			slots[got++] = (uint32_t)(numbers[i] - base);
		}
	} while (count == PART);
	return got;
}

size_t
ep_shard_read(uint32_t *slots, size_t max, const struct ep_shard *shard, uint32_t first,
              uint32_t end)
{
	size_t got = 0;
	while (first < end && got < max) {
		uint32_t bucket = first >> shard->bucket_bits;
		uint32_t next = (bucket + 1) << shard->bucket_bits;
		uint32_t stop = next < end ? next : end;
		got += read_bucket(slots + got, max - got, shard, bucket, first, stop);
		first = stop;
	}
	return got;
}

/* Comes to the next bucket that has postings and is before end. EP_NOT_FOUND  there is none. */
static enum ep_status
enter(struct ep_shard_walk *walk, const struct ep_shard *shard, uint32_t end)
{
	struct ep_postings list;
	enum ep_status status = EP_NOT_FOUND;
	for (; status == EP_NOT_FOUND; walk->bucket++) {
		if (walk->bucket >= bucket_count(shard) ||
		    walk->bucket << shard->bucket_bits >= end)
			return EP_NOT_FOUND;
		status = find_bucket(&list, shard, walk->bucket);
	}
	walk->bucket--;
	if (status != EP_OK)
		return status;
	walk->inside = true;
	walk->left = list.count;
	walk->last = 0;
	walk->cursor = ep_postings_begin(&list);
	return EP_OK;
}

/* The postings that the numbers of the bucket at hand stand for, in their place. EP_CORRUPT. */
static enum ep_status
numbers_to_postings(uint64_t *numbers, size_t count, struct ep_shard_walk *walk,
                    const struct ep_shard *shard)
{
	uint64_t key = (uint64_t)walk->bucket << shard->bucket_bits;
	uint64_t limit = (uint64_t)shard->slot_count << shard->bucket_bits;
	uint64_t base = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t number = numbers[i];
		if (number < walk->last || number >= limit)
			return EP_CORRUPT;
		walk->last = number + 1;
		if (number - base >= shard->slot_count) {
			uint64_t more = number / shard->slot_count;
			base = more * shard->slot_count;
			key = ((uint64_t)walk->bucket << shard->bucket_bits) + more;
		}
		numbers[i] = key << 32 | (number - base);
	}
	return EP_OK;
}

enum ep_status
ep_shard_next(uint64_t *postings, size_t *count, size_t max, struct ep_shard_walk *walk,
              const struct ep_shard *shard, uint32_t end, struct ep_error *err)
{
	enum ep_status status = EP_OK;
	*count = 0;
	while (status == EP_OK && *count == 0) {
		if (!walk->inside)
			status = enter(walk, shard, end);
		if (status != EP_OK || walk->bucket << shard->bucket_bits >= end)
			break;
		uint32_t after = (walk->bucket + 1) << shard->bucket_bits;
		uint64_t stop = number_of(shard, walk->bucket, after < end ? after : end);
		*count = ep_postings_read(postings, max, &walk->cursor, stop);
		walk->left -= *count;
		status = numbers_to_postings(postings, *count, walk, shard);
		if (*count || status != EP_OK)
			break;
		if (after > end)
			break; /* what is left is behind the end */
		if (walk->left)
			status = EP_CORRUPT;
		walk->inside = false;
		walk->bucket++;
	}
	if (status == EP_CORRUPT)
		return ep_fail(err, EP_CORRUPT, "bucket %u of a shard of the index is damaged",
		               walk->bucket);
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

/* Where the track of a slot stands, about: tracks are of about the same length. */
static size_t
guess_track(const struct ep_shard *shard, uint32_t slot)
{
	return (size_t)((uint64_t)slot * shard->track_count / shard->slot_count);
}

void
ep_shard_request_track(const struct ep_shard *shard, uint32_t slot)
{
	uint64_t at = offset_of(shard, shard->starts) + guess_track(shard, slot) * 4;
	uint64_t around = page_size() / 2;
	request(shard, at > around ? at - around : 0, at + around, EP_SHARD_ON_DISK);
}

/* Searches from the guess on in steps that double, then bisects the last step, so that few pages
 * are read. */
size_t
ep_shard_track_at(const struct ep_shard *shard, uint32_t slot)
{
	size_t low = guess_track(shard, slot);
	size_t high = low + 1;
	for (size_t step = FIRST_STEP; low > 0 && ep_shard_start(shard, low) > slot; step *= 2) {
		high = low;
		low -= low < step ? low : step;
	}
	for (size_t step = FIRST_STEP;
	     high < shard->track_count && ep_shard_start(shard, high) <= slot; step *= 2) {
		low = high;
		high += shard->track_count - high < step ? shard->track_count - high : step;
	}
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (ep_shard_start(shard, middle) <= slot)
			low = middle;
		else
			high = middle;
	}
	return low;
}
