/* Laws of onset coding, over any bytes: what does not hold aborts. */
#include "code/onset/onset.h"
#include "code/onset/onset_kernels.h"
#include "code/onset_hash.h"
#include "tests/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void law_onset_decode(const uint8_t *bytes, size_t size);
void law_onset_kernels(const uint8_t *bytes, size_t size);
void law_onset_roundtrip(const uint8_t *bytes, size_t size);

#define PAIRS_MAX 1000000

/* One coder, kept from call to call: its tables are large. */
static struct ep_onset_coder *
coder_of_all(void)
{
	static struct ep_onset_coder *coder;
	if (!coder)
		must_equal(ep_onset_coder_new(&coder, NULL), EP_OK);
	return coder;
}

static uint8_t
next_byte(const uint8_t **bytes, size_t *size)
{
	if (*size == 0)
		return 0;
	--*size;
	return *(*bytes)++;
}

/* All of a track, a document, or a short or an empty piece. */
static struct ep_window
window_of(uint8_t choice)
{
	if (choice < 64)
		return (struct ep_window){ 0, (uint32_t)EP_TIME_MAX + 1 };
	if (choice < 192)
		return ep_window_of(choice & 7);
	return (struct ep_window){ choice, choice + (choice & 63u) * 16 };
}

static void
must_be_canonical(const struct ep_pairs *pairs, struct ep_window window)
{
	for (size_t i = 0; i < pairs->count; i++) {
		must(pairs->items[i].time >= window.first && pairs->items[i].time < window.end);
		must(i == 0 || ep_pair_compare(pairs->items[i - 1], pairs->items[i]) <= 0);
	}
}

/* Every instruction set emits pairs, and prints their text and its slices. */
static void
must_emit(const struct ep_onsets *onsets, struct ep_window window, const struct ep_pairs *pairs)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	struct ep_slice slices[2][3] = { { { 0 } } };
	for (uint32_t i = 0; i < 3; i++) {
		slices[0][i] = slices[1][i] =
			(struct ep_slice){ .first = i * 90, .end = i * 90 + 200 };
	}
	must_equal(ep_pairs_print_slices(&text, pairs->items, pairs->count, slices[0], 3, NULL),
	           EP_OK);
	for (size_t k = 0; ep_onset_kernels(k); k++) {
		EP_PAIRS struct ep_pairs again = { 0 };
		EP_BUFFER struct ep_buffer printed = { 0 };
		struct ep_onset_emitter emitter = { .kernels = ep_onset_kernels(k) };
		must_equal(ep_onset_emit(&again, &emitter, onsets, window, NULL), EP_OK);
		must_equal(again.count, pairs->count);
		must(again.count == 0 ||
		     memcmp(again.items, pairs->items, again.count * sizeof *again.items) == 0);
		must_equal(ep_onset_print_slices(&printed, &emitter, onsets, window, slices[1], 3,
		                                 NULL),
		           EP_OK);
		must(ep_bytes_equal(ep_buffer_bytes(&printed), ep_buffer_bytes(&text)));
		must(memcmp(slices[1], slices[0], sizeof slices[0]) == 0);
		ep_onset_emitter_done(&emitter);
	}
}

/* Any bytes are refused, or are pairs in their order and number, by every instruction set. */
void
law_onset_decode(const uint8_t *bytes, size_t size)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_window window = window_of(next_byte(&bytes, &size));
	size_t max_count = (size_t)next_byte(&bytes, &size) * 64;
	enum ep_status status =
		ep_onset_decode(&pairs, coder_of_all(), bytes, size, window, max_count, NULL);
	must(status == EP_OK || status == EP_CORRUPT);
	must(status == EP_OK ? pairs.count <= max_count : pairs.count == 0);
	must_be_canonical(&pairs, window);
	const struct ep_onsets *onsets;
	if (status != EP_OK)
		return;
	must_equal(ep_onset_decode_onsets(&onsets, coder_of_all(), bytes, size, window, max_count,
	                                  NULL),
	           EP_OK);
	must_emit(onsets, window, &pairs);
}

/* Six codes of an onset, one by one, in the order of their texts. */
static void
emit_one(uint32_t six[6], const struct ep_onset *onset, uint32_t band)
{
	struct ep_pair pairs[6];
	must_equal(ep_onset_codes(six, onset, 4, band), 6);
	for (int i = 0; i < 6; i++)
		pairs[i] = (struct ep_pair){ six[i], 0 };
	must_equal(ep_pairs_sort(pairs, 6, NULL), EP_OK);
	for (int i = 0; i < 6; i++)
		six[i] = pairs[i].code;
}

