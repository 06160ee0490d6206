#include "index/search.h"

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

/* Slots of a stretch, as a power of two; and what is added to diagonals so that none is below 0:
 * queries are shorter. */
#define STRETCH_BITS 8
#define DIAGONAL_ZERO 512u

/* Stretches of one shard that are looked at closely. */
#define STRETCHES_MAX 128

struct hit {
	uint32_t diagonal;
	uint32_t slot;
	uint32_t code; /* its number in the probe */
};

struct ep_searcher {
	struct ep_shard_list *lists; /* shard by shard, one a code of the probe */
	size_t list_capacity;
	uint32_t chosen[EP_PROBE_PAIRS_MAX];
	size_t chosen_count;
	uint32_t *slots; /* of the chosen lists of a shard, one after the other */
	size_t slot_capacity;
	uint8_t *stretches; /* counts of a shard */
	uint8_t *near; /* whether a stretch is looked at */
	size_t stretch_capacity;
	struct hit *hits;
	size_t hit_count;
	size_t hit_capacity;
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

#define MAKE_ROOM(array, capacity, wanted)                                                       \
	do {                                                                                     \
		void *make_room_items = (array);                                                 \
		EP_TRY(make_room(&make_room_items, &(capacity), (wanted), sizeof *(array), err)); \
		(array) = make_room_items;                                                       \
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
			lists[i] = ep_shard_find(&shards[s], probe->codes[i].code);
			probe->codes[i].postings += lists[i].count;
		}
	}
	uint64_t tracks = ep_index_track_count(index);
	for (size_t i = 0; i < probe->code_count; i++)
		probe->codes[i].bits = rarity(probe->codes[i].postings, tracks);
	return EP_OK;
}

/* A code and what its hits cost for what they gain. */
struct price {
	float price;
	uint32_t code;
};

static int
compare_prices(const void *one, const void *other)
{
	const struct price *a = one;
	const struct price *b = other;
	if (a->price < b->price || a->price > b->price)
		return a->price < b->price ? -1 : 1;
	return a->code < b->code ? -1 : a->code > b->code;
}

/* Chooses codes by price until the budget is used up. */
static void
choose(struct ep_searcher *searcher, const struct ep_probe *probe)
{
	struct price prices[EP_PROBE_PAIRS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < probe->code_count; i++) {
		const struct ep_probe_code *code = &probe->codes[i];
		if (code->bits > 0 && code->postings > 0)
			prices[count++] = (struct price){
				(float)code->postings * (float)code->count / code->gain, (uint32_t)i
			};
	}
	qsort(prices, count, sizeof *prices, compare_prices);
	uint64_t used = 0;
	searcher->chosen_count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct ep_probe_code *code = &probe->codes[prices[i].code];
		used += code->postings * code->count;
		if (i > 0 && used > EP_SEARCH_BUDGET)
			break;
		searcher->chosen[searcher->chosen_count++] = prices[i].code;
	}
}

/* ---- stretches ---- */

/* What a hit counts for its stretch. */
static uint8_t
weight(float bits)
{
	return (uint8_t)(bits / 2 + 1);
}

static inline uint8_t
add_saturated(uint8_t one, uint8_t other)
{
	unsigned sum = (unsigned)one + other;
	return sum > UINT8_MAX ? UINT8_MAX : (uint8_t)sum;
}

/* The diagonal of slot 0 for a time of the query. */
static inline uint32_t
diagonal_of(uint32_t time)
{
	return DIAGONAL_ZERO - time / EP_SLOT_TIMES;
}

static size_t
stretch_count(const struct ep_shard *shard)
{
	return (((size_t)shard->slot_count + DIAGONAL_ZERO) >> STRETCH_BITS) + 2;
}

/* Decodes the chosen lists of a shard and counts their hits by stretch. */
static enum ep_status
count_hits(struct ep_searcher *searcher, const struct ep_shard *shard,
           const struct ep_shard_list *lists, const struct ep_probe *probe, struct ep_error *err)
{
	size_t all = 0;
	for (size_t i = 0; i < searcher->chosen_count; i++)
		all += lists[searcher->chosen[i]].count;
	MAKE_ROOM(searcher->slots, searcher->slot_capacity, all + 1);
	memset(searcher->stretches, 0, stretch_count(shard));
	uint32_t *slots = searcher->slots;
	for (size_t i = 0; i < searcher->chosen_count; i++) {
		const struct ep_probe_code *code = &probe->codes[searcher->chosen[i]];
		struct ep_shard_list list = lists[searcher->chosen[i]];
		if (list.count == 0)
			continue;
		ep_postings_decode(slots, list.bytes, list.count, shard->slot_count);
		uint8_t gain = weight(code->bits);
		for (uint32_t t = 0; t < code->count; t++) {
			uint32_t zero = diagonal_of(probe->times[code->first + t]);
			for (uint32_t j = 0; j < list.count; j++) {
				if (slots[j] >= shard->slot_count)
					slots[j] = 0; /* of a damaged list */
				uint8_t *at = &searcher->stretches[(slots[j] + zero) >>
				                                   STRETCH_BITS];
				*at = add_saturated(*at, gain);
			}
		}
		slots += list.count;
	}
	return EP_OK;
}

