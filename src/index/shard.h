/* shard.h - the postings of some tracks in an immutable file
 *
 * The tracks stand one behind the other on a line of slots of EP_SLOT_TIMES units of time. Each
 * takes whole stretches of EP_STRETCH_SLOTS, and begins with an empty one, so that what a query
 * finds before a track's beginning is not its neighbour's. A posting is a key and the slot in
 * which it occurs. A key is a code with the refinement of EP_KEY_REFINED_BITS below it, so that
 * the postings of a code stand side by side, and those that agree in one more onset among them.
 *
 * Of a track of known onsets the kinds 0 and 2 of its codes are posted, else all.
 *
 *     offset     size
 *          0      8  "EPSHARD" and the version, 3
 *          8      8  tracks
 *         16      8  postings
 *         24      4  slots
 *         28      4  bits b: a bucket holds 2^b keys, from a multiple of it on
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
 *     bucket  := nothing, or varint(postings) list
 *     list    := of each posting (key - the bucket's first) * slots + slot, ascending, below
 *                slots * 2^b (postings.h)
 *
 * Integers are little-endian. Specified in docs/formats/index.md.
 */
#ifndef EP_INDEX_SHARD_H
#define EP_INDEX_SHARD_H

#include "base/buffer.h"
#include "base/status.h"
#include "code/stored/sketch.h"
#include "index/postings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EP_SLOT_TIMES 32u
#define EP_STRETCH_SLOTS 128u

#define EP_POSTED_KIND(kind) ((kind) == 0 || (kind) == 2 || (kind) == EP_SKETCH_ANY_KIND)

/* A key: a code above its refinement, which is 0 where none is known. */
#define EP_KEY_BITS (20u + EP_REFINEMENT_BITS)
#define EP_KEY_END ((uint32_t)1 << EP_KEY_BITS)
#define EP_KEY_OF(code, refinement) ((uint32_t)(code) << EP_REFINEMENT_BITS | (refinement))
_Static_assert(EP_ONSET_CODE_COUNT == (uint32_t)1 << 20, "a code stands above its refinement");

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

/* Maps the file fd for reading at random places; fd may be closed afterwards. Only the header is
 * checked, so a large file takes no longer. The rest of the file may contain anything; even then,
 * the functions below read nothing outside the file.
 *
 * name  for error texts. EP_CORRUPT  also where the version is an older one. EP_NEWER, EP_IO. */
EP_MUST_USE enum ep_status ep_shard_open(struct ep_shard *out, int fd, const char *name,
                                         struct ep_error *err);
void ep_shard_close(struct ep_shard *shard);

/* Gives what was read of the map back to the system, which reads it again when it is needed: for
 * long work, so that it does not count as this process's memory. */
void ep_shard_trim(const struct ep_shard *shard);

/* Reads all bytes, compares them with their checksums, and checks the tables. Afterwards the map
 * is set for reading from beginning to end. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_shard_check(const struct ep_shard *shard, const char *name,
                                          struct ep_error *err);

/* ---- lists ---- */

/* How many postings the keys from first up to end, which is not, have: counted where they stand in
 * one bucket, else estimated by the bytes of the buckets, which are not read. */
uint64_t ep_shard_count(const struct ep_shard *shard, uint32_t first, uint32_t end);

/* Reads the slots of these postings, at most max, key by key, ascending in each; returns how many.
 * What is damaged is left out, or has slots that are wrong, but below slot_count. */
size_t ep_shard_read(uint32_t *slots, size_t max, const struct ep_shard *shard, uint32_t first,
                     uint32_t end);

enum ep_shard_source {
	EP_SHARD_IN_MEMORY, /* in the system's cache: a request takes nanoseconds */
	EP_SHARD_ON_DISK, /* perhaps not cached: a request takes a microsecond */
};

/* Request, without waiting, what ep_shard_count and ep_shard_read will read of a key. Call them in
 * this order, each when the data of the one before is there: where the key's bucket begins; the
 * bucket's table, which is all that most counts need (on disk, also the rest of a small bucket);
 * and the lists of the keys from first up to end. */
void ep_shard_request_directory(const struct ep_shard *shard, uint32_t key,
                                enum ep_shard_source source);
void ep_shard_request_bucket(const struct ep_shard *shard, uint32_t key,
                             enum ep_shard_source source);
void ep_shard_request_list(const struct ep_shard *shard, uint32_t first, uint32_t end,
                           enum ep_shard_source source);

/* Goes through all postings: begin with a zeroed walk. */
struct ep_shard_walk {
	uint32_t bucket; /* the next one, or that at hand */
	bool inside; /* of a bucket */
	uint64_t left; /* postings of the bucket at hand */
	uint64_t last; /* its last number, and 1 */
	struct ep_postings_cursor cursor;
};

/* Gives the next postings whose keys are below end, at most max, each as key << 32 | slot, in
 * order; *count is how many, 0 where there are no more. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_shard_next(uint64_t *postings, size_t *count, size_t max,
                                         struct ep_shard_walk *walk, const struct ep_shard *shard,
                                         uint32_t end, struct ep_error *err);

/* ---- tracks ---- */

/* The track in whose slots slot lies, which is below slot_count: its number in the shard. */
size_t ep_shard_track_at(const struct ep_shard *shard, uint32_t slot);

/* Asks the disk, without waiting, for what ep_shard_track_at will most likely read. */
void ep_shard_request_track(const struct ep_shard *shard, uint32_t slot);

/* Of the track number i: its position in the log, and its first slot (of i = track_count: the
 * number of slots). */
uint64_t ep_shard_position(const struct ep_shard *shard, size_t i);
uint32_t ep_shard_start(const struct ep_shard *shard, size_t i);

/* ---- writing ---- */

/* The bits of the largest buckets that have at most so many postings on average; 0 where all have
 * more. */
uint32_t ep_shard_bucket_bits(uint64_t posting_count, uint64_t bucket_postings);

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

/* Adds postings, key << 32 | slot, in order of key, behind those before; the slots of a key may be
 * in any order and more than once, but all come in one call. *kept is how many are left, each once.
 * The array is sorted. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_shard_add(uint64_t *kept, struct ep_shard_writer *writer,
                                        uint64_t *postings, size_t count, struct ep_error *err);

/* Writes all that is left, and last the header. The file is not synced. EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_shard_finish(struct ep_shard_writer *writer, struct ep_error *err);
void ep_shard_writer_free(struct ep_shard_writer *writer);
EP_DEFINE_OWNED(struct ep_shard_writer, ep_shard_writer_free)

#endif
