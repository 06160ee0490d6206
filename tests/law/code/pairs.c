/* Laws of pairs: text to pairs and back, sorting, slices, and the packed form. */
#include "code/pairs.h"
#include "code/stored/packed.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

void law_pairs(const uint8_t *bytes, size_t size);

static bool
same_pairs(const struct ep_pairs *one, const struct ep_pairs *other)
{
	return one->count == other->count &&
	       (one->count == 0 ||
	        memcmp(one->items, other->items, one->count * sizeof *one->items) == 0);
}

static struct ep_text
text_of_buffer(const struct ep_buffer *buffer)
{
	return (struct ep_text){ (const char *)buffer->data, buffer->size };
}

/* Any list is printed to text that is parsed to the same list, and that has the size foretold. */
static void
printed_pairs_come_back(const struct ep_pairs *pairs)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	must_equal(ep_pairs_print(&text, pairs->items, pairs->count, NULL), EP_OK);
	must_equal(text.size, ep_pairs_print_size(pairs->items, pairs->count));
	must_equal(ep_pairs_parse(&again, text_of_buffer(&text), NULL), EP_OK);
	must(same_pairs(pairs, &again));
}

static void
packed_pairs_come_back(const struct ep_pairs *pairs)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	must_equal(ep_packed_encode(&packed, pairs->items, pairs->count, NULL), EP_OK);
	must_equal(ep_packed_decode(&again, packed.data, packed.size, pairs->count, NULL), EP_OK);
	must(same_pairs(pairs, &again));
	if (pairs->count > 0)
		must_equal(
			ep_packed_decode(&again, packed.data, packed.size, pairs->count - 1, NULL),
			EP_CORRUPT);
}

static int
compare_items(const void *one, const void *other)
{
	const struct ep_pair *left = one;
	const struct ep_pair *right = other;
	return ep_pair_compare(*left, *right);
}

/* Sorts pairs, as comparing one with another does. */
static void
sorting_follows_the_order(struct ep_pairs *pairs)
{
	EP_PAIRS struct ep_pairs other = { 0 };
	must_equal(ep_pairs_reserve(&other, pairs->count, NULL), EP_OK);
	if (pairs->count > 0) {
		memcpy(other.items, pairs->items, pairs->count * sizeof *other.items);
		qsort(other.items, pairs->count, sizeof *other.items, compare_items);
	}
	other.count = pairs->count;
	must_equal(ep_pairs_sort(pairs->items, pairs->count, NULL), EP_OK);
	must(same_pairs(pairs, &other));
	must(ep_pairs_are_sorted(pairs->items, pairs->count));
}

/* Slices of sorted pairs are what is printed of the pairs in their times. */
static void
slices_are_what_is_in_them(const struct ep_pairs *pairs)
{
	struct ep_slice slices[4];
	uint32_t last = pairs->count > 0 ? pairs->items[pairs->count - 1].time : 0;
	for (uint32_t i = 0; i < 4; i++)
		slices[i] = (struct ep_slice){ .first = last / 4 * i, .end = last / 3 * (i + 1) };
	EP_BUFFER struct ep_buffer text = { 0 };
	must_equal(ep_pairs_print_slices(&text, pairs->items, pairs->count, slices, 4, NULL),
	           EP_OK);
	for (size_t i = 0; i < 4; i++) {
		size_t begin = 0;
		while (begin < pairs->count && pairs->items[begin].time < slices[i].first)
			begin++;
		size_t end = begin;
		while (end < pairs->count && pairs->items[end].time < slices[i].end)
			end++;
		EP_BUFFER struct ep_buffer part = { 0 };
		const struct ep_pair *inside = end > begin ? pairs->items + begin : NULL;
		must_equal(ep_pairs_print(&part, inside, end - begin, NULL), EP_OK);
		must_equal(part.size, slices[i].size);
		must(slices[i].offset + slices[i].size <= text.size);
		must(part.size == 0 ||
		     memcmp(part.data, text.data + slices[i].offset, part.size) == 0);
	}
}

/* What is taken for a code string is printed as the same bytes, or as fewer. */
static void
text_comes_back(struct ep_text text)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	enum ep_status status = ep_pairs_parse(&pairs, text, NULL);
	must(status == EP_OK || (status == EP_BAD_INPUT && pairs.count == 0));
	if (status != EP_OK)
		return;
	printed_pairs_come_back(&pairs);
	EP_BUFFER struct ep_buffer printed = { 0 };
	must_equal(ep_pairs_print(&printed, pairs.items, pairs.count, NULL), EP_OK);
	must(printed.size <= text.size);
	if (printed.size == text.size)
		must(ep_text_equal(text, text_of_buffer(&printed)));
}

/* There is one way to write a list. */
static void
packed_bytes_come_back(const uint8_t *bytes, size_t size)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	enum ep_status status = ep_packed_decode(&pairs, bytes, size, size, NULL);
	must(status == EP_OK || (status == EP_CORRUPT && pairs.count == 0));
	if (status != EP_OK)
		return;
	EP_BUFFER struct ep_buffer again = { 0 };
	must_equal(ep_packed_encode(&again, pairs.items, pairs.count, NULL), EP_OK);
	must(again.size == size && memcmp(again.data, bytes, size) == 0);
}

/* Takes eight bytes for a pair. The first byte tells how large the numbers are: small ones make
 * groups of one time. */
static void
pairs_of_bytes(struct ep_pairs *pairs, const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return;
	unsigned time_shift = bytes[0] % 31U + 1;
	unsigned code_shift = bytes[0] / 8;
	must_equal(ep_pairs_reserve(pairs, size / sizeof *pairs->items, NULL), EP_OK);
	for (size_t at = 1; size - at >= sizeof *pairs->items; at += sizeof *pairs->items) {
		struct ep_pair pair;
		memcpy(&pair, bytes + at, sizeof pair);
		pair.time >>= time_shift;
		pair.code >>= code_shift;
		pairs->items[pairs->count++] = pair;
	}
}

void
law_pairs(const uint8_t *bytes, size_t size)
{
	text_comes_back((struct ep_text){ (const char *)bytes, size });
	packed_bytes_come_back(bytes, size);
	EP_PAIRS struct ep_pairs pairs = { 0 };
	pairs_of_bytes(&pairs, bytes, size);
	printed_pairs_come_back(&pairs);
	packed_pairs_come_back(&pairs);
	sorting_follows_the_order(&pairs);
	packed_pairs_come_back(&pairs);
	slices_are_what_is_in_them(&pairs);
}
