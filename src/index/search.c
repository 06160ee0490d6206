/* One long file: the steps of a search share the memory in struct ep_searcher, and each goes
 * through the shards in the order of the step before. */
#include "index/search.h"

#include "base/sort64.h"
#include "index/postings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rarity: a prior of so many tracks, of which this share has a code; and what a posting counts, as
 * a track has a code also where it is not posted. */
#define PRIOR_TRACKS 256.0
#define PRIOR_SHARE 0.0074
#define POSTING_TRACKS 1.5
/* Codes with postings for more than this share of the tracks tell nothing. */
#define COMMON_SHARE 3.0

/* So many look-ups ahead the memory is asked for the bucket, and twice as many for where it begins;
 * and so many lists ahead for a list. */
#define AHEAD 24
#define LISTS_AHEAD 2

/* What is added to diagonals so that none is below 0, in whole stretches: queries are shorter. */
#define DIAGONAL_ZERO (4 * EP_STRETCH_SLOTS)

/* Stretches that are looked through together; and those that are looked at closely, at most, beside
 * equally good ones. */
#define STRETCH_BLOCK 64
#define STRETCHES_MAX 64

/* A hit: its diagonal above the number of its time in the probe, which has the code, and gives back
 * the slot. */
static inline uint32_t
diagonal_of_hit(uint64_t hit)
{
	return (uint32_t)(hit >> 32);
}

static inline uint32_t
time_of_hit(uint64_t hit)
{
	return (uint32_t)hit;
}

struct ep_searcher {
	struct ep_shard_list *lists; /* shard by shard, one a code of the probe */
	size_t list_capacity;
	uint32_t chosen[EP_PROBE_PAIRS_MAX];
	size_t chosen_count;
	uint32_t *slots; /* of the chosen lists, shard by shard, one list after the other */
	size_t slot_capacity;
	uint8_t *stretches; /* counts, shard by shard */
	uint64_t *near; /* bits: whether a stretch is looked at */
	size_t stretch_capacity;
	size_t stretch_count;
	uint64_t *hits;
	uint64_t *other_hits; /* while they are sorted */
	size_t hit_count;
	size_t hit_capacity;
	size_t other_capacity;
	uint32_t seen[EP_PROBE_PAIRS_MAX]; /* the window in which a code was last seen */
	uint32_t window;
	struct ep_candidate *found; /* of all shards */
	size_t found_count;
	size_t found_capacity;
};

enum ep_status
ep_searcher_new(struct ep_searcher **out, struct ep_error *err)
{
	*out = calloc(1, sizeof **out);
	return *out ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory for a search");
}

void
ep_searcher_free(struct ep_searcher *searcher)
{
	if (!searcher)
		return;
	free(searcher->lists);
	free(searcher->slots);
	free(searcher->stretches);
	free(searcher->near);
	free(searcher->hits);
	free(searcher->other_hits);
	free(searcher->found);
	free(searcher);
}

/* Makes room for wanted items of size bytes. */
static enum ep_status
make_room(void **items, size_t *capacity, size_t wanted, size_t size, struct ep_error *err)
{
	if (wanted <= *capacity)
		return EP_OK;
	void *grown = realloc(*items, wanted * 2 * size);
	if (!grown)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a search");
	*items = grown;
	*capacity = wanted * 2;
	return EP_OK;
}

#define MAKE_ROOM(array, capacity, wanted)                                                        \
	do {                                                                                      \
		void *make_room_items = (array);                                                  \
		EP_TRY(make_room(&make_room_items, &(capacity), (wanted), sizeof *(array), err)); \
		(array) = make_room_items;                                                        \
	} while (0)

/* ---- which lists ---- */

static float
rarity(uint64_t postings, uint64_t tracks)
{
	double all = (double)tracks + PRIOR_TRACKS;
	if ((double)postings * COMMON_SHARE > all)
		return 0;
	double bits = log2(all / ((double)postings * POSTING_TRACKS + PRIOR_TRACKS * PRIOR_SHARE));
	return bits > 0 ? (float)bits : 0;
}

