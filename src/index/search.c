/* One long file: the steps of a search share the memory in struct ep_searcher, and each goes
 * through the shards in the order of the step before. */
#include "index/search.h"

#include "base/sort64.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Rarity: a prior of so many tracks, of which this share has a code; and what a posting counts, as
 * a track has a code also where it is not posted. */
#define PRIOR_TRACKS 256.0
#define PRIOR_SHARE 0.0074
#define POSTING_TRACKS 1.5
/* Codes with postings for more than this share of the tracks tell nothing. */
#define COMMON_SHARE 3.0

/* So many look-ups ahead the memory is asked for a bucket; twice as many, for where it begins. */
#define AHEAD 24

/* After so many keys it is known whether a search has to wait for the disk. */
#define FIRST_KEYS 8

/* All keys of a code are read, without looking for better ones, where this takes no more than the
 * code's part of such a part of the budget. */
#define CHEAP_PART 8

/* Slots that are read of a key beyond twice what was estimated, at most. */
#define SLOTS_MORE 256

/* What is added to diagonals so that none is below 0, in whole stretches: queries are shorter. */
#define DIAGONAL_ZERO (4 * EP_STRETCH_SLOTS)

/* Counts of stretches, of which a larger index has more: some share one. */
#define STRETCHES ((size_t)1 << 20)

/* Stretches that are looked through together. */
#define STRETCH_BLOCK 64

#ifndef EP_SEARCH_BUDGETS /* tests search as if their index were large */
#define EP_SEARCH_BUDGETS 4000, 15000, 120000
#endif

/* For each effort: about how many hits are read. In a small index, all are. */
static const float budgets[] = { EP_SEARCH_BUDGETS };

/* In an index of more tracks than this the full effort reads more, up to three times as much at ten
 * times the tracks. In a test with a tenth of all limits, as if the index were ten times as large,
 * this finds 683 of 700 excerpts instead of 674. */
#define TRACKS_MANY 1400000
#define BUDGET_GROWTH_MAX 3

/* For each effort: how many stretches are examined closely, at most, not counting their neighbours.
 */
static const size_t stretches_most[] = { 32, 128, 512 };

/* A hit: its diagonal, above the number of its key and that of its time in the probe. */
static inline uint64_t
hit_of(uint32_t diagonal, uint32_t key, uint32_t time)
{
	return (uint64_t)diagonal << 32 | key << 16 | time;
}
_Static_assert(EP_PROBE_KEYS_MAX <= 1 << 16 && EP_PROBE_TIMES_MAX <= 1 << 16,
               "a key and a time stand below a diagonal");

static inline uint32_t
diagonal_of_hit(uint64_t hit)
{
	return (uint32_t)(hit >> 32);
}

static inline uint32_t
key_of_hit(uint64_t hit)
{
	return (uint32_t)hit >> 16;
}

static inline uint32_t
time_of_hit(uint64_t hit)
{
	return (uint32_t)hit & 0xffff;
}

/* A track that was found: its number in its shard, and the score of its best diagonal. */
struct found {
	size_t shard;
	size_t track;
	float score;
};

struct ep_searcher {
	uint32_t chosen[EP_PROBE_KEYS_MAX];
	size_t chosen_count;
	uint64_t prices[EP_PROBE_KEYS_MAX];
	uint64_t scratch[EP_PROBE_KEYS_MAX]; /* while they are sorted */
	float spent[EP_PROBE_PAIRS_MAX]; /* on the keys of a code that are chosen */
	uint32_t *counts; /* shard by shard, the slots of each of the chosen keys */
	size_t count_capacity;
	uint32_t *slots; /* of the chosen keys, shard by shard, one list after the other */
	size_t slot_capacity;
	size_t slot_count;
	uint8_t *stretches; /* counts; those of a large index share them */
	uint64_t *near; /* bits: whether a stretch is looked at */
	size_t stretch_count;
	uint64_t *hits;
	uint64_t *other_hits; /* while they are sorted */
	size_t hit_count;
	size_t hit_capacity;
	size_t other_capacity;
	uint32_t seen[EP_PROBE_KEYS_MAX]; /* the window in which a key was last seen */
	uint32_t window;
	struct found *found; /* in all shards */
	size_t found_count;
	size_t found_capacity;
};

enum ep_status
ep_searcher_new(struct ep_searcher **out, struct ep_error *err)
{
	EP_OWNED(ep_searcher_free)
	struct ep_searcher *searcher = calloc(1, sizeof *searcher);
	if (searcher) {
		searcher->stretches = malloc(STRETCHES);
		searcher->near = malloc(STRETCHES / 8);
	}
	if (!searcher || !searcher->stretches || !searcher->near)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a search");
	*out = EP_TAKE(searcher);
	return EP_OK;
}

