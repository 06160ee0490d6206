/* onset_hash.h - the hash that turns two differences of time into a code
 *
 * A code is MurmurHash2 over five bytes, of which the lower 20 bits are kept: the two differences
 * as 16-bit little-endian numbers, and the band. For five bytes the hash has a closed form, each of
 * whose steps can be undone.
 */
#ifndef EP_CODE_ONSET_HASH_H
#define EP_CODE_ONSET_HASH_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define EP_ONSET_BANDS 8
#define EP_ONSET_CODE_COUNT (1u << 20)

/* Differences that the inversion finds are below this. */
#define EP_ONSET_DELTA_END 4096

/* What the five bytes are hashed with: the multiplier, and the seed mixed with the length. */
#define EP_ONSET_HASH_M 0x5bd1e995u
#define EP_ONSET_HASH_START ((0x9ea5fa36u ^ 5u) * EP_ONSET_HASH_M)

/* The code of two differences, of which the low 16 bits count, in band 0..7. */
static inline uint32_t
ep_onset_hash(uint32_t first, uint32_t second, uint32_t band)
{
	uint32_t mixed = ((first & 0xffff) | second << 16) * EP_ONSET_HASH_M;
	mixed = (mixed ^ mixed >> 24) * EP_ONSET_HASH_M;
	uint32_t hash = (EP_ONSET_HASH_START ^ mixed ^ band) * EP_ONSET_HASH_M;
	hash = (hash ^ hash >> 13) * EP_ONSET_HASH_M;
	return (hash ^ hash >> 15) & (EP_ONSET_CODE_COUNT - 1);
}

/* Two differences and their band that give a known code. */
struct ep_onset_source {
	uint16_t first;
	uint16_t second;
	uint8_t band;
};

#define EP_ONSET_SOURCES_MAX 512

/* Writes to sources, which has room for EP_ONSET_SOURCES_MAX, all that give code, with a band out
 * of the bit set bands and both differences below EP_ONSET_DELTA_END; returns how many, about 16 a
 * band. Computes 4,096 inverses a band: for the rare cases. */
size_t ep_onset_invert(struct ep_onset_source *sources, uint32_t code, unsigned bands);

/* All sources of every code with differences from EP_ONSET_TABLE_FIRST below EP_ONSET_TABLE_END.
 * The sources of a code are entries[start[code]] up to entries[start[code + 1]], each packed as
 * (band << 20 | first << 10 | second). */
struct ep_onset_table {
	const uint32_t *start;
	const uint32_t *entries;
};
#define EP_ONSET_TABLE_FIRST 15
#define EP_ONSET_TABLE_END 512

/* Borrows the table, which the first call in the process makes and nothing frees. From any thread.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_table_get(struct ep_onset_table *out, struct ep_error *err);

#endif
