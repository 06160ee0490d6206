/* probe.h - a question to the index: the codes of a query with their times, and the keys under
 * which its postings may be found */
#ifndef EP_INDEX_PROBE_H
#define EP_INDEX_PROBE_H

#include "code/stored/sketch.h"

#include <stdbool.h>

/* Pairs of a query that count; a minute of music has some 1,700. */
#define EP_PROBE_PAIRS_MAX 8192

/* One distinct code of a query. */
struct ep_probe_code {
	uint32_t code;
	uint32_t first; /* of its times, in the probe's times */
	uint32_t count; /* of its times */
	float gain; /* how often, for its kinds, a posting is the true one, against the others */
};

/* Keys that are looked up together: all of a code, or one. */
struct ep_probe_key {
	uint32_t first; /* the keys from first up to end, which is not one of them */
	uint32_t end;
	uint32_t first_time; /* of its times, in the probe's times */
	uint32_t time_count;
	uint16_t code; /* its number */
	bool whole; /* all keys of the code */
	bool passed; /* by a search, as another key is as good */
	bool chosen; /* by a search */
	float gain; /* the same for these postings */
	float bits; /* its rarity: -log2 of about the share of tracks that have it; 0: of no use */
	uint64_t postings; /* in the whole index, about */
};

/* Each code of a query gives two keys and each of its times two more, at most. */
#define EP_PROBE_KEYS_MAX (4 * EP_PROBE_PAIRS_MAX)
#define EP_PROBE_TIMES_MAX (3 * EP_PROBE_PAIRS_MAX)

#define EP_PROBE_TABLE_BITS 15

/* A zeroed struct is an empty probe; it may be used again and again. */
struct ep_probe {
	struct ep_probe_code codes[EP_PROBE_PAIRS_MAX]; /* in order of code */
	size_t code_count;
	struct ep_probe_key keys[EP_PROBE_KEYS_MAX]; /* first those of whole codes */
	size_t whole_count;
	size_t key_count;
	uint32_t times[EP_PROBE_TIMES_MAX]; /* of the codes, and then of refined keys */
	size_t time_count;
	uint32_t span; /* above all times */
	float bits; /* of the keys that a search has chosen */
	bool cut; /* whether the search left keys out to stay within its budget */
	bool cold; /* whether counting the postings of these keys had to wait for the disk */
	uint32_t lists; /* that the search read: each of one key, in one shard */
	uint64_t hits; /* in these lists */
	uint64_t sorted[EP_PROBE_TIMES_MAX]; /* while it is filled */
	uint64_t scratch[EP_PROBE_TIMES_MAX];
	uint16_t table[1 << EP_PROBE_TABLE_BITS]; /* number of a code and 1, by hash */
};

/* Replaces probe by the codes of a sketch, of which the first EP_PROBE_PAIRS_MAX count; what a
 * search fills of keys is 0. */
void ep_probe_fill(struct ep_probe *probe, const struct ep_sketch *sketch);

/* The same, but with only those keys that gain most: a tenth of all. They suffice to see whether
 * there is a track at all in which the query is. */
void ep_probe_fill_best(struct ep_probe *probe, const struct ep_sketch *sketch);

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
