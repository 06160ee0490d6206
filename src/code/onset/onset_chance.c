#include "code/onset/onset_chance.h"

#include <stdlib.h>
#include <string.h>

/* Features of a time: counts of onsets at it, next to it, and 3 to 16 after it, up to a limit each,
 * and the place of the onset of the band before. */
#define AT_ONE 0x01u
#define AT_MASK 0x03u
#define BESIDE_ONE 0x04u
#define BESIDE_MASK 0x0cu
#define BESIDE_MAX 0x08u
#define LATER_ONE 0x10u
#define LATER_MASK 0x30u
#define BELOW_BESIDE 0x40u
#define BELOW_AT 0x80u
#define BELOW_MASK 0xc0u
#define LATER_LAST 16

/* Bytes of features behind the last time. */
#define FEATURES_BEHIND 64

static const uint8_t neutral[EP_ONSET_BLOCK] = {
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};

unsigned
ep_onset_age_class(uint32_t age)
{
	static const uint16_t from[] = { 16, 28, 40, 72, 136, 264 };
	static const uint8_t shift[] = { 0, 1, 2, 3, 4, 6 };
	static const uint8_t first[] = { 0, 12, 18, 26, 34, 42 };
	int part = 5;
	while (part > 0 && age < from[part])
		part--;
	uint32_t class = first[part] + ((age - from[part]) >> shift[part]);
	return class < 46 ? class : 46;
}

static unsigned
bit_length(uint32_t value)
{
	return value ? 32u - (unsigned)__builtin_clz(value) : 0;
}

unsigned
ep_onset_support_cell(uint32_t age)
{
	unsigned class = age < 16 ? 0 : bit_length((age - 16) >> 3);
	return (class < 7 ? class : 7) * EP_ONSET_LEVELS;
}

unsigned
ep_onset_level(uint32_t count)
{
	static const uint8_t from[EP_ONSET_LEVELS] = { 0, 1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90 };
	unsigned level = EP_ONSET_LEVELS - 1;
	while (count < from[level])
		level--;
	return level;
}

unsigned
ep_onset_feature_cell(uint8_t feature)
{
	unsigned at = feature & AT_MASK;
	unsigned beside = (feature & BESIDE_MASK) / BESIDE_ONE;
	unsigned later = (feature & LATER_MASK) / LATER_ONE;
	unsigned below = feature / BELOW_BESIDE;
	return ((below < 2 ? below : 2) * 4 + at) * 12 + (beside < 2 ? beside : 2) * 4 + later;
}

/* The floor of the square root. */
static uint64_t
square_root(uint64_t value)
{
	uint64_t root = 0;
	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= value)
			root |= bit;
	return root;
}

static void
make_survival(struct ep_onset_model *model)
{
	uint64_t factor[EP_ONSET_COST_BITS]; /* 2^(-1/2), 2^(-1/4), ... times 2^31 */
	uint64_t power = (uint64_t)1 << 30;
	for (int i = 0; i < EP_ONSET_COST_BITS; i++) {
		power = square_root(power << 31);
		factor[i] = power;
	}
	for (uint32_t cost = 0; cost < 1u << EP_ONSET_COST_BITS; cost++) {
		uint64_t share = (uint64_t)(65536 - EP_ONSET_BLOCK - 1) << 31;
		for (int i = 0; i < EP_ONSET_COST_BITS; i++)
			if (cost >> (EP_ONSET_COST_BITS - 1 - i) & 1)
				share = (share >> 31) * factor[i] +
				        ((share & 0x7fffffff) * factor[i] >> 31);
		model->survival[cost] = (uint16_t)(share >> 31);
	}
}

