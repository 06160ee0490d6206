/* onsets of a band -> ranks of their codes, EP_ONSET_LANES onsets at once    (fill_lanes)
 *   -> by time, those of several bands at one time merged, chunk by chunk   (next_chunk)
 *   -> pairs, or text                                             (put_pairs, print_chunk)
 */
#include "code/onset/onset_emit.h"

#include "code/digits.h"
#include "code/onset/onset_kernels.h"
#include "code/slicer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Ranks that are turned into pairs or text together: few enough to stay near. */
#define CHUNK 1024
#define TIME_RANKS_MAX (6 * EP_ONSET_BANDS)

/* "1048575 4294967295 ", and what a store of a whole word writes behind it. */
#define PAIR_BYTES_MAX 19
#define STORE_SLACK 16

size_t
ep_onset_emitting(const struct ep_onset *onsets, size_t count, struct ep_window window)
{
	size_t emitting = count < 2 ? 0 : count - 2;
	while (emitting > 0 && onsets[emitting - 1].time >= window.end)
		emitting--;
	return emitting;
}

size_t
ep_onset_emit_count(const struct ep_onsets *onsets, struct ep_window window)
{
	size_t count = 0;
	size_t start = 0;
	for (int band = 0; band < EP_ONSET_BANDS; band++) {
		count +=
			ep_onset_emitting(onsets->items + start, onsets->end[band] - start, window);
		start = onsets->end[band];
	}
	return count * 6;
}

/* Makes room for times up to span, all without onsets. */
static enum ep_status
clear_bands(struct ep_onset_emitter *emitter, size_t span, struct ep_error *err)
{
	size_t size = (span + 8) & ~(size_t)7;
	if (size > emitter->capacity) {
		uint8_t *bands = realloc(emitter->bands, size);
		if (!bands)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu times", size);
		emitter->bands = bands;
		emitter->capacity = size;
	}
	memset(emitter->bands, 0, size);
	return EP_OK;
}

void
ep_onset_emitter_done(struct ep_onset_emitter *emitter)
{
	free(emitter->bands);
	*emitter = (struct ep_onset_emitter){ 0 };
}

/* Where emitting stands in a band. */
struct cursor {
	const struct ep_onset *next; /* the first whose ranks have not been computed */
	const struct ep_onset *end;
	size_t emitting; /* onsets from next on */
	uint32_t ranks[6][EP_ONSET_LANES];
	size_t at; /* in ranks */
	size_t filled;
};

/* Codes of one time, which follow those of the times before. */
struct group {
	uint32_t time;
	uint32_t count;
};

struct emission {
	const struct ep_onset_kernels *kernels;
	struct cursor cursors[EP_ONSET_BANDS];
	size_t total; /* onsets that emit */
	const uint8_t *bands;
	uint32_t first; /* the time of bands[0] */
	size_t span;
	size_t at; /* behind the eight times of word */
	uint64_t word; /* of bands; those that have been taken are 0 */
	uint32_t ranks[CHUNK];
	size_t count;
	struct group groups[CHUNK / 6];
	size_t group_count;
};

/* Sets up emission, which is not initialised: what it has room for need not be. */
static enum ep_status
begin(struct emission *emission, struct ep_onset_emitter *emitter, const struct ep_onsets *onsets,
      struct ep_window window, struct ep_error *err)
{
	emission->kernels = emitter->kernels ? emitter->kernels : ep_onset_kernels_best();
	emission->total = 0;
	emission->first = window.first;
	emission->span = 0;
	emission->at = 0;
	emission->word = 0;
	size_t start = 0;
	for (int band = 0; band < EP_ONSET_BANDS; band++) {
		struct cursor *cursor = &emission->cursors[band];
		cursor->next = onsets->items + start;
		cursor->end = onsets->items + onsets->end[band];
		cursor->emitting =
			ep_onset_emitting(cursor->next, onsets->end[band] - start, window);
		cursor->at = cursor->filled = 0;
		start = onsets->end[band];
		emission->total += cursor->emitting;
		if (cursor->emitting == 0)
			continue;
		size_t last = cursor->next[cursor->emitting - 1].time - window.first;
		emission->span = last >= emission->span ? last + 1 : emission->span;
	}
	EP_TRY(clear_bands(emitter, emission->span, err));
	for (int band = 0; band < EP_ONSET_BANDS; band++) {
		const struct cursor *cursor = &emission->cursors[band];
		for (size_t i = 0; i < cursor->emitting; i++)
			emitter->bands[cursor->next[i].time - window.first] |=
				(uint8_t)(1u << band);
	}
	emission->bands = emitter->bands;
	return EP_OK;
}

