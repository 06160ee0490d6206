#include "code/stored/sketch.h"

#include "base/sort64.h"

#include <stdlib.h>
#include <string.h>

struct ep_sketcher {
	struct ep_onset_finder *finder;
	struct ep_onsets onsets; /* of the pairs that were given last */
	struct ep_window window;
	bool has_onsets; /* whether they could be recovered */
};

void
ep_sketch_free(struct ep_sketch *sketch)
{
	free(sketch->codes);
	free(sketch->onsets);
	free(sketch->keys);
	*sketch = (struct ep_sketch){ 0 };
}

static void
clear(struct ep_sketch *sketch)
{
	sketch->code_count = 0;
	sketch->onset_count = 0;
	memset(sketch->end, 0, sizeof sketch->end);
	sketch->has_bands = true;
}

/* Makes room for extra more items in an array of count. */
static enum ep_status
make_room(void **items, size_t *capacity, size_t count, size_t extra, size_t size,
          struct ep_error *err)
{
	if (extra <= *capacity - count)
		return EP_OK;
	size_t wanted = *capacity * 2 > count + extra ? *capacity * 2 : count + extra;
	void *grown = wanted <= PTRDIFF_MAX / size ? realloc(*items, wanted * size) : NULL;
	if (!grown)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a fingerprint");
	*items = grown;
	*capacity = wanted;
	return EP_OK;
}

static enum ep_status
reserve(struct ep_sketch *sketch, size_t codes, size_t onsets, struct ep_error *err)
{
	void *items = sketch->codes;
	EP_TRY(make_room(&items, &sketch->code_capacity, sketch->code_count, codes,
	                 sizeof *sketch->codes, err));
	sketch->codes = items;
	items = sketch->onsets;
	EP_TRY(make_room(&items, &sketch->onset_capacity, sketch->onset_count, onsets,
	                 sizeof *sketch->onsets, err));
	sketch->onsets = items;
	return EP_OK;
}

static void
add_code(struct ep_sketch *sketch, struct ep_sketch_code code, uint32_t number, uint32_t time)
{
	if (number >= EP_ONSET_CODE_COUNT || time >= EP_SKETCH_TIME_END)
		return;
	code.code = number & (EP_ONSET_CODE_COUNT - 1);
	code.time = time & (EP_SKETCH_TIME_END - 1);
	sketch->codes[sketch->code_count++] = code;
}

/* ---- refinements ---- */

#define REFINEMENT_MAX ((1u << EP_REFINEMENT_BITS) - 1)

/* The steps in which differences are told apart, from EP_ONSET_GAP_MIN on: about as many onsets
 * fall into each. The last one has all that is beyond. */
static const struct {
	uint8_t width;
	uint8_t count;
} steps[] = { { 1, 32 }, { 2, 16 }, { 4, 8 }, { 16, 4 }, { 48, 2 } };

static unsigned
refinement_of(uint32_t difference)
{
	unsigned refinement = 1;
	uint32_t rest = difference > EP_ONSET_GAP_MIN ? difference - EP_ONSET_GAP_MIN : 0;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		uint32_t size = (uint32_t)steps[i].width * steps[i].count;
		if (rest < size)
			return refinement + rest / steps[i].width;
		rest -= size;
		refinement += steps[i].count;
	}
	return refinement;
}

/* A time or difference at a speed. It stands for any between itself and the next one. */
static uint32_t
at_speed(uint32_t value, uint32_t speed)
{
	if (speed == EP_SPEED_OWN)
		return value;
	return (uint32_t)((2 * (uint64_t)value + 1) * speed / (2 * EP_SPEED_OWN));
}

static unsigned
refinement_at(uint32_t difference, uint32_t speed)
{
	return refinement_of(at_speed(difference, speed));
}

/* The code of a kind of an onset without its number, with what its followers say. */
static struct ep_sketch_code
refine(const struct ep_onset *onset, size_t followers, unsigned kind, uint32_t speed)
{
	struct ep_sketch_code code = { .kind = kind & 0xff };
	if (kind == 0 && followers >= 3)
		code.refined =
			refinement_at(ep_onset_difference(onset + 3, 1), speed) & REFINEMENT_MAX;
	if (kind == 0 && followers >= 4)
		code.skipped =
			refinement_at(ep_onset_difference(onset + 4, 2), speed) & REFINEMENT_MAX;
	if ((kind == 1 || kind == 2) && followers >= 4)
		code.refined =
			refinement_at(ep_onset_difference(onset + 4, 1), speed) & REFINEMENT_MAX;
	return code;
}