/* The digits of a rank are those of its code. */
static void
must_be_text(uint64_t text, uint32_t rank, uint32_t code)
{
	char digits[16];
	size_t size = (size_t)snprintf(digits, sizeof digits, "%u", code);
	must_equal(rank & EP_RANK_LENGTH_MASK, size);
	for (size_t i = 0; i < size; i++)
		must((char)(text >> (8 * i)) == digits[i]);
}

/* Sums of rates are those of single times. */
static void
must_cost(const uint8_t *bytes, size_t size)
{
	uint8_t numbers[4][EP_ONSET_BLOCK];
	uint8_t by_feature[256];
	uint16_t rates[1024];
	uint8_t *all = numbers[0];
	for (uint32_t i = 0; i < 1024; i++)
		rates[i] = (uint16_t)ep_onset_rate(i);
	for (size_t i = 0; i < sizeof numbers; i++)
		all[i] = next_byte(&bytes, &size);
	for (uint32_t i = 0; i < 192; i++)
		by_feature[i] = (uint8_t)(next_byte(&bytes, &size) + i);
	memcpy(by_feature + 192, by_feature + 128, 64);
	struct ep_onset_weights weights = { { numbers[0], numbers[1], numbers[2] },
		                            numbers[3],
		                            by_feature };
	for (size_t k = 0; ep_onset_kernels(k); k++) {
		uint16_t costs[EP_ONSET_BLOCK + 1];
		uint32_t cost = 0;
		ep_onset_kernels(k)->costs(costs, &weights, rates);
		for (int i = 0; i < EP_ONSET_BLOCK; i++) {
			must_equal(costs[i], cost < UINT16_MAX ? cost : UINT16_MAX);
			cost += ep_onset_rate((uint32_t)numbers[0][i] + numbers[1][i] +
			                      numbers[2][i] + by_feature[numbers[3][i]]);
		}
		must_equal(costs[EP_ONSET_BLOCK], cost < UINT16_MAX ? cost : UINT16_MAX);
	}
}

/* The arithmetic of every instruction set is that of one onset and one code, for any times and
 * carries. The smallest codes, which are rare, come from the bytes themselves. */
void
law_onset_kernels(const uint8_t *bytes, size_t size)
{
	struct ep_onset onsets[EP_ONSET_LANES + 4] = { { 0, 0 } };
	uint32_t ranks[6][EP_ONSET_LANES];
	uint32_t codes[EP_ONSET_LANES];
	uint64_t texts[EP_ONSET_LANES];
	must_cost(bytes, size);
	uint32_t band = next_byte(&bytes, &size) % EP_ONSET_BANDS;
	size_t count = next_byte(&bytes, &size) % (EP_ONSET_LANES + 1);
	for (size_t i = 0; i < count + 4; i++) {
		uint32_t step = next_byte(&bytes, &size) * 257u;
		onsets[i].carries = next_byte(&bytes, &size) & 7;
		onsets[i].time = (i ? onsets[i - 1].time : 0) + 1 + step;
	}
	for (size_t k = 0; ep_onset_kernels(k); k++) {
		const struct ep_onset_kernels *kernels = ep_onset_kernels(k);
		kernels->emit(ranks, onsets, count, band);
		for (int row = 0; row < 6; row++) {
			kernels->codes(codes, ranks[row], count);
			kernels->texts(texts, ranks[row], count);
			for (size_t i = 0; i < count; i++) {
				uint32_t six[6];
				emit_one(six, onsets + i, band);
				must_equal(codes[i], six[row]);
				must_be_text(texts[i], ranks[row][i], six[row]);
			}
		}
		for (size_t i = 0; i < EP_ONSET_LANES; i++) {
			uint32_t code = next_byte(&bytes, &size) * 4112u >> (i % 21);
			ranks[0][i] = ep_onset_rank(code);
			kernels->codes(codes + i, ranks[0] + i, 1);
			kernels->texts(texts + i, ranks[0] + i, 1);
			must_equal(codes[i], code);
			must_be_text(texts[i], ranks[0][i], code);
		}
	}
}

static void
add_pair(struct ep_pairs *pairs, uint32_t code, uint32_t time)
{
	must_equal(ep_pairs_reserve(pairs, 1, NULL), EP_OK);
	pairs->items[pairs->count++] = (struct ep_pair){ code, time };
}

/* The codes of onsets whose distances are bytes, ten bytes a band and more; few of the differences
 * are those of any frames, as the carries are missing, but all come from times. */