static inline void
prefetch_lookups(const struct ep_shard *shard, const struct ep_probe *probe, size_t i)
{
	size_t later = i + 2 * AHEAD;
	if (later < probe->code_count)
		ep_shard_prefetch_directory(shard, probe->codes[later].code);
	if (i + AHEAD < probe->code_count)
		ep_shard_prefetch_bucket(shard, probe->codes[i + AHEAD].code);
}

static enum ep_status
find_lists(struct ep_searcher *searcher, const struct ep_index *index, struct ep_probe *probe,
           struct ep_error *err)
{
	size_t shard_count;
	const struct ep_shard *shards = ep_index_shards(index, &shard_count);
	MAKE_ROOM(searcher->lists, searcher->list_capacity, shard_count * probe->code_count + 1);
	for (size_t i = 0; i < probe->code_count; i++)
		probe->codes[i].postings = 0;
	for (size_t s = 0; s < shard_count; s++) {
		struct ep_shard_list *lists = searcher->lists + s * probe->code_count;
		for (size_t i = 0; i < probe->code_count; i++) {
			prefetch_lookups(&shards[s], probe, i);
			lists[i] = ep_shard_find(&shards[s], probe->codes[i].code);
			probe->codes[i].postings += lists[i].count;
		}
	}
	uint64_t tracks = ep_index_track_count(index);
	for (size_t i = 0; i < probe->code_count; i++)
		probe->codes[i].bits = rarity(probe->codes[i].postings, tracks);
	return EP_OK;
}

/* What the hits of a code cost for what they gain, above its number. Of floats that are not below 0
 * the bits are in the same order. */
static uint64_t
price_of(const struct ep_probe_code *code, size_t number)
{
	float price = (float)code->postings * (float)code->count / code->gain;
	uint32_t bits;
	memcpy(&bits, &price, sizeof bits);
	return (uint64_t)bits << 32 | number;
}

/* Chooses codes by price until the budget is used up. */
static void
choose(struct ep_searcher *searcher, struct ep_probe *probe)
{
	uint64_t prices[EP_PROBE_PAIRS_MAX];
	uint64_t scratch[EP_PROBE_PAIRS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < probe->code_count; i++) {
		if (probe->codes[i].bits > 0 && probe->codes[i].postings > 0)
			prices[count++] = price_of(&probe->codes[i], i);
	}
	ep_sort64(prices, scratch, count, 32);
	uint64_t used = 0;
	searcher->chosen_count = 0;
	probe->bits = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t number = (uint32_t)prices[i];
		used += probe->codes[number].postings * probe->codes[number].count;
		if (used > EP_SEARCH_BUDGET)
			break;
		searcher->chosen[searcher->chosen_count++] = number;
		probe->bits += probe->codes[number].bits;
	}
}

/* ---- stretches ---- */

/* What a hit counts for its stretch. */
static uint8_t
weight(float bits)
{
	return (uint8_t)(bits / 2 + 1);
}

/* The diagonal of slot 0 for a time of the query. */
static inline uint32_t
diagonal_of(uint32_t time)
{
	return DIAGONAL_ZERO - time / EP_SLOT_TIMES;
}

/* Stretches of a shard, in whole blocks. */
static size_t
stretch_count(const struct ep_shard *shard)
{
	size_t count = ((size_t)shard->slot_count + DIAGONAL_ZERO) / EP_STRETCH_SLOTS + 1;
	return (count / STRETCH_BLOCK + 1) * STRETCH_BLOCK;
}

static inline void
prefetch_list(const struct ep_searcher *searcher, const struct ep_shard *shard,
              const struct ep_shard_list *lists, size_t i)
{
	if (i >= searcher->chosen_count)
		return;
	struct ep_shard_list list = lists[searcher->chosen[i]];
	if (list.count)
		ep_postings_prefetch(list.bytes, list.count, shard->slot_count);
}

