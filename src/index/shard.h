/* shard.h - an immutable file of the index: where the codes of some tracks occur
 *
 * The tracks of a shard stand one behind the other on one line of slots, EP_SLOT_TIMES units of
 * time each; a posting is a code and the slot in which it occurs. Every track takes whole stretches
 * of EP_STRETCH_SLOTS slots, of which the first is empty: where a query that begins before the
 * track would begin. So what a track has in a stretch does not depend on its neighbours. Of the six
 * codes of an onset two are posted (EP_POSTED_KINDS): those of its next two followers, and those of
 * the second and third, so that an onset may be missing. Of a fingerprint without known onsets all
 * codes are.
 *
 *     offset     size
 *          0      8  "EPSHARD" and the version, 1
 *          8      8  tracks
 *         16      8  postings
 *         24      4  slots
 *         28      4  bits b: a bucket holds 2^b codes, from a multiple of it on
 *         32      8  D, where the directory begins
 *         40      8  size of the file
 *         48      4  CRC-32 of the buckets, from 64 up to D
 *         52      4  CRC-32 of all from D on
 *         56      4  0
 *         60      4  CRC-32 of the bytes before
 *         64         buckets, and 8 bytes of 0
 *          D         directory: for each bucket, and once more, where it begins, 64 bits
 *                    tracks: position of each in the log, 64 bits, ascending
 *                    starts: first slot of each track, and the number of slots, 32 bits
 *
 *     bucket  := varint(size of entries) entries lists
 *     entries := one or more of varint(code - the one before, or the first that it may be)
 *                               varint(postings), in order of code
 *     lists   := for each entry a list (postings.h) of slots, ascending
 *
 * Integers are little-endian. Specified in docs/formats/index.md.
 */
#ifndef EP_INDEX_SHARD_H
#define EP_INDEX_SHARD_H

#include "base/buffer.h"
#include "base/status.h"
#include "code/onset_hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EP_SLOT_TIMES 32u
#define EP_STRETCH_SLOTS 128u

#define EP_POSTED_KIND(kind) ((kind) == 0 || (kind) == 2 || (kind) == EP_SKETCH_ANY_KIND)

/* Slots of a shard, at most: some 50 years of music. What a search adds to a slot stays below
 * 2^32. */
#define EP_SHARD_SLOTS_MAX (UINT32_MAX - 4096)

#define EP_SHARD_HEADER 64

/* A shard that is open: a file that is mapped. */
struct ep_shard {
	const uint8_t *bytes;
	size_t size;
	uint64_t track_count;
	uint64_t posting_count;
	uint32_t slot_count;
	uint32_t bucket_bits;
	uint64_t directory_at;
	const uint8_t *positions; /* 64-bit, one a track */
	const uint8_t *starts; /* 32-bit, one a track and the end */
};

/* Maps the file fd, which may be closed then. The header and the tracks are checked, the postings
 * are not read.
 *
 * name  for error texts. EP_CORRUPT, EP_NEWER, EP_IO. */
EP_MUST_USE enum ep_status ep_shard_open(struct ep_shard *out, int fd, const char *name,
                                         struct ep_error *err);
void ep_shard_close(struct ep_shard *shard);

/* Gives what was read of the map back to the system, which reads it again when it is needed: for
 * long work, so that it does not count as this process's memory. */
void ep_shard_trim(const struct ep_shard *shard);

/* Reads all bytes and compares them with their checksums. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_shard_check(const struct ep_shard *shard, const char *name,
                                          struct ep_error *err);

/* The postings of one code. */
struct ep_shard_list {
	const uint8_t *bytes; /* as ep_postings_decode takes them */
	uint32_t count; /* 0: the code does not occur */
};

/* Finds the list of a code below EP_ONSET_CODE_COUNT; an empty one where there is none, or where
 * the bucket is damaged. */
struct ep_shard_list ep_shard_find(const struct ep_shard *shard, uint32_t code);

/* Ask the memory, without waiting, for what ep_shard_find will read for a code: where its bucket
 * begins, and, when that has come, the bucket. */
void ep_shard_prefetch_directory(const struct ep_shard *shard, uint32_t code);
void ep_shard_prefetch_bucket(const struct ep_shard *shard, uint32_t code);

/* Goes through the lists in order of code: begin with a zeroed walk. */
struct ep_shard_walk {
	uint32_t bucket; /* at hand */
	uint32_t code; /* of the list that came last */
	const uint8_t *entry; /* of the next list */
	const uint8_t *entry_end;
	const uint8_t *list; /* the next */
	const uint8_t *end; /* of the bucket; NULL before the first */
};

/* Gives the next code and its list. EP_NOT_FOUND at the end; EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_shard_next(uint32_t *code, struct ep_shard_list *list,
                                         struct ep_shard_walk *walk, const struct ep_shard *shard,
                                         struct ep_error *err);

/* The track in whose slots slot lies, which is below slot_count: its number in the shard. */
size_t ep_shard_track_at(const struct ep_shard *shard, uint32_t slot);

/* Of the track number i: its position in the log, and its first slot (of i = track_count: the
 * number of slots). */
uint64_t ep_shard_position(const struct ep_shard *shard, size_t i);
uint32_t ep_shard_start(const struct ep_shard *shard, size_t i);

/* ---- writing ---- */

struct ep_shard_writer;

/* Begins a shard in the empty file fd, which is borrowed.
 *
 * positions, starts  of track_count tracks, ascending, and one start more: the number of slots;
 *                    borrowed until the writer is done.
 * posting_count      about as many will come: for the size of buckets.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_shard_writer_open(struct ep_shard_writer **out, int fd,
                                                const char *name, const uint64_t *positions,
                                                const uint32_t *starts, size_t track_count,
                                                uint64_t posting_count, struct ep_error *err);

/* Adds the list of a code above those before: slots[0..count), ascending, none twice; count may be
 * 0. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_shard_add(struct ep_shard_writer *writer, uint32_t code,
                                        const uint32_t *slots, uint32_t count,
                                        struct ep_error *err);

/* Writes all that is left, and last the header. The file is not synced. EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_shard_finish(struct ep_shard_writer *writer, struct ep_error *err);
void ep_shard_writer_free(struct ep_shard_writer *writer);
EP_DEFINE_OWNED(struct ep_shard_writer, ep_shard_writer_free)

#endif