static void
add_onsets(struct ep_pairs *pairs, const uint8_t *bytes, size_t size)
{
	static const uint8_t ends[6][3] = { { 1, 1, 2 }, { 1, 1, 3 }, { 2, 2, 3 },
		                            { 1, 1, 4 }, { 2, 2, 4 }, { 3, 3, 4 } };
	size_t each = size / EP_ONSET_BANDS;
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		uint32_t times[256];
		size_t count = each < 256 ? each : 256;
		uint32_t time = 0;
		for (size_t i = 0; i < count; i++) {
			uint8_t byte = bytes[band * each + i];
			time += 16 + byte % 64u * (byte > 250 ? 80 : 2);
			times[i] = time;
		}
		for (size_t i = 0; i + 2 < count; i++)
			for (int k = 0; k < 6; k++) {
				const uint8_t *end = ends[k];
				bool there = i + end[2] < count;
				uint32_t first = there ? times[i + end[0]] - times[i] : 0;
				uint32_t second = there ? times[i + end[2]] - times[i + end[1]] : 0;
				add_pair(pairs, ep_onset_hash(first, second, band), times[i]);
			}
	}
}

/* Changes, removes or repeats a pair, as a byte says; most bytes do nothing. */
static void
damage(struct ep_pairs *pairs, uint8_t how, uint8_t where)
{
	if (pairs->count == 0)
		return;
	size_t at = where * pairs->count / 256;
	if (how == 1)
		pairs->items[at].code ^= where;
	else if (how == 2)
		pairs->items[at].time += where;
	else if (how == 3)
		pairs->items[at] = pairs->items[--pairs->count];
	else if (how == 4)
		add_pair(pairs, pairs->items[at].code, pairs->items[at].time);
}

/* Whether onsets are those that pairs were found to be of, all of their times and carries. */
static void
must_be_found(const struct ep_onsets *onsets, const struct ep_pair *pairs, size_t count,
              struct ep_window window)
{
	static struct ep_onset_finder *finder;
	static struct ep_onsets found;
	if (!finder)
		must_equal(ep_onset_finder_new(&finder, NULL), EP_OK);
	must_equal(ep_onset_find(&found, finder, pairs, count, window, NULL), EP_OK);
	must_equal(onsets->count, found.count);
	must(memcmp(onsets->end, found.end, sizeof found.end) == 0);
	must(found.count == 0 ||
	     memcmp(onsets->items, found.items, found.count * sizeof *found.items) == 0);
}

/* What is encoded comes back as the onsets that were found, if it is not too much work, and these
 * give the same pairs by every instruction set or not; others are refused and leave nothing
 * behind. */
void
law_onset_roundtrip(const uint8_t *bytes, size_t size)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	EP_BUFFER struct ep_buffer out = { 0 };
	struct ep_window window = window_of(next_byte(&bytes, &size));
	uint8_t how = next_byte(&bytes, &size);
	uint8_t where = next_byte(&bytes, &size);
	if (how == 255)
		for (; size >= 4; bytes += 4, size -= 4)
			add_pair(&pairs,
			         bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16,
			         bytes[3]);
	else
		add_onsets(&pairs, bytes, size);
	damage(&pairs, how, where);
	must_equal(ep_pairs_sort(pairs.items, pairs.count, NULL), EP_OK);
	size_t from = 0;
	while (from < pairs.count && pairs.items[from].time < window.first)
		from++;
	while (pairs.count > from && pairs.items[pairs.count - 1].time >= window.end)
		pairs.count--;
	const struct ep_pair *items = pairs.items ? pairs.items + from : NULL;
	size_t count = pairs.count - from;
	enum ep_status status = ep_onset_encode(&out, coder_of_all(), items, count, window, NULL);
	must(status == EP_OK || (status == EP_NOT_FOUND && out.size == 0));
	if (status != EP_OK)
		return;
	const struct ep_onsets *onsets;
	status = ep_onset_decode_onsets(&onsets, coder_of_all(), out.data, out.size, window,
	                                PAIRS_MAX, NULL);
	must(status == EP_OK || status == EP_CORRUPT);
	if (status != EP_OK)
		return;
	must_be_found(onsets, items, count, window);
	must_equal(ep_onset_decode(&again, coder_of_all(), out.data, out.size, window, PAIRS_MAX,
	                           NULL),
	           EP_OK);
	if (how == 0) {
		must_equal(again.count, count);
		must(count == 0 || memcmp(again.items, items, count * sizeof *items) == 0);
	}
	must_emit(onsets, window, &again);
}