void
ep_searcher_free(struct ep_searcher *searcher)
{
	if (!searcher)
		return;
	free(searcher->counts);
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

/* How often this thread has waited for the disk. */
static long
disk_waits(void)
{
	struct rusage usage;
	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_majflt : 0;
}

/* Asks the disk for all that counting keys[from..to) takes. */
static void
request_counts(const struct ep_shard *shard, const struct ep_probe_key *keys, size_t from,
               size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (!keys[i].passed)
			ep_shard_request_directory(shard, keys[i].first, EP_SHARD_ON_DISK);
	}
	for (size_t i = from; i < to; i++) {
		if (!keys[i].passed)
			ep_shard_request_bucket(shard, keys[i].first, EP_SHARD_ON_DISK);
	}
}

/* Adds to keys[from..to) the postings that they have in a shard. Where the first of them had to be
 * waited for, the others are asked for together. */
static void
count_in_shard(const struct ep_shard *shard, struct ep_probe *probe, size_t from, size_t to)
{
	struct ep_probe_key *keys = probe->keys;
	long waits = disk_waits();
	for (size_t i = from; i < to; i++) {
		if (i == from + FIRST_KEYS && disk_waits() > waits) {
			probe->cold = true;
			request_counts(shard, keys, i, to);
		}
		if (i + 2 * AHEAD < to)
			ep_shard_request_directory(shard, keys[i + 2 * AHEAD].first,
			                           EP_SHARD_IN_MEMORY);
		if (i + AHEAD < to)
			ep_shard_request_bucket(shard, keys[i + AHEAD].first, EP_SHARD_IN_MEMORY);
		if (!keys[i].passed)
			keys[i].postings += ep_shard_count(shard, keys[i].first, keys[i].end);
	}
}

/* Counts the postings of keys[from..to). */
static void
count_postings(const struct ep_index *index, struct ep_probe *probe, size_t from, size_t to)
{
	size_t shard_count;
	const struct ep_shard *shards = ep_index_shards(index, &shard_count);
	struct ep_probe_key *keys = probe->keys;
	uint64_t tracks = ep_index_track_count(index);
	for (size_t i = from; i < to; i++)
		keys[i].postings = 0;
	for (size_t s = 0; s < shard_count; s++)
		count_in_shard(&shards[s], probe, from, to);
	for (size_t i = from; i < to; i++)
		keys[i].bits = rarity(keys[i].postings, tracks);
}

/* The hits of a key. */
static float
cost_of(const struct ep_probe_key *key)
{
	return (float)key->postings * (float)key->time_count;
}

/* What the hits of a key cost for what they gain, above its number. Of floats that are not below 0
 * the bits are in the same order. */
static uint64_t
price_of(const struct ep_probe_key *key, size_t number)
{
	float price = cost_of(key) / key->gain;
	uint32_t bits;
	memcpy(&bits, &price, sizeof bits);
	return (uint64_t)bits << 32 | number;
}

/* Chooses whole codes of which so many can be read, whatever they are; and passes over the keys of
 * each. */
static float
choose_cheap(struct ep_searcher *searcher, struct ep_probe *probe, float budget)
{
	float most = budget / CHEAP_PART / (float)(probe->code_count + 1);
	float used = 0;
	for (size_t i = 0; i < probe->code_count; i++)
		searcher->spent[i] = 0;
	for (size_t i = 0; i < probe->whole_count; i++) {
		struct ep_probe_key *key = &probe->keys[i];
		bool cheap = key->bits > 0 && cost_of(key) <= most;
		key->chosen = cheap && key->postings > 0;
		used += cheap ? cost_of(key) : 0;
		if (cheap)
			searcher->spent[key->code] = INFINITY;
	}
	for (size_t i = probe->whole_count; i < probe->key_count; i++) {
		probe->keys[i].passed = searcher->spent[probe->keys[i].code] == INFINITY;
		probe->keys[i].chosen = false;
	}
	return used;
}

/* Chooses keys by price until the budget is used up. Where all keys of a code are worth it, they
 * take the place of single ones. */