/* Inserts a rank into those of an onset. */
static void
insert_rank(struct cursor *cursor, size_t at, int k, uint32_t rank)
{
	for (; k > 0 && cursor->ranks[k - 1][at] > rank; k--)
		cursor->ranks[k][at] = cursor->ranks[k - 1][at];
	cursor->ranks[k][at] = rank;
}

/* Computes the ranks of the next onsets; of those with less than four followers, one by one. */
static void
fill_lanes(struct cursor *cursor, const struct ep_onset_kernels *kernels, uint32_t band)
{
	size_t left = (size_t)(cursor->end - cursor->next);
	size_t count = cursor->emitting < EP_ONSET_LANES ? cursor->emitting : EP_ONSET_LANES;
	size_t full = left < 4 ? 0 : left - 4;
	full = full < count ? full : count;
	if (full > 0)
		kernels->emit(cursor->ranks, cursor->next, full, band);
	for (size_t i = full; i < count; i++) {
		uint32_t six[6];
		size_t known = ep_onset_codes(six, cursor->next + i, left - 1 - i, band);
		for (size_t k = 0; k < 6; k++) {
			uint32_t code = k < known ? six[k] : ep_onset_hash(0, 0, band);
			insert_rank(cursor, i, (int)k, ep_onset_rank(code));
		}
	}
	cursor->next += count;
	cursor->emitting -= count;
	cursor->at = 0;
	cursor->filled = count;
}

/* The six ranks of the next onset. */
static inline void
take_six(uint32_t six[6], struct emission *emission, uint32_t band)
{
	struct cursor *cursor = &emission->cursors[band];
	if (cursor->at == cursor->filled)
		fill_lanes(cursor, emission->kernels, band);
	for (int k = 0; k < 6; k++)
		six[k] = cursor->ranks[k][cursor->at];
	cursor->at++;
}

/* Ranks of one time, with room for a number at both ends that is less or more than any. */
struct time_ranks {
	uint32_t ranks[1 + TIME_RANKS_MAX + 1];
};

/* Writes the sorted ranks one[1..count] and the sorted six[1..6] to out, sorted: from both ends at
 * once, and without branches on what is compared. Before and behind the ranks, one and six have the
 * least and the greatest number. */
static inline void
merge_six(uint32_t *restrict out, const uint32_t *one, size_t count, const uint32_t *six)
{
	size_t total = count + 6;
	const uint32_t *one_end = one + count;
	const uint32_t *six_end = six + 6;
	one++;
	six++;
	for (size_t i = 0; i < total / 2; i++) {
		bool first = *one <= *six;
		out[i] = first ? *one : *six;
		one += first;
		six += !first;
		bool last = *one_end > *six_end;
		out[total - 1 - i] = last ? *one_end : *six_end;
		one_end -= last;
		six_end -= !last;
	}
}

/* Appends the ranks of a time at which several bands have onsets; there is room. */
static size_t
take_several(struct emission *emission, uint32_t bands)
{
	struct time_ranks sorted[2];
	struct time_ranks *to = &sorted[0];
	size_t count = 6;
	sorted[0].ranks[0] = sorted[1].ranks[0] = 0;
	take_six(to->ranks + 1, emission, (uint32_t)__builtin_ctz(bands));
	for (bands &= bands - 1; bands; bands &= bands - 1) {
		uint32_t six[8] = { 0, 0, 0, 0, 0, 0, 0, UINT32_MAX };
		struct time_ranks *from = to;
		to = &sorted[from == &sorted[0]];
		take_six(six + 1, emission, (uint32_t)__builtin_ctz(bands));
		from->ranks[1 + count] = UINT32_MAX;
		merge_six(to->ranks + 1, from->ranks, count, six);
		count += 6;
	}
	memcpy(emission->ranks + emission->count, to->ranks + 1, count * sizeof *to->ranks);
	return count;
}

