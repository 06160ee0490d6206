/* onset_chance.h - how likely an onset is at each time
 *
 * Bands follow one another, and the times of a band go on from its last onset. The chance of an
 * onset at a time is a product of four: of the time since the last onset (the age); of the onsets
 * that the bands before have around it; of how often this age, and this age plus the gap before,
 * have been seen. All are logarithms, so that it is a sum. For onset_model.h and the trainer only.
 */
#ifndef EP_CODE_ONSET_ONSET_CHANCE_H
#define EP_CODE_ONSET_ONSET_CHANCE_H

#include "code/onset/onset_kernels.h"
#include "code/onset/onset_range.h"
#include "code/onset/onset_tables.h"
#include "code/onset/onsets.h"

/* A sum of four weights that stands for one expected onset a time; a weight that changes nothing.
 */
#define EP_ONSET_WEIGHT_ONE (16 * EP_ONSET_RATE_OCTAVES)
#define EP_ONSET_WEIGHT_NEUTRAL 64

/* A cost is the logarithm to base 2 of a chance, with so many bits of fraction. */
#define EP_ONSET_COST_BITS 12

/* Bytes of features before the first time. */
#define EP_ONSET_FEATURES_BEFORE 16

/* Ages from here on are all alike. */
#define EP_ONSET_AGE_END 2048
/* The weights change with the number of gaps seen when it gets to a power of two among these. */
#define EP_ONSET_GAPS_FEW 16
#define EP_ONSET_GAPS_MAX 1024

/* What an age has been seen: the five counts around it. */
struct ep_onset_support {
	uint8_t count[EP_ONSET_AGE_END + 2]; /* 4 at the age, 2 next to it, 1 beyond */
	uint8_t weight[EP_ONSET_AGE_END + EP_ONSET_BLOCK]; /* what follows from it */
	uint16_t ages[EP_ONSET_GAPS_MAX]; /* the first that were seen, each once */
	size_t seen;
	uint64_t is_seen[EP_ONSET_AGE_END / 64]; /* a bit for each age */
	const uint8_t *cells; /* of the tables, for so many gaps in all */
	const uint8_t *table;
};

/* Tables that are made of the trained ones, and the state of one coding. */
struct ep_onset_model {
	const struct ep_onset_kernels *kernels;
	uint8_t age_weight[EP_ONSET_AGE_END + EP_ONSET_BLOCK];
	uint8_t first_weight[EP_ONSET_BLOCK]; /* before the first onset of a band */
	uint8_t feature_weight[EP_ONSET_BANDS][256];
	uint16_t rate[1024];
	uint16_t survival[4096];
	uint32_t carries[EP_ONSET_CONTEXTS][9];
	uint8_t level[256];
	uint8_t age_cell[EP_ONSET_AGE_END + EP_ONSET_BLOCK];

	struct ep_onset_support supports[2];
	size_t gap_count;
	uint8_t *features; /* of every time */
	size_t feature_capacity;
	struct ep_range_encoder encoder;
};

EP_MUST_USE enum ep_status ep_onset_model_new(struct ep_onset_model **out,
                                              const struct ep_onset_tables *tables,
                                              struct ep_error *err);
void ep_onset_model_free(struct ep_onset_model *model);

/* Where the tables keep the weight of an age of 16 or more (the last class is for times before a
 * band's first onset); of an age in a row of ep_onset_tables.support, for level 0; the level of the
 * counts around an age; and the weight of the features of a time. */
unsigned ep_onset_age_class(uint32_t age);
unsigned ep_onset_support_cell(uint32_t age);
unsigned ep_onset_level(uint32_t count);
unsigned ep_onset_feature_cell(uint8_t feature);

/* Where a band stands, times counted from the first of the window. */
struct ep_onset_walk {
	uint32_t band;
	uint32_t count; /* onsets yet */
	uint32_t last; /* time of the last */
	uint32_t gap; /* between the last two; 0 where there are not two */
	uint32_t history; /* the carries of the last three, three bits each */
	uint32_t after; /* onsets behind the window */
};

/* Begins a coding of times up to span, counted from the first. EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_model_begin(struct ep_onset_model *model, uint32_t span,
                                                struct ep_error *err);

/* Takes an onset into account. */
void ep_onset_walk_on(struct ep_onset_model *model, struct ep_onset_walk *walk, uint32_t at);

/* Sums up the costs of no onset in the block that begins at a time: costs[i] before its i-th. From
 * 65,535 on, where there is no chance left, all are that. */
void ep_onset_block_costs(const struct ep_onset_model *model, const struct ep_onset_walk *walk,
                          uint32_t at, uint16_t costs[EP_ONSET_BLOCK + 1]);

/* After band b: its onsets become features of their times, for the next one. */
void ep_onset_features_next(struct ep_onset_model *model, const struct ep_onsets *onsets, int b,
                            uint32_t first);

#endif
