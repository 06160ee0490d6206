#include "code/onset/onset_emit.h"

#include <stdlib.h>
#include <string.h>

/* A code with its place in canonical order: the seven digits that its decimal text begins with,
 * times 8, plus the length of the text, above the 20 bits of the code. */
#define CODE_BITS 20

static uint64_t
sort_key(uint32_t code)
{
	static const uint32_t scale[8] = { 0, 1000000, 100000, 10000, 1000, 100, 10, 1 };
	uint32_t length = 1u + (code >= 10) + (code >= 100) + (code >= 1000) + (code >= 10000) +
	                  (code >= 100000) + (code >= 1000000);
	return (uint64_t)(code * scale[length] * 8 + length) << CODE_BITS | code;
}

static inline void
sort_two(uint64_t *one, uint64_t *other)
{
	uint64_t low = *one < *other ? *one : *other;
	uint64_t high = *one < *other ? *other : *one;
	*one = low;
	*other = high;
}

/* The optimal network of twelve comparisons. */
static inline void
sort_six(uint64_t keys[6])
{
	static const uint8_t network[12][2] = { { 0, 5 }, { 1, 3 }, { 2, 4 }, { 1, 2 },
		                                { 3, 4 }, { 0, 3 }, { 2, 5 }, { 0, 1 },
		                                { 2, 3 }, { 4, 5 }, { 1, 2 }, { 3, 4 } };
	for (int i = 0; i < 12; i++)
		sort_two(&keys[network[i][0]], &keys[network[i][1]]);
}

/* Writes the six codes of an onset, as sort keys in order. followers is 2 or more. */
static inline void
emit_six(uint64_t keys[6], const struct ep_onset *onset, size_t followers, uint32_t band)
{
	uint32_t codes[6];
	size_t count = ep_onset_codes(codes, onset, followers, band);
	for (size_t i = count; i < 6; i++)
		codes[i] = ep_onset_hash(0, 0, band);
	for (int i = 0; i < 6; i++)
		keys[i] = sort_key(codes[i]);
	sort_six(keys);
}

/* Merges six sorted keys into sorted keys[0..count), which has room for them. */
static void
merge_six(uint64_t *keys, size_t count, const uint64_t six[6])
{
	size_t from = count;
	size_t to = count + 6;
	for (int i = 6; i > 0;) {
		if (from > 0 && keys[from - 1] > six[i - 1])
			keys[--to] = keys[--from];
		else
			keys[--to] = six[--i];
	}
}

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
	*emitter = (struct ep_onset_emitter){ NULL, 0 };
}

/* Where emitting stands in each band. */
struct cursors {
	const struct ep_onset *next[EP_ONSET_BANDS];
	const struct ep_onset *end[EP_ONSET_BANDS];
};

/* Appends all codes of one time; there is room. */
static inline void
emit_time(struct ep_pairs *pairs, struct cursors *cursors, unsigned bands, uint32_t time)
{
	uint64_t keys[6 * EP_ONSET_BANDS];
	size_t count = 0;
	for (; bands; bands &= bands - 1) {
		uint32_t band = (uint32_t)__builtin_ctz(bands);
		const struct ep_onset *onset = cursors->next[band]++;
		size_t followers = (size_t)(cursors->end[band] - onset) - 1;
		if (count == 0) {
			emit_six(keys, onset, followers, band);
		} else {
			uint64_t six[6];
			emit_six(six, onset, followers, band);
			merge_six(keys, count, six);
		}
		count += 6;
	}
	struct ep_pair *out = pairs->items + pairs->count;
	for (size_t i = 0; i < count; i++)
		out[i] = (struct ep_pair){ (uint32_t)keys[i] & (EP_ONSET_CODE_COUNT - 1), time };
	pairs->count += count;
}

enum ep_status
ep_onset_emit(struct ep_pairs *pairs, struct ep_onset_emitter *emitter,
              const struct ep_onsets *onsets, struct ep_window window, struct ep_error *err)
{
	struct cursors cursors;
	size_t emitting[EP_ONSET_BANDS];
	size_t span = 0;
	size_t start = 0;
	size_t total = 0;
	for (int band = 0; band < EP_ONSET_BANDS; band++) {
		cursors.next[band] = onsets->items + start;
		cursors.end[band] = onsets->items + onsets->end[band];
		emitting[band] =
			ep_onset_emitting(cursors.next[band], onsets->end[band] - start, window);
		start = onsets->end[band];
		total += emitting[band];
		if (emitting[band] == 0)
			continue;
		size_t last = cursors.next[band][emitting[band] - 1].time - window.first;
		span = last >= span ? last + 1 : span;
	}
	EP_TRY(ep_pairs_reserve(pairs, total * 6, err));
	EP_TRY(clear_bands(emitter, span, err));
	for (int band = 0; band < EP_ONSET_BANDS; band++)
		for (size_t i = 0; i < emitting[band]; i++)
			emitter->bands[cursors.next[band][i].time - window.first] |=
				(uint8_t)(1u << band);
	for (size_t at = 0; at < span; at += 8) {
		uint64_t word;
		memcpy(&word, emitter->bands + at, sizeof word);
		if (word == 0)
			continue;
		for (size_t i = at; i < at + 8; i++)
			if (emitter->bands[i])
				emit_time(pairs, &cursors, emitter->bands[i],
				          window.first + (uint32_t)i);
	}
	return EP_OK;
}