static void
make_tables(struct ep_onset_model *model, const struct ep_onset_tables *tables)
{
	for (uint32_t age = 0; age < EP_ONSET_AGE_END + EP_ONSET_BLOCK; age++) {
		model->age_weight[age] = tables->age[ep_onset_age_class(age < 16 ? 16 : age)];
		model->age_cell[age] = (uint8_t)ep_onset_support_cell(age);
	}
	memset(model->first_weight, tables->age[EP_ONSET_AGE_CLASSES - 1], EP_ONSET_BLOCK);
	for (uint32_t i = 0; i < 256; i++) {
		model->level[i] = (uint8_t)ep_onset_level(i);
		for (uint32_t band = 0; band < EP_ONSET_BANDS; band++)
			model->feature_weight[band][i] =
				tables->feature[band][ep_onset_feature_cell((uint8_t)i)];
	}
	for (uint32_t i = 0; i < 1024; i++)
		model->rate[i] = (uint16_t)ep_onset_rate(i);
	for (uint32_t i = 0; i < EP_ONSET_CONTEXTS; i++) {
		uint32_t rest = 256;
		for (int k = 1; k < 8; k++)
			rest -= tables->carries[i][k];
		model->carries[i][0] = 0;
		for (int k = 0; k < 8; k++)
			model->carries[i][k + 1] = model->carries[i][k] + 32 +
			                           255 * (k ? tables->carries[i][k] : rest);
	}
	make_survival(model);
	for (int i = 0; i < 2; i++)
		model->supports[i].table = tables->support[i];
}

enum ep_status
ep_onset_model_new(struct ep_onset_model **out, const struct ep_onset_tables *tables,
                   struct ep_error *err)
{
	struct ep_onset_model *model = calloc(1, sizeof *model);
	if (!model)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the tables of onsets");
	model->kernels = ep_onset_kernels_best();
	make_tables(model, tables);
	*out = model;
	return EP_OK;
}

void
ep_onset_model_free(struct ep_onset_model *model)
{
	if (!model)
		return;
	ep_range_encoder_done(&model->encoder);
	free(model->features);
	free(model);
}

static inline void
support_weigh(const struct ep_onset_model *model, struct ep_onset_support *support, uint32_t age)
{
	for (uint32_t i = age - 2; i <= age + 2; i++)
		support->weight[i] =
			support->cells[model->age_cell[i] + model->level[support->count[i]]];
}

/* Sets all weights for so many gaps. */
static void
support_level(const struct ep_onset_model *model, struct ep_onset_support *support, size_t gaps)
{
	unsigned class = bit_length((uint32_t)gaps / EP_ONSET_GAPS_FEW);
	support->cells = support->table + class * EP_ONSET_SUPPORT_ROW;
	uint32_t from = 0;
	for (uint32_t end = 24; from < EP_ONSET_AGE_END; end = 16 + (end - 16) * 2) {
		if (end > EP_ONSET_AGE_END || model->age_cell[from] == 7 * EP_ONSET_LEVELS)
			end = EP_ONSET_AGE_END + EP_ONSET_BLOCK;
		memset(support->weight + from, support->cells[model->age_cell[from]], end - from);
		from = end;
	}
	for (size_t i = 0; i < support->seen; i++)
		support_weigh(model, support, support->ages[i]);
}

static void
support_add(const struct ep_onset_model *model, struct ep_onset_support *support, uint32_t age)
{
	static const uint8_t kernel[5] = { 1, 2, 4, 2, 1 };
	if (age + 2 >= EP_ONSET_AGE_END)
		return;
	uint64_t bit = (uint64_t)1 << (age & 63);
	if (!(support->is_seen[age / 64] & bit) && support->seen < EP_ONSET_GAPS_MAX) {
		support->is_seen[age / 64] |= bit;
		support->ages[support->seen++] = (uint16_t)age;
	}
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t count = support->count[age - 2 + i] + (uint32_t)kernel[i];
		support->count[age - 2 + i] = (uint8_t)(count < 255 ? count : 255);
	}
	support_weigh(model, support, age);
}

enum ep_status
ep_onset_model_begin(struct ep_onset_model *model, uint32_t span, struct ep_error *err)
{
	size_t size = (size_t)span + EP_ONSET_FEATURES_BEFORE + FEATURES_BEHIND;
	if (size > model->feature_capacity) {
		uint8_t *features = realloc(model->features, size);
		if (!features)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu times", size);
		model->features = features;
		model->feature_capacity = size;
	}
	memset(model->features, 0, size);
	model->gap_count = 0;
	for (int i = 0; i < 2; i++) {
		struct ep_onset_support *support = &model->supports[i];
		memset(support->count, 0, sizeof support->count);
		memset(support->is_seen, 0, sizeof support->is_seen);
		support->seen = 0;
		support_level(model, support, 0);
	}
	model->encoder.count = 0;
	return EP_OK;
}