static void
choose_by_price(struct ep_searcher *searcher, struct ep_probe *probe, float budget, float used)
{
	uint64_t *prices = searcher->prices;
	size_t count = 0;
	probe->cut = false;
	for (size_t i = 0; i < probe->key_count; i++) {
		const struct ep_probe_key *key = &probe->keys[i];
		if (searcher->spent[key->code] < INFINITY && key->bits > 0 && key->postings > 0)
			prices[count++] = price_of(key, i);
	}
	ep_sort64(prices, searcher->scratch, count, 32);
	for (size_t i = 0; i < count; i++) {
		struct ep_probe_key *key = &probe->keys[(uint32_t)prices[i]];
		float *spent = &searcher->spent[key->code];
		float cost = cost_of(key);
		if (*spent == INFINITY)
			continue; /* all keys of its code are chosen */
		used += key->whole ? cost - *spent : cost;
		probe->cut = used > budget;
		if (probe->cut)
			break;
		key->chosen = true;
		*spent = key->whole ? INFINITY : *spent + cost;
	}
}

static void
choose(struct ep_searcher *searcher, const struct ep_index *index, struct ep_probe *probe,
       float budget)
{
	count_postings(index, probe, 0, probe->whole_count);
	float used = choose_cheap(searcher, probe, budget);
	count_postings(index, probe, probe->whole_count, probe->key_count);
	choose_by_price(searcher, probe, budget, used);
	searcher->chosen_count = 0;
	probe->bits = 0;
	for (size_t i = 0; i < probe->key_count; i++) {
		struct ep_probe_key *key = &probe->keys[i];
		key->chosen &= key->whole || searcher->spent[key->code] < INFINITY;
		if (!key->chosen)
			continue;
		searcher->chosen[searcher->chosen_count++] = (uint32_t)i;
		probe->bits += key->bits;
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

/* Stretches of a shard. */
static size_t
stretch_count(const struct ep_shard *shard)
{
	return ((size_t)shard->slot_count + DIAGONAL_ZERO) / EP_STRETCH_SLOTS + 1;
}

static inline void
request_list(const struct ep_shard *shard, const struct ep_probe_key *key,
             enum ep_shard_source source)
{
	ep_shard_request_list(shard, key->first, key->end, source);
}

/* Reads the slots of the chosen keys of a shard. Their number is what the keys were chosen by,
 * about: what is far above that is left out. */
static enum ep_status
read_slots(uint32_t *counts, struct ep_searcher *searcher, const struct ep_shard *shard,
           struct ep_probe *probe, struct ep_error *err)
{
	size_t chosen = searcher->chosen_count;
	for (size_t i = 0; probe->cold && i < chosen; i++)
		request_list(shard, &probe->keys[searcher->chosen[i]], EP_SHARD_ON_DISK);
	for (size_t i = 0; i < chosen; i++) {
		const struct ep_probe_key *key = &probe->keys[searcher->chosen[i]];
		size_t most = 2 * (size_t)key->postings + SLOTS_MORE;
		if (i + AHEAD < chosen)
			request_list(shard, &probe->keys[searcher->chosen[i + AHEAD]],
			             EP_SHARD_IN_MEMORY);
		MAKE_ROOM(searcher->slots, searcher->slot_capacity, searcher->slot_count + most);
		counts[i] = (uint32_t)ep_shard_read(searcher->slots + searcher->slot_count, most,
		                                    shard, key->first, key->end);
		searcher->slot_count += counts[i];
		probe->lists += counts[i] > 0;
		probe->hits += (uint64_t)counts[i] * key->time_count;
	}
	return EP_OK;
}

/* Counts the hits of a shard, whose first stretch is number `first`, by stretch. */
static void
count_hits(const struct ep_searcher *searcher, const uint32_t *slots, const uint32_t *counts,
           size_t first, const struct ep_probe *probe)
{
	uint8_t *stretches = searcher->stretches;
	for (size_t i = 0; i < searcher->chosen_count; i++) {
		const struct ep_probe_key *key = &probe->keys[searcher->chosen[i]];
		uint8_t gain = weight(key->bits);
		for (uint32_t t = 0; t < key->time_count; t++) {
			uint32_t zero = diagonal_of(probe->times[key->first_time + t]);
			for (uint32_t j = 0; j < counts[i]; j++) {
				size_t at = first + (slots[j] + zero) / EP_STRETCH_SLOTS;
				uint8_t *count = &stretches[at % STRETCHES];
				unsigned sum = (unsigned)*count + gain;
				*count = (uint8_t)(sum < UINT8_MAX ? sum : UINT8_MAX);
			}
		}
		slots += counts[i];
	}
}

/* Sets the counts of so many stretches to 0, in whole blocks. */
static void
clear_stretches(struct ep_searcher *searcher, size_t count)
{
	count = (count / STRETCH_BLOCK + 1) * STRETCH_BLOCK;
	searcher->stretch_count = count < STRETCHES ? count : STRETCHES;
	memset(searcher->stretches, 0, searcher->stretch_count);
	memset(searcher->near, 0, searcher->stretch_count / 8);
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
find_least(const struct ep_searcher *searcher, size_t most)
{
	size_t blocks[UINT8_MAX + 1] = { 0 };
	size_t stretches[UINT8_MAX + 1] = { 0 };
	const uint8_t *counts = searcher->stretches;
	for (size_t i = 0; i < searcher->stretch_count; i += STRETCH_BLOCK)
		blocks[block_most(counts + i)]++;
	unsigned floor = least_of(blocks, most);
	floor -= floor > 1; /* so many blocks have it that the stretches are too many */
	for (size_t i = 0; i < searcher->stretch_count; i += STRETCH_BLOCK) {
		if (block_most(counts + i) < floor)
			continue;
		for (size_t j = i; j < i + STRETCH_BLOCK; j++)
			stretches[counts[j] >= floor ? counts[j] : 0]++;
	}
	unsigned least = least_of(stretches, most);
	/* Where even the best are too many, they are all that there is. */
	return least > UINT8_MAX ? UINT8_MAX : least < floor ? floor : least;
}

/* Marks the best stretches, and those beside them: a diagonal may be at the border of two. */
static void
mark_stretches(struct ep_searcher *searcher, size_t most)
{
	unsigned least = find_least(searcher, most);
	size_t blocks = searcher->stretch_count / STRETCH_BLOCK;
	for (size_t b = 0; b < blocks; b++) {
		const uint8_t *block = searcher->stretches + b * STRETCH_BLOCK;
		uint64_t good = 0;
		if (block_most(block) < least)
			continue;
		for (size_t i = 0; i < STRETCH_BLOCK; i++)
			good |= (uint64_t)(block[i] >= least) << i;
		searcher->near[b] |= good | good << 1 | good >> 1;
		searcher->near[(b + blocks - 1) % blocks] |= good << (STRETCH_BLOCK - 1);
		searcher->near[(b + 1) % blocks] |= good >> (STRETCH_BLOCK - 1);
	}
}

/* ---- hits ---- */

/* Collects the hits of a shard, whose first stretch is number `first`, that are in stretches looked
 * at. */
static enum ep_status
collect_hits(struct ep_searcher *searcher, const uint32_t *slots, const uint32_t *counts,
             size_t first, const struct ep_probe *probe, struct ep_error *err)
{
	const uint64_t *near = searcher->near;
	size_t hit_count = 0;
	for (size_t i = 0; i < searcher->chosen_count; i++) {
		uint32_t number = searcher->chosen[i];
		const struct ep_probe_key *key = &probe->keys[number];
		MAKE_ROOM(searcher->hits, searcher->hit_capacity,
		          hit_count + (size_t)counts[i] * key->time_count);
		uint64_t *hits = searcher->hits;
		for (uint32_t t = key->first_time; t < key->first_time + key->time_count; t++) {
			uint32_t zero = diagonal_of(probe->times[t]);
			for (uint32_t j = 0; j < counts[i]; j++) {
				uint32_t diagonal = slots[j] + zero;
				size_t at = (first + diagonal / EP_STRETCH_SLOTS) % STRETCHES;
				hits[hit_count] = hit_of(diagonal, number, t);
				hit_count += near[at / 64] >> (at % 64) & 1;
			}
		}
		slots += counts[i];
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

/* The bits of the distinct keys of hits[first..) on its diagonal and the next, of one track. Two
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
		uint32_t key = key_of_hit(hits[i]);
		if (slot < track_start || slot >= track_end ||
		    searcher->seen[key] == searcher->window)
			continue;
		searcher->seen[key] = searcher->window;
		bits += probe->keys[key].bits;
	}
	return bits;
}

/* Asks the disk for the part of the table of tracks in which the tracks of the hits are. */
static void
request_tracks(const struct ep_searcher *searcher, const struct ep_shard *shard,
               const struct ep_probe *probe)
{
	uint32_t last = 0;
	for (size_t i = 0; i < searcher->hit_count; i++) {
		uint32_t slot = slot_of_hit(searcher->hits[i], probe);
		if (i == 0 || slot - last > EP_STRETCH_SLOTS)
			ep_shard_request_track(shard, slot);
		last = slot;
	}
}

/* Scores each diagonal of each track. Hits come by diagonal, so that those of a track stand side by
 * side, but at its borders; a track that is found twice is sorted out at the end. */
static enum ep_status
score_hits(struct ep_searcher *searcher, const struct ep_shard *shards, size_t number,
           const struct ep_probe *probe, struct ep_error *err)
{
	const struct ep_shard *shard = &shards[number];
	const uint64_t *hits = searcher->hits;
	MAKE_ROOM(searcher->other_hits, searcher->other_capacity, searcher->hit_count + 1);
	ep_sort64(searcher->hits, searcher->other_hits, searcher->hit_count, 32);
	if (probe->cold)
		request_tracks(searcher, shard, probe);
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
				(struct found){ .shard = number, .track = track };
		}
		diagonal = diagonal_of_hit(hits[i]);
		float score = window_bits(searcher, probe, i, start, end);
		struct found *found = &searcher->found[searcher->found_count - 1];
		found->score = score > found->score ? score : found->score;
	}
	return EP_OK;
}

/* By score, highest first; then by position, which ascends from shard to shard and in each. */
static int
compare_found(const void *one, const void *other)
{
	const struct found *a = one;
	const struct found *b = other;
	if (a->score < b->score || a->score > b->score)
		return a->score > b->score ? -1 : 1;
	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	return a->track < b->track ? -1 : a->track > b->track;
}

static float
budget_of(enum ep_search_effort effort, uint64_t tracks)
{
	float budget = budgets[effort];
	if (effort != EP_SEARCH_FULL || tracks <= TRACKS_MANY)
		return budget;
	float growth = 1 + 2 * log10f((float)tracks / TRACKS_MANY);
	return budget * (growth < BUDGET_GROWTH_MAX ? growth : BUDGET_GROWTH_MAX);
}

static enum ep_status
search_shards(struct ep_searcher *searcher, const struct ep_shard *shards, size_t shard_count,
              struct ep_probe *probe, size_t most, struct ep_error *err)
{
	size_t stretches = 0;
	size_t chosen = searcher->chosen_count;
	MAKE_ROOM(searcher->counts, searcher->count_capacity, shard_count * chosen + 1);
	for (size_t s = 0; s < shard_count; s++)
		stretches += stretch_count(&shards[s]);
	clear_stretches(searcher, stretches);
	searcher->slot_count = 0;
	probe->lists = 0;
	probe->hits = 0;
	size_t first = 0;
	for (size_t s = 0; s < shard_count; s++) {
		uint32_t *counts = searcher->counts + s * chosen;
		size_t from = searcher->slot_count;
		EP_TRY(read_slots(counts, searcher, &shards[s], probe, err));
		count_hits(searcher, searcher->slots + from, counts, first, probe);
		first += stretch_count(&shards[s]);
	}
	mark_stretches(searcher, most);
	const uint32_t *slots = searcher->slots;
	first = 0;
	for (size_t s = 0; s < shard_count; s++) {
		const uint32_t *counts = searcher->counts + s * chosen;
		EP_TRY(collect_hits(searcher, slots, counts, first, probe, err));
		EP_TRY(score_hits(searcher, shards, s, probe, err));
		for (size_t i = 0; i < chosen; i++)
			slots += counts[i];
		first += stretch_count(&shards[s]);
	}
	return EP_OK;
}

enum ep_status
ep_search(struct ep_candidate *candidates, size_t *count, size_t max, struct ep_searcher *searcher,
          const struct ep_index *index, struct ep_probe *probe, enum ep_search_effort effort,
          struct ep_error *err)
{
	size_t shard_count;
	const struct ep_shard *shards = ep_index_shards(index, &shard_count);
	choose(searcher, index, probe, budget_of(effort, ep_index_track_count(index)));
	searcher->found_count = 0;
	/* If no key was left out, even a first search examines as many stretches as a full one. */
	size_t most =
		stretches_most[probe->cut || effort == EP_SEARCH_GLANCE ? effort : EP_SEARCH_FULL];
	EP_TRY(search_shards(searcher, shards, shard_count, probe, most, err));
	if (searcher->found_count)
		qsort(searcher->found, searcher->found_count, sizeof *searcher->found,
		      compare_found);
	*count = 0;
	for (size_t i = 0; i < searcher->found_count && *count < max; i++) {
		const struct found *found = &searcher->found[i];
		uint64_t position = ep_shard_position(&shards[found->shard], found->track);
		bool known = false;
		for (size_t j = 0; j < *count; j++)
			known |= candidates[j].position == position;
		if (!known)
			candidates[(*count)++] = (struct ep_candidate){ position, found->score };
	}
	return EP_OK;
}