/* ---- what says nothing ---- */

/* The code generator whitens in blocks of 10,000 samples, 39.44 units of time. In a band
 * without sound, a new block begins with an onset that nobody hears. */
#define BLOCK_NUMERATOR 10000000u
#define BLOCK_DENOMINATOR 253575u

/* Longer differences, of six minutes, are not looked at. */
#define BLOCKS_END (UINT32_MAX / BLOCK_DENOMINATOR - 1)

/* Whether a difference is within 1 of a multiple of a block. */
static bool
spans_blocks(uint32_t difference)
{
	uint32_t rest = (difference + 1) * BLOCK_DENOMINATOR % BLOCK_NUMERATOR;
	return difference >= BLOCK_NUMERATOR / BLOCK_DENOMINATOR - 1 && difference < BLOCKS_END &&
	       rest <= 2 * BLOCK_DENOMINATOR;
}

/* ---- collecting ---- */

/* While runs come in, an onset is its band above its time, so that sorting joins the runs. */
#define BAND_SHIFT 24
_Static_assert(EP_SKETCH_TIME_END == 1u << BAND_SHIFT, "a time stands below its band");

/* The codes of the onsets of a band that emit. */
static void
add_codes(struct ep_sketch *sketch, const struct ep_onset *onsets, size_t count, uint32_t band,
          size_t emitting, uint32_t speed)
{
	for (size_t i = 0; i < emitting; i++) {
		struct ep_onset_delta deltas[EP_SKETCH_KINDS];
		size_t followers = count - 1 - i;
		size_t kinds = ep_onset_deltas(deltas, onsets + i, followers);
		for (unsigned kind = 0; kind < kinds; kind++) {
			if (spans_blocks(deltas[kind].first) && spans_blocks(deltas[kind].second))
				continue;
			uint32_t code = ep_onset_hash(at_speed(deltas[kind].first, speed),
			                              at_speed(deltas[kind].second, speed), band);
			add_code(sketch, refine(onsets + i, followers, kind, speed), code,
			         at_speed(onsets[i].time, speed));
		}
	}
}

/* The onsets of a band in the window, and the codes of those that emit, without what says nothing:
 * codes of two differences that span blocks, and onsets of which three successive ones do. */
static void
add_band(struct ep_sketch *sketch, const struct ep_onset *onsets, size_t count, uint32_t band,
         struct ep_window window, uint32_t speed)
{
	size_t left_out_end = 0; /* the onsets before this one are left out */
	add_codes(sketch, onsets, count, band, ep_onset_emitting(onsets, count, window), speed);
	for (size_t i = 0; i < count; i++) {
		if (i + 2 < count && spans_blocks(ep_onset_difference(onsets + i + 1, 1)) &&
		    spans_blocks(ep_onset_difference(onsets + i + 2, 1)))
			left_out_end = i + 3;
		uint32_t time = at_speed(onsets[i].time, speed);
		if (i >= left_out_end && onsets[i].time < window.end && time < EP_SKETCH_TIME_END)
			sketch->onsets[sketch->onset_count++] = band << BAND_SHIFT | time;
	}
}

static enum ep_status
add_onsets(struct ep_sketch *sketch, const struct ep_onsets *onsets, struct ep_window window,
           uint32_t speed, struct ep_error *err)
{
	EP_TRY(reserve(sketch, onsets->count * EP_SKETCH_KINDS, onsets->count, err));
	size_t start = 0;
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		add_band(sketch, onsets->items + start, onsets->end[band] - start, band, window,
		         speed);
		start = onsets->end[band];
	}
	return EP_OK;
}

static enum ep_status
add_pairs(struct ep_sketch *sketch, const struct ep_pair *pairs, size_t count, struct ep_error *err)
{
	EP_TRY(reserve(sketch, count, 0, err));
	for (size_t i = 0; i < count; i++)
		add_code(sketch, (struct ep_sketch_code){ .kind = EP_SKETCH_ANY_KIND },
		         pairs[i].code, pairs[i].time);
	sketch->has_bands = false;
	return EP_OK;
}

/* ---- joining ---- */

/* Makes room for count keys and as much to sort them. */
static enum ep_status
reserve_keys(struct ep_sketch *sketch, size_t count, struct ep_error *err)
{
	if (2 * count <= sketch->key_capacity)
		return EP_OK;
	free(sketch->keys);
	sketch->key_capacity = 0;
	sketch->keys = malloc(2 * count * sizeof *sketch->keys);
	if (!sketch->keys)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a fingerprint");
	sketch->key_capacity = 2 * count;
	return EP_OK;
}