void
ep_onset_walk_on(struct ep_onset_model *model, struct ep_onset_walk *walk, uint32_t at)
{
	uint32_t gap = at - walk->last;
	walk->last = at;
	if (walk->count++ == 0)
		return;
	size_t gaps = ++model->gap_count;
	if (gap < EP_ONSET_AGE_END)
		support_add(model, &model->supports[0], gap);
	if (gap < EP_ONSET_AGE_END && walk->gap)
		support_add(model, &model->supports[1], gap + walk->gap);
	if (gaps >= EP_ONSET_GAPS_FEW && gaps <= EP_ONSET_GAPS_MAX && (gaps & (gaps - 1)) == 0) {
		support_level(model, &model->supports[0], gaps);
		support_level(model, &model->supports[1], gaps);
	}
	walk->gap = gap < EP_ONSET_AGE_END ? gap : EP_ONSET_AGE_END;
}

void
ep_onset_block_costs(const struct ep_onset_model *model, const struct ep_onset_walk *walk,
                     uint32_t at, uint16_t costs[EP_ONSET_BLOCK + 1])
{
	struct ep_onset_weights weights = {
		.by_time = { model->first_weight, neutral, neutral },
		.features = model->features + EP_ONSET_FEATURES_BEFORE + at,
		.by_feature = model->feature_weight[walk->band],
	};
	if (walk->count > 0) {
		uint32_t age = at - walk->last;
		age = age < EP_ONSET_AGE_END ? age : EP_ONSET_AGE_END;
		weights.by_time[0] = model->age_weight + age;
		weights.by_time[1] = model->supports[0].weight + age;
		uint32_t sum = age + walk->gap;
		if (walk->gap)
			weights.by_time[2] = model->supports[1].weight +
			                     (sum < EP_ONSET_AGE_END ? sum : EP_ONSET_AGE_END);
	}
	model->kernels->costs(costs, &weights, model->rate);
}

/* A feature with one more in the count that mask selects, unless that is max. */
static inline uint8_t
count_up(uint8_t feature, unsigned mask, unsigned max, unsigned one)
{
	return (uint8_t)(feature + ((feature & mask) != max ? one : 0));
}

/* For eight features at once: one more later onset, where the byte of ones is 1 and not 0. */
static inline void
count_up_later(uint8_t *features, const uint8_t ones[8])
{
	uint64_t all;
	uint64_t one;
	memcpy(&all, features, sizeof all);
	memcpy(&one, ones, sizeof one);
	/* Three is the most: both bits are set. */
	all += (one & ~(all >> 4 & all >> 5)) << 4;
	memcpy(features, &all, sizeof all);
}

/* Adds the onsets of a band to the features. */
static void
features_add(struct ep_onset_model *model, const struct ep_onset *onsets, size_t count,
             uint32_t first)
{
	/* 16 to 9, and 8 to 3 before the onset. */
	static const uint8_t eight[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	static const uint8_t six[8] = { 1, 1, 1, 1, 1, 1, 0, 0 };
	for (size_t i = 0; i < count; i++) {
		uint8_t *at = model->features + EP_ONSET_FEATURES_BEFORE + (onsets[i].time - first);
		count_up_later(at - LATER_LAST, eight);
		count_up_later(at - LATER_LAST + 8, six);
		at[-1] = count_up(at[-1], BESIDE_MASK, BESIDE_MAX, BESIDE_ONE) | BELOW_BESIDE;
		at[0] = count_up(at[0], AT_MASK, AT_MASK, AT_ONE) | BELOW_AT;
		at[1] = count_up(at[1], BESIDE_MASK, BESIDE_MAX, BESIDE_ONE) | BELOW_BESIDE;
	}
}

/* Makes the features forget which onsets were of the band before. */
static void
features_forget(struct ep_onset_model *model, const struct ep_onset *onsets, size_t count,
                uint32_t first)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t *at = model->features + EP_ONSET_FEATURES_BEFORE + (onsets[i].time - first);
		for (int side = -1; side <= 1; side++)
			at[side] &= (uint8_t)~BELOW_MASK;
	}
}

void
ep_onset_features_next(struct ep_onset_model *model, const struct ep_onsets *onsets, int b,
                       uint32_t first)
{
	size_t before = b > 1 ? onsets->end[b - 2] : 0;
	size_t start = b > 0 ? onsets->end[b - 1] : 0;
	if (b > 0)
		features_forget(model, onsets->items + before, start - before, first);
	features_add(model, onsets->items + start, onsets->end[b] - start, first);
}