/* Decodes the chosen lists of a shard to slots, and counts their hits by stretch. */
static void
count_hits(uint32_t *slots, uint8_t *stretches, const struct ep_searcher *searcher,
           const struct ep_shard *shard, const struct ep_shard_list *lists,
           const struct ep_probe *probe)
{
	for (size_t i = 0; i < searcher->chosen_count; i++) {
		const struct ep_probe_code *code = &probe->codes[searcher->chosen[i]];
		struct ep_shard_list list = lists[searcher->chosen[i]];
		prefetch_list(searcher, shard, lists, i + LISTS_AHEAD);
		if (list.count == 0)
			continue;
		ep_postings_decode(slots, list.bytes, list.count, shard->slot_count);
		/* Of a damaged list. */
		for (uint32_t j = 0; j < list.count; j++)
			slots[j] = slots[j] < shard->slot_count ? slots[j] : 0;
		uint8_t gain = weight(code->bits);
		for (uint32_t t = 0; t < code->count; t++) {
			uint32_t zero = diagonal_of(probe->times[code->first + t]);
			for (uint32_t j = 0; j < list.count; j++) {
				uint8_t *at = &stretches[(slots[j] + zero) / EP_STRETCH_SLOTS];
				unsigned sum = (unsigned)*at + gain;
				*at = (uint8_t)(sum < UINT8_MAX ? sum : UINT8_MAX);
			}
		}
		slots += list.count;
	}
}

/* Makes room for the slots and stretches of all shards; counts are 0. */
static enum ep_status
make_stretches(struct ep_searcher *searcher, const struct ep_shard *shards, size_t shard_count,
               const struct ep_probe *probe, struct ep_error *err)
{
	uint64_t postings = 0;
	size_t count = 0;
	for (size_t i = 0; i < searcher->chosen_count; i++)
		postings += probe->codes[searcher->chosen[i]].postings;
	for (size_t s = 0; s < shard_count; s++)
		count += stretch_count(&shards[s]);
	MAKE_ROOM(searcher->slots, searcher->slot_capacity, postings + 1);
	if (count > searcher->stretch_capacity) {
		free(searcher->stretches);
		free(searcher->near);
		searcher->stretches = malloc(count);
		searcher->near = malloc(count / 8 + 1);
		searcher->stretch_capacity = searcher->stretches && searcher->near ? count : 0;
		if (searcher->stretch_capacity == 0)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a search");
	}
	searcher->stretch_count = count;
	if (count) {
		memset(searcher->stretches, 0, count);
		memset(searcher->near, 0, count / 8);
	}
	return EP_OK;
}

static uint8_t
block_most(const uint8_t *counts)
{
	uint8_t most = 0;
	for (size_t i = 0; i < STRETCH_BLOCK; i++)
		most = counts[i] > most ? counts[i] : most;
	return most;
}

/* The lowest value of at least 1 that no more than max of what is counted by value have. */
static unsigned
least_of(const size_t having[UINT8_MAX + 1], size_t max)
{
	unsigned least = UINT8_MAX + 1;
	size_t sum = 0;
	while (least > 1 && sum + having[least - 1] <= max)
		sum += having[--least];
	return least;
}

/* The count from which on stretches are looked at: all the same whatever shards they are in. Blocks
 * are looked through first, as most have no stretch that matters. */
static unsigned
find_least(const struct ep_searcher *searcher)
{
	size_t blocks[UINT8_MAX + 1] = { 0 };
	size_t stretches[UINT8_MAX + 1] = { 0 };
	const uint8_t *counts = searcher->stretches;
	for (size_t i = 0; i < searcher->stretch_count; i += STRETCH_BLOCK)
		blocks[block_most(counts + i)]++;
	unsigned floor = least_of(blocks, STRETCHES_MAX);
	floor -= floor > 1; /* so many blocks have it that the stretches are too many */
	for (size_t i = 0; i < searcher->stretch_count; i += STRETCH_BLOCK) {
		if (block_most(counts + i) < floor)
			continue;
		for (size_t j = i; j < i + STRETCH_BLOCK; j++)
			stretches[counts[j] >= floor ? counts[j] : 0]++;
	}
	unsigned least = least_of(stretches, STRETCHES_MAX);
	/* Where even the best are too many, they are all that there is. */
	return least > UINT8_MAX ? UINT8_MAX : least < floor ? floor : least;
}