/* Marks the best stretches, and those beside them: a diagonal may be at the border of two. */
static void
mark_stretches(struct ep_searcher *searcher, size_t count)
{
	size_t having[2 * UINT8_MAX + 1] = { 0 };
	const uint8_t *counts = searcher->stretches;
	for (size_t i = 0; i + 1 < count; i++)
		having[counts[i] + counts[i + 1]]++;
	unsigned least = 2 * UINT8_MAX;
	for (size_t sum = having[least]; least > 1; least--) {
		sum += having[least - 1];
		if (sum > STRETCHES_MAX)
			break;
	}
	memset(searcher->near, 0, count);
	for (size_t i = 0; i + 1 < count; i++) {
		bool good = (unsigned)counts[i] + counts[i + 1] >= least;
		searcher->near[i] |= good;
		searcher->near[i + 1] |= good;
	}
}

/* ---- hits ---- */

static enum ep_status
collect_hits(struct ep_searcher *searcher, const struct ep_shard_list *lists,
             const struct ep_probe *probe, struct ep_error *err)
{
	const uint32_t *slots = searcher->slots;
	searcher->hit_count = 0;
	for (size_t i = 0; i < searcher->chosen_count; i++) {
		uint32_t number = searcher->chosen[i];
		const struct ep_probe_code *code = &probe->codes[number];
		uint32_t count = lists[number].count;
		MAKE_ROOM(searcher->hits, searcher->hit_capacity,
		          searcher->hit_count + (size_t)count * code->count);
		for (uint32_t t = 0; t < code->count; t++) {
			uint32_t zero = diagonal_of(probe->times[code->first + t]);
			for (uint32_t j = 0; j < count; j++) {
				struct hit hit = { slots[j] + zero, slots[j], number };
				searcher->hits[searcher->hit_count] = hit;
				searcher->hit_count +=
					searcher->near[hit.diagonal >> STRETCH_BITS];
			}
		}
		slots += count;
	}
	return EP_OK;
}

static int
compare_hits(const void *one, const void *other)
{
	const struct hit *a = one;
	const struct hit *b = other;
	if (a->diagonal != b->diagonal)
		return a->diagonal < b->diagonal ? -1 : 1;
	if (a->code != b->code)
		return a->code < b->code ? -1 : 1;
	return a->slot < b->slot ? -1 : a->slot > b->slot;
}

/* The bits of the distinct codes of hits[first..) on its diagonal and the next, of one track. Two
 * times that differ by the same are one slot more or less apart. */
static float
window_bits(struct ep_searcher *searcher, const struct ep_probe *probe, size_t first,
            uint32_t track_start, uint32_t track_end)
{
	const struct hit *hits = searcher->hits;
	float bits = 0;
	searcher->window++;
	for (size_t i = first;
	     i < searcher->hit_count && hits[i].diagonal <= hits[first].diagonal + 1; i++) {
		bool inside = hits[i].slot >= track_start && hits[i].slot < track_end;
		if (inside && searcher->seen[hits[i].code] != searcher->window) {
			searcher->seen[hits[i].code] = searcher->window;
			bits += probe->codes[hits[i].code].bits;
		}
	}
	return bits;
}

/* Scores each diagonal of each track. Hits come by diagonal, so that those of a track stand side by
 * side, but at its borders; a track that is found twice is sorted out at the end. */
static enum ep_status
score_hits(struct ep_searcher *searcher, const struct ep_shard *shard, const struct ep_probe *probe,
           struct ep_error *err)
{
	struct hit *hits = searcher->hits;
	uint32_t diagonal = UINT32_MAX;
	uint32_t start = 0;
	uint32_t end = 0;
	if (searcher->hit_count)
		qsort(hits, searcher->hit_count, sizeof *hits, compare_hits);
	for (size_t i = 0; i < searcher->hit_count; i++) {
		bool same_track = hits[i].slot >= start && hits[i].slot < end;
		if (same_track && hits[i].diagonal == diagonal)
			continue;
		if (!same_track) {
			size_t track = ep_shard_track_at(shard, hits[i].slot);
			start = ep_shard_start(shard, track);
			end = ep_shard_start(shard, track + 1);
			MAKE_ROOM(searcher->found, searcher->found_capacity,
			          searcher->found_count + 1);
			searcher->found[searcher->found_count++] =
				(struct ep_candidate){ ep_shard_position(shard, track), 0 };
		}
		diagonal = hits[i].diagonal;
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

static enum ep_status
search_shard(struct ep_searcher *searcher, const struct ep_shard *shard,
             const struct ep_shard_list *lists, const struct ep_probe *probe, struct ep_error *err)
{
	size_t count = stretch_count(shard);
	if (count > searcher->stretch_capacity) {
		free(searcher->stretches);
		free(searcher->near);
		searcher->stretches = malloc(count);
		searcher->near = malloc(count);
		searcher->stretch_capacity = searcher->stretches && searcher->near ? count : 0;
		if (searcher->stretch_capacity == 0)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a search");
	}
	EP_TRY(count_hits(searcher, shard, lists, probe, err));
	mark_stretches(searcher, count);
	EP_TRY(collect_hits(searcher, lists, probe, err));
	return score_hits(searcher, shard, probe, err);
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
	for (size_t s = 0; s < shard_count; s++)
		EP_TRY(search_shard(searcher, &shards[s],
		                    searcher->lists + s * probe->code_count, probe, err));
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
