#include "code/onset/onset_model.h"

#include <stdbool.h>

#define EMPTY_SIZE 1024 /* share of 65,536: a band without onsets */

/* The share of 65,536 for no onset before the i-th time of the block. */
static inline uint32_t
block_survival(const struct ep_onset_model *model, const uint16_t costs[EP_ONSET_BLOCK + 1],
               uint32_t i)
{
	uint32_t share = model->survival[costs[i] & ((1u << EP_ONSET_COST_BITS) - 1)];
	return (share >> (costs[i] >> EP_ONSET_COST_BITS)) + EP_ONSET_BLOCK + 1 - i;
}

/* The last index whose survival is above value; that of the block is not. Of four eighths, then of
 * eight: without branches, and with few steps that wait for one another. */
static inline uint32_t
block_search(const struct ep_onset_model *model, const uint16_t costs[EP_ONSET_BLOCK + 1],
             uint32_t value)
{
	uint32_t coarse = 0;
	for (uint32_t i = 8; i < EP_ONSET_BLOCK; i += 8)
		coarse += block_survival(model, costs, i) > value;
	uint32_t fine = coarse * 8;
	for (uint32_t i = 1; i < 8; i++)
		fine += block_survival(model, costs, coarse * 8 + i) > value;
	return fine;
}

/* The times of the block that begins at a time, up to the last. */
static inline uint32_t
block_count(uint32_t at, uint32_t last)
{
	return last - at < EP_ONSET_BLOCK ? last - at + 1 : EP_ONSET_BLOCK;
}

/* Puts the symbols of the times up to the onset at target, or up to last where target is above. */
static enum ep_status
encode_time(struct ep_onset_model *model, const struct ep_onset_walk *walk, uint32_t target,
            uint32_t last, struct ep_error *err)
{
	uint32_t at = walk->count ? walk->last + EP_ONSET_GAP_MIN : 0;
	uint16_t costs[EP_ONSET_BLOCK + 1];
	for (; at <= last; at += EP_ONSET_BLOCK) {
		ep_onset_block_costs(model, walk, at, costs);
		uint32_t index = target - at;
		if (index < EP_ONSET_BLOCK) {
			uint32_t start = block_survival(model, costs, index + 1);
			return ep_range_put(&model->encoder, start,
			                    block_survival(model, costs, index) - start, err);
		}
		uint32_t rest = block_survival(model, costs, block_count(at, last));
		EP_TRY(ep_range_put(&model->encoder, 0, rest, err));
	}
	return EP_OK;
}

/* Puts the carries of an onset, which has been counted. */
static enum ep_status
encode_carries(struct ep_onset_model *model, struct ep_onset_walk *walk, uint32_t carries,
               struct ep_error *err)
{
	uint32_t start;
	uint32_t size;
	if (walk->count == 1)
		return EP_OK;
	if (walk->count < 4) {
		unsigned bits = walk->count - 1;
		start = carries << (16 - bits);
		size = 1u << (16 - bits);
	} else {
		start = model->carries[walk->history][carries];
		size = model->carries[walk->history][carries + 1] - start;
	}
	walk->history = (walk->history << 3 | carries) & (EP_ONSET_CONTEXTS - 1);
	return ep_range_put(&model->encoder, start, size, err);
}

static enum ep_status
encode_band(struct ep_onset_model *model, uint32_t band, const struct ep_onset *onsets,
            size_t count, struct ep_window window, uint32_t last, struct ep_error *err)
{
	struct ep_onset_walk walk = { .band = band };
	uint32_t span = last - window.first;
	if (count == 0)
		return ep_range_put(&model->encoder, 0, EMPTY_SIZE, err);
	EP_TRY(ep_range_put(&model->encoder, EMPTY_SIZE, 65536 - EMPTY_SIZE, err));
	for (size_t i = 0; i < count; i++) {
		uint32_t at = onsets[i].time - window.first;
		if (i > 0 && at - walk.last < EP_ONSET_GAP_MIN)
			return ep_fail(err, EP_NOT_FOUND, "two onsets are too close");
		EP_TRY(encode_time(model, &walk, at, span, err));
		ep_onset_walk_on(model, &walk, at);
		EP_TRY(encode_carries(model, &walk, onsets[i].carries, err));
		walk.after += onsets[i].time >= window.end;
	}
	if (walk.after == 4)
		return EP_OK;
	return encode_time(model, &walk, UINT32_MAX, span, err);
}

enum ep_status
ep_onset_model_encode(struct ep_buffer *out, struct ep_onset_model *model,
                      const struct ep_onsets *onsets, struct ep_window window, uint32_t last,
                      struct ep_error *err)
{
	EP_TRY(ep_onset_model_begin(model, last - window.first, err));
	size_t start = 0;
	for (int b = 0; b < EP_ONSET_BANDS; b++) {
		EP_TRY(encode_band(model, (uint32_t)b, onsets->items + start,
		                   onsets->end[b] - start, window, last, err));
		ep_onset_features_next(model, onsets, b, window.first);
		start = onsets->end[b];
	}
	return ep_range_finish(out, &model->encoder, err);
}