/* Marks the best stretches, and those beside them: a diagonal may be at the border of two. */
static void
mark_stretches(struct ep_searcher *searcher)
{
	unsigned least = find_least(searcher);
	for (size_t b = 0; b < searcher->stretch_count / STRETCH_BLOCK; b++) {
		const uint8_t *block = searcher->stretches + b * STRETCH_BLOCK;
		uint64_t good = 0;
		if (block_most(block) < least)
			continue;
		for (size_t i = 0; i < STRETCH_BLOCK; i++)
			good |= (uint64_t)(block[i] >= least) << i;
		searcher->near[b] |= good | good << 1 | good >> 1;
		if (b > 0)
			searcher->near[b - 1] |= good << (STRETCH_BLOCK - 1);
		if ((b + 1) * STRETCH_BLOCK < searcher->stretch_count)
			searcher->near[b + 1] |= good >> (STRETCH_BLOCK - 1);
	}
}

/* ---- hits ---- */

/* Collects the hits of a shard that are in stretches looked at. */
static enum ep_status
collect_hits(struct ep_searcher *searcher, const uint32_t *slots, const uint64_t *near,
             const struct ep_shard_list *lists, const struct ep_probe *probe, struct ep_error *err)
{
	size_t hit_count = 0;
	for (size_t i = 0; i < searcher->chosen_count; i++) {
		uint32_t number = searcher->chosen[i];
		const struct ep_probe_code *code = &probe->codes[number];
		uint32_t count = lists[number].count;
		MAKE_ROOM(searcher->hits, searcher->hit_capacity,
		          hit_count + (size_t)count * code->count);
		uint64_t *hits = searcher->hits;
		for (uint32_t t = code->first; t < code->first + code->count; t++) {
			uint32_t zero = diagonal_of(probe->times[t]);
			for (uint32_t j = 0; j < count; j++) {
				uint32_t diagonal = slots[j] + zero;
				uint32_t stretch = diagonal / EP_STRETCH_SLOTS;
				hits[hit_count] = (uint64_t)diagonal << 32 | t;
				hit_count += near[stretch / 64] >> (stretch % 64) & 1;
			}
		}
		slots += count;
	}
	searcher->hit_count = hit_count;
	return EP_OK;
}

/* The slot of a hit. */
static inline uint32_t
slot_of_hit(uint64_t hit, const struct ep_probe *probe)
{
	return diagonal_of_hit(hit) - diagonal_of(probe->times[time_of_hit(hit)]);
}

/* The bits of the distinct codes of hits[first..) on its diagonal and the next, of one track. Two
 * times that differ by the same are one slot more or less apart. */
static float
window_bits(struct ep_searcher *searcher, const struct ep_probe *probe, size_t first,
            uint32_t track_start, uint32_t track_end)
{
	const uint64_t *hits = searcher->hits;
	uint32_t last = diagonal_of_hit(hits[first]) + 1;
	float bits = 0;
	searcher->window++;
	for (size_t i = first; i < searcher->hit_count && diagonal_of_hit(hits[i]) <= last; i++) {
		uint32_t slot = slot_of_hit(hits[i], probe);
		uint32_t code = probe->code_of_time[time_of_hit(hits[i])];
		if (slot < track_start || slot >= track_end ||
		    searcher->seen[code] == searcher->window)
			continue;
		searcher->seen[code] = searcher->window;
		bits += probe->codes[code].bits;
	}
	return bits;
}

/* Scores each diagonal of each track. Hits come by diagonal, so that those of a track stand side by
 * side, but at its borders; a track that is found twice is sorted out at the end. */