/* A code as a number, in order of time, code and kind. */
#define KIND_BITS 3
#define CODE_BITS 20
#define REFINED_BITS (2 * EP_REFINEMENT_BITS)
#define KEY_CODE_SHIFT (KIND_BITS + REFINED_BITS)
#define KEY_TIME_SHIFT (CODE_BITS + KEY_CODE_SHIFT)
_Static_assert(EP_SKETCH_ANY_KIND < 1 << KIND_BITS, "a kind stands below its code");
_Static_assert(EP_ONSET_CODE_COUNT == 1u << CODE_BITS, "a code stands below its time");

static uint64_t
key_of(struct ep_sketch_code code)
{
	return (uint64_t)code.time << KEY_TIME_SHIFT | (uint64_t)code.code << KEY_CODE_SHIFT |
	       (uint64_t)code.kind << REFINED_BITS | (uint64_t)code.refined << EP_REFINEMENT_BITS |
	       code.skipped;
}

static struct ep_sketch_code
code_of(uint64_t key)
{
	return (struct ep_sketch_code){
		.code = key >> KEY_CODE_SHIFT & (EP_ONSET_CODE_COUNT - 1),
		.refined = key >> EP_REFINEMENT_BITS & REFINEMENT_MAX,
		.skipped = key & REFINEMENT_MAX,
		.time = key >> KEY_TIME_SHIFT & (EP_SKETCH_TIME_END - 1),
		.kind = key >> REFINED_BITS & ((1u << KIND_BITS) - 1),
	};
}

/* Sorts by time; what stands in several runs, or twice in one, is kept once. */
static enum ep_status
unite_codes(struct ep_sketch *sketch, struct ep_error *err)
{
	size_t count = sketch->code_count;
	size_t kept = 0;
	EP_TRY(reserve_keys(sketch, count, err));
	for (size_t i = 0; i < count; i++)
		sketch->keys[i] = key_of(sketch->codes[i]);
	ep_sort64(sketch->keys, sketch->keys + count, count, 0);
	for (size_t i = 0; i < count; i++) {
		uint64_t key = sketch->keys[i];
		if (i == 0 || key >> KEY_CODE_SHIFT != sketch->keys[i - 1] >> KEY_CODE_SHIFT)
			sketch->codes[kept++] = code_of(key);
	}
	sketch->code_count = kept;
	return EP_OK;
}

static enum ep_status
unite_onsets(struct ep_sketch *sketch, struct ep_error *err)
{
	size_t count = sketch->onset_count;
	size_t kept = 0;
	EP_TRY(reserve_keys(sketch, count, err));
	for (size_t i = 0; i < count; i++)
		sketch->keys[i] = sketch->onsets[i];
	ep_sort64(sketch->keys, sketch->keys + count, count, 0);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || sketch->keys[i] != sketch->keys[i - 1])
			sketch->onsets[kept++] = (uint32_t)sketch->keys[i];
	}
	sketch->onset_count = kept;
	return EP_OK;
}

/* The distinct times of the codes, which are sorted, take the place of onsets. */
static enum ep_status
times_as_onsets(struct ep_sketch *sketch, struct ep_error *err)
{
	sketch->onset_count = 0;
	EP_TRY(reserve(sketch, 0, sketch->code_count, err));
	for (size_t i = 0; i < sketch->code_count; i++) {
		if (i == 0 || sketch->codes[i].time != sketch->codes[i - 1].time)
			sketch->onsets[sketch->onset_count++] = sketch->codes[i].time;
	}
	return EP_OK;
}

/* Parts the onsets, which are sorted, into their bands. */
static void
part_bands(struct ep_sketch *sketch)
{
	size_t at = 0;
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		for (; at < sketch->onset_count && sketch->onsets[at] >> BAND_SHIFT <= band; at++)
			sketch->onsets[at] &= EP_SKETCH_TIME_END - 1;
		sketch->end[band] = at;
	}
}

/* runs: how many were collected; one run of onsets is in order, and has nothing twice. */
static enum ep_status
join(struct ep_sketch *sketch, size_t runs, struct ep_error *err)
{
	if (runs > 1 || !sketch->has_bands)
		EP_TRY(unite_codes(sketch, err));
	if (!sketch->has_bands)
		EP_TRY(times_as_onsets(sketch, err));
	else if (runs > 1)
		EP_TRY(unite_onsets(sketch, err));
	part_bands(sketch);
	return EP_OK;
}