/* Takes the symbols up to the next onset; *target is above last where there is none. A block costs
 * a unit of what is left; false where nothing is. */
static bool
decode_time(uint32_t *target, uint64_t *left, const struct ep_onset_model *model,
            struct ep_range_decoder *decoder, const struct ep_onset_walk *walk, uint32_t last)
{
	uint32_t at = walk->count ? walk->last + EP_ONSET_GAP_MIN : 0;
	uint16_t costs[EP_ONSET_BLOCK + 1];
	for (; at <= last; at += EP_ONSET_BLOCK) {
		if (*left == 0)
			return false;
		--*left;
		ep_onset_block_costs(model, walk, at, costs);
		uint32_t count = block_count(at, last);
		uint32_t rest = block_survival(model, costs, count);
		uint32_t value = ep_range_peek(decoder);
		if (value < rest) {
			ep_range_take(decoder, 0, rest);
			continue;
		}
		uint32_t index = block_search(model, costs, value);
		uint32_t start = block_survival(model, costs, index + 1);
		ep_range_take(decoder, start, block_survival(model, costs, index) - start);
		*target = at + index;
		return true;
	}
	*target = UINT32_MAX;
	return true;
}

static uint32_t
decode_carries(const struct ep_onset_model *model, struct ep_range_decoder *decoder,
               struct ep_onset_walk *walk)
{
	uint32_t value = ep_range_peek(decoder);
	uint32_t carries = 0;
	if (walk->count == 1)
		return 0;
	if (walk->count < 4) {
		unsigned bits = walk->count - 1;
		carries = value >> (16 - bits);
		ep_range_take(decoder, carries << (16 - bits), 1u << (16 - bits));
	} else {
		const uint32_t *bounds = model->carries[walk->history];
		for (int i = 1; i < 8; i++)
			carries += bounds[i] <= value;
		ep_range_take(decoder, bounds[carries], bounds[carries + 1] - bounds[carries]);
	}
	walk->history = (walk->history << 3 | carries) & (EP_ONSET_CONTEXTS - 1);
	return carries;
}

uint64_t
ep_onset_work_left(const struct ep_onset_work *work, size_t size)
{
	uint64_t allowed = EP_ONSET_WORK_FREE + (work->bytes + size) * EP_ONSET_WORK_A_BYTE;
	return allowed > work->spent ? allowed - work->spent : 0;
}

static enum ep_status
too_much_work(struct ep_error *err)
{
	return ep_fail(
		err, EP_CORRUPT,
		"onsets cost too much work for their size: more than %d units and %d for each byte",
		EP_ONSET_WORK_FREE, EP_ONSET_WORK_A_BYTE);
}

static enum ep_status
decode_band(struct ep_onsets *onsets, uint64_t *left, struct ep_onset_model *model,
            struct ep_range_decoder *decoder, uint32_t band, struct ep_window window, uint32_t last,
            size_t max_count, struct ep_error *err)
{
	struct ep_onset_walk walk = { .band = band };
	uint32_t span = last - window.first;
	if (ep_range_peek(decoder) < EMPTY_SIZE) {
		ep_range_take(decoder, 0, EMPTY_SIZE);
		return EP_OK;
	}
	ep_range_take(decoder, EMPTY_SIZE, 65536 - EMPTY_SIZE);
	while (walk.after < 4) {
		uint32_t at;
		if (!decode_time(&at, left, model, decoder, &walk, span))
			return too_much_work(err);
		if (at > span)
			break;
		if (*left < EP_ONSET_WORK_ONSET)
			return too_much_work(err);
		*left -= EP_ONSET_WORK_ONSET;
		if (onsets->count == max_count)
			return ep_fail(err, EP_CORRUPT, "more than %zu onsets", max_count);
		if (onsets->count == onsets->capacity)
			EP_TRY(ep_onsets_grow(onsets, err));
		ep_onset_walk_on(model, &walk, at);
		uint32_t carries = decode_carries(model, decoder, &walk);
		onsets->items[onsets->count++] = (struct ep_onset){ window.first + at, carries };
		walk.after += window.first + at >= window.end;
	}
	return EP_OK;
}

enum ep_status
ep_onset_model_decode(struct ep_onsets *onsets, struct ep_onset_work *work,
                      struct ep_onset_model *model, const uint8_t *bytes, size_t size,
                      struct ep_window window, uint32_t last, size_t max_count,
                      struct ep_error *err)
{
	struct ep_range_decoder decoder = ep_range_decoder_of(bytes, size);
	EP_TRY(ep_onset_model_begin(model, last - window.first, err));
	uint64_t before = ep_onset_work_left(work, size);
	uint64_t left = before;
	onsets->count = 0;
	for (int b = 0; b < EP_ONSET_BANDS; b++) {
		EP_TRY(decode_band(onsets, &left, model, &decoder, (uint32_t)b, window, last,
		                   max_count, err));
		onsets->end[b] = onsets->count;
		ep_onset_features_next(model, onsets, b, window.first);
	}
	if (!ep_range_at_end(&decoder))
		return ep_fail(err, EP_CORRUPT, "the onsets do not end where their bytes end");
	work->bytes += size;
	work->spent += before - left;
	return EP_OK;
}
