/* probe.h - a question to the index: the codes of a query, each with its times and its rarity */
#ifndef EP_INDEX_PROBE_H
#define EP_INDEX_PROBE_H

#include "code/stored/sketch.h"

/* Pairs of a query that count; a minute of music has some 1,700. */
#define EP_PROBE_PAIRS_MAX 8192

/* One distinct code of a query. */
struct ep_probe_code {
	uint32_t code;
	uint32_t first; /* of its times, in the probe's times */
	uint32_t count; /* of its times */
	float gain; /* how often, for its kinds, a posting is the true one, against the others */
	float bits; /* its rarity: -log2 of about the share of tracks that have it; 0: of no use */
	uint64_t postings; /* in the whole index */
};

#define EP_PROBE_TABLE_BITS 15

/* A zeroed struct is an empty probe; it may be used again and again. */
struct ep_probe {
	struct ep_probe_code codes[EP_PROBE_PAIRS_MAX]; /* in order of code */
	size_t code_count;
	uint32_t times[EP_PROBE_PAIRS_MAX];
	uint16_t code_of_time[EP_PROBE_PAIRS_MAX]; /* number of the code whose time it is */
	size_t time_count;
	uint32_t span; /* above all times */
	float bits; /* of the codes that a search has chosen */
	uint16_t table[1 << EP_PROBE_TABLE_BITS]; /* number of a code and 1, by hash */
};

/* Replaces probe by the codes of a sketch, of which the first EP_PROBE_PAIRS_MAX count; bits and
 * postings are 0 until a search fills them. */
void ep_probe_fill(struct ep_probe *probe, const struct ep_sketch *sketch);

/* Where a code is first looked for in the table. */
static inline uint32_t
ep_probe_hash(uint32_t code)
{
	return code * 0x9e3779b1u >> (32 - EP_PROBE_TABLE_BITS);
}

/* The number of a code in probe->codes, or -1 where the query has it not. */
static inline int
ep_probe_find(const struct ep_probe *probe, uint32_t code)
{
	uint32_t at = ep_probe_hash(code);
	for (; probe->table[at]; at = (at + 1) & ((1u << EP_PROBE_TABLE_BITS) - 1)) {
		if (probe->codes[probe->table[at] - 1].code == code)
			return probe->table[at] - 1;
	}
	return -1;
}

#endif
