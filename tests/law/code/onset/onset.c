/* Laws of onset coding, over any bytes: what does not hold aborts. */
#include "code/onset/onset.h"
#include "code/onset_hash.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

void law_onset_decode(const uint8_t *bytes, size_t size);
void law_onset_roundtrip(const uint8_t *bytes, size_t size);

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

/* Any bytes are refused, or are pairs in their order and number. */
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

/* Pairs that encode come back the same; others are refused and leave nothing behind. */
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
	must_equal(ep_onset_decode(&again, coder_of_all(), out.data, out.size, window, count, NULL),
	           EP_OK);
	must_equal(again.count, count);
	must(count == 0 || memcmp(again.items, items, count * sizeof *items) == 0);
}