/* ---- sketches ---- */

/* Recovers the onsets of pairs that were cut to window, and computes the codes again to see that
 * they are those. EP_NOT_FOUND. */
static enum ep_status
recover(struct ep_onsets *onsets, struct ep_onset_finder *finder, const struct ep_pair *pairs,
        size_t count, struct ep_window window, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs again = { 0 };
	struct ep_onset_emitter emitter = { 0 };
	EP_TRY(ep_onset_find(onsets, finder, pairs, count, window, err));
	if (ep_onset_emit_count(onsets, window) != count)
		return ep_fail(err, EP_NOT_FOUND, "these onsets give other codes");
	enum ep_status status = ep_onset_emit(&again, &emitter, onsets, window, err);
	ep_onset_emitter_done(&emitter);
	if (status == EP_OK && count && memcmp(again.items, pairs, count * sizeof *pairs) != 0)
		return ep_fail(err, EP_NOT_FOUND, "these onsets give other codes");
	return status;
}

/* Of a whole song, or else of a piece that cuts its bands. */
static enum ep_status
find_onsets(struct ep_onsets *onsets, struct ep_window *window, struct ep_onset_finder *finder,
            const struct ep_pair *pairs, size_t count, struct ep_error *err)
{
	*window = (struct ep_window){ 0, UINT32_MAX };
	enum ep_status status = recover(onsets, finder, pairs, count, *window, err);
	if (status != EP_NOT_FOUND || count == 0)
		return status;
	*window = (struct ep_window){ pairs[0].time, pairs[count - 1].time + 1 };
	return recover(onsets, finder, pairs, count, *window, err);
}

enum ep_status
ep_sketcher_new(struct ep_sketcher **out, struct ep_error *err)
{
	EP_OWNED(ep_sketcher_free)
	struct ep_sketcher *sketcher = calloc(1, sizeof *sketcher);
	if (!sketcher)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for sketches");
	EP_TRY(ep_onset_finder_new(&sketcher->finder, err));
	*out = EP_TAKE(sketcher);
	return EP_OK;
}

void
ep_sketcher_free(struct ep_sketcher *sketcher)
{
	if (!sketcher)
		return;
	ep_onset_finder_free(sketcher->finder);
	ep_onsets_free(&sketcher->onsets);
	free(sketcher);
}

enum ep_status
ep_sketch_of_pairs(struct ep_sketch *sketch, struct ep_sketcher *sketcher,
                   const struct ep_pair *pairs, size_t count, struct ep_error *err)
{
	clear(sketch);
	enum ep_status status = find_onsets(&sketcher->onsets, &sketcher->window, sketcher->finder,
	                                    pairs, count, err);
	sketcher->has_onsets = status == EP_OK;
	if (status == EP_OK)
		return ep_sketch_at_speed(sketch, sketcher, EP_SPEED_OWN, err);
	if (status == EP_NOT_FOUND)
		status = add_pairs(sketch, pairs, count, err);
	return status == EP_OK ? join(sketch, 1, err) : status;
}

enum ep_status
ep_sketch_at_speed(struct ep_sketch *sketch, struct ep_sketcher *sketcher, uint32_t speed,
                   struct ep_error *err)
{
	if (!sketcher->has_onsets)
		return ep_fail(err, EP_NOT_FOUND, "the onsets of these codes are not known");
	clear(sketch);
	EP_TRY(add_onsets(sketch, &sketcher->onsets, sketcher->window, speed, err));
	return join(sketch, 1, err);
}

enum ep_status
ep_sketch_of_track(struct ep_sketch *sketch, struct ep_codes_walk walk,
                   struct ep_codes_coder *coder, struct ep_error *err)
{
	struct ep_codes_run run;
	enum ep_status status;
	size_t runs = 0;
	clear(sketch);
	for (; (status = ep_codes_next_run(&run, &walk, coder, err)) == EP_OK; runs++) {
		if (run.onsets)
			EP_TRY(add_onsets(sketch, run.onsets, run.window, EP_SPEED_OWN, err));
		else if (run.count)
			EP_TRY(add_pairs(sketch, run.pairs, run.count, err));
	}
	return status == EP_NOT_FOUND ? join(sketch, runs, err) : status;
}