/* Appends the ranks of a time at which these bands have onsets; there is room. */
static inline void
take_time(struct emission *emission, uint32_t bands, uint32_t time)
{
	size_t count = 6;
	if ((bands & (bands - 1)) == 0)
		take_six(emission->ranks + emission->count, emission,
		         (uint32_t)__builtin_ctz(bands));
	else
		count = take_several(emission, bands);
	emission->groups[emission->group_count++] = (struct group){ time, (uint32_t)count };
	emission->count += count;
}

/* Fills the next chunk, of whole times; false where there are no more. */
static bool
next_chunk(struct emission *emission)
{
	emission->count = 0;
	emission->group_count = 0;
	while (emission->count <= CHUNK - TIME_RANKS_MAX) {
		if (emission->word == 0) {
			if (emission->at >= emission->span)
				break;
			emission->word = ep_load_word((const char *)emission->bands + emission->at);
			emission->at += EP_WORD_DIGITS;
			continue;
		}
		unsigned bit = (unsigned)__builtin_ctzll(emission->word) & 56;
		uint32_t time =
			emission->first + (uint32_t)(emission->at - EP_WORD_DIGITS + bit / 8);
		take_time(emission, (uint32_t)(emission->word >> bit) & 0xff, time);
		emission->word &= ~((uint64_t)0xff << bit);
	}
	return emission->count > 0;
}

/* ---- as pairs ---- */

/* Appends a chunk; there is room. */
static void
put_pairs(struct ep_pairs *pairs, const struct emission *emission)
{
	uint32_t codes[CHUNK];
	emission->kernels->codes(codes, emission->ranks, emission->count);
	struct ep_pair *out = pairs->items + pairs->count;
	size_t at = 0;
	for (size_t i = 0; i < emission->group_count; i++) {
		uint32_t time = emission->groups[i].time;
		for (size_t end = at + emission->groups[i].count; at < end; at++)
			out[at] = (struct ep_pair){ codes[at], time };
	}
	pairs->count += at;
}

enum ep_status
ep_onset_emit(struct ep_pairs *pairs, struct ep_onset_emitter *emitter,
              const struct ep_onsets *onsets, struct ep_window window, struct ep_error *err)
{
	struct emission emission;
	EP_TRY(begin(&emission, emitter, onsets, window, err));
	EP_TRY(ep_pairs_reserve(pairs, emission.total * 6, err));
	while (next_chunk(&emission))
		put_pairs(pairs, &emission);
	return EP_OK;
}

/* ---- as text ---- */

/* Appends a chunk; start is where the text began. */
static enum ep_status
print_chunk(struct ep_buffer *out, size_t start, const struct emission *emission,
            struct ep_slicer *slicer, struct ep_error *err)
{
	uint64_t texts[CHUNK];
	EP_TRY(ep_buffer_reserve(out, CHUNK * PAIR_BYTES_MAX + STORE_SLACK, err));
	emission->kernels->texts(texts, emission->ranks, emission->count);
	char *base = (char *)out->data;
	char *at = base + out->size;
	size_t k = 0;
	for (size_t i = 0; i < emission->group_count; i++) {
		const struct group *group = &emission->groups[i];
		ep_slicer_at(slicer, group->time, (size_t)(at - base) - start);
		char time[EP_TIME_TEXT_MAX];
		size_t time_size = ep_put_time(time, group->time);
		for (size_t end = k + group->count; k < end; k++) {
			ep_store_word(at, texts[k]);
			at += emission->ranks[k] & EP_RANK_LENGTH_MASK;
			memcpy(at, time, sizeof time);
			at += time_size;
		}
	}
	out->size = (size_t)(at - base);
	return EP_OK;
}

enum ep_status
ep_onset_print_slices(struct ep_buffer *out, struct ep_onset_emitter *emitter,
                      const struct ep_onsets *onsets, struct ep_window window,
                      struct ep_slice *slices, size_t n, struct ep_error *err)
{
	struct emission emission;
	struct ep_slicer slicer = { .slices = slices, .count = n };
	size_t start = out->size;
	EP_TRY(begin(&emission, emitter, onsets, window, err));
	while (next_chunk(&emission)) {
		enum ep_status status = print_chunk(out, start, &emission, &slicer, err);
		if (status == EP_OK)
			continue;
		out->size = start;
		return status;
	}
	ep_slicer_at(&slicer, UINT32_MAX, out->size - start);
	if (out->size > start)
		out->size--; /* the last blank */
	return EP_OK;
}