static enum ep_status
score_hits(struct ep_searcher *searcher, const struct ep_shard *shard, const struct ep_probe *probe,
           struct ep_error *err)
{
	const uint64_t *hits = searcher->hits;
	MAKE_ROOM(searcher->other_hits, searcher->other_capacity, searcher->hit_count + 1);
	ep_sort64(searcher->hits, searcher->other_hits, searcher->hit_count, 32);
	uint32_t diagonal = UINT32_MAX;
	uint32_t start = 0;
	uint32_t end = 0;
	for (size_t i = 0; i < searcher->hit_count; i++) {
		uint32_t slot = slot_of_hit(hits[i], probe);
		bool same_track = slot >= start && slot < end;
		if (same_track && diagonal_of_hit(hits[i]) == diagonal)
			continue;
		if (!same_track) {
			size_t track = ep_shard_track_at(shard, slot);
			start = ep_shard_start(shard, track);
			end = ep_shard_start(shard, track + 1);
			MAKE_ROOM(searcher->found, searcher->found_capacity,
			          searcher->found_count + 1);
			searcher->found[searcher->found_count++] =
				(struct ep_candidate){ ep_shard_position(shard, track), 0 };
		}
		diagonal = diagonal_of_hit(hits[i]);
		float score = window_bits(searcher, probe, i, start, end);
		struct ep_candidate *found = &searcher->found[searcher->found_count - 1];
		found->score = score > found->score ? score : found->score;
	}
	return EP_OK;
}

static int
compare_candidates(const void *one, const void *other)
{
	const struct ep_candidate *a = one;
	const struct ep_candidate *b = other;
	if (a->score < b->score || a->score > b->score)
		return a->score > b->score ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

/* Postings of the chosen codes in a shard. */
static size_t
chosen_postings(const struct ep_searcher *searcher, const struct ep_shard_list *lists)
{
	size_t count = 0;
	for (size_t i = 0; i < searcher->chosen_count; i++)
		count += lists[searcher->chosen[i]].count;
	return count;
}

static enum ep_status
search_shards(struct ep_searcher *searcher, const struct ep_shard *shards, size_t shard_count,
              const struct ep_probe *probe, struct ep_error *err)
{
	EP_TRY(make_stretches(searcher, shards, shard_count, probe, err));
	uint32_t *slots = searcher->slots;
	uint8_t *stretches = searcher->stretches;
	const struct ep_shard_list *lists = searcher->lists;
	for (size_t s = 0; s < shard_count; s++, lists += probe->code_count) {
		count_hits(slots, stretches, searcher, &shards[s], lists, probe);
		slots += chosen_postings(searcher, lists);
		stretches += stretch_count(&shards[s]);
	}
	mark_stretches(searcher);
	slots = searcher->slots;
	lists = searcher->lists;
	const uint64_t *near = searcher->near;
	for (size_t s = 0; s < shard_count; s++, lists += probe->code_count) {
		EP_TRY(collect_hits(searcher, slots, near, lists, probe, err));
		EP_TRY(score_hits(searcher, &shards[s], probe, err));
		slots += chosen_postings(searcher, lists);
		near += stretch_count(&shards[s]) / 64;
	}
	return EP_OK;
}

enum ep_status
ep_search(struct ep_candidate *candidates, size_t *count, size_t max, struct ep_searcher *searcher,
          const struct ep_index *index, struct ep_probe *probe, struct ep_error *err)
{
	size_t shard_count;
	const struct ep_shard *shards = ep_index_shards(index, &shard_count);
	EP_TRY(find_lists(searcher, index, probe, err));
	choose(searcher, probe);
	searcher->found_count = 0;
	EP_TRY(search_shards(searcher, shards, shard_count, probe, err));
	if (searcher->found_count)
		qsort(searcher->found, searcher->found_count, sizeof *searcher->found,
		      compare_candidates);
	*count = 0;
	for (size_t i = 0; i < searcher->found_count && *count < max; i++) {
		bool known = false;
		for (size_t j = 0; j < *count; j++)
			known |= candidates[j].position == searcher->found[i].position;
		if (!known)
			candidates[(*count)++] = searcher->found[i];
	}
	return EP_OK;
}
