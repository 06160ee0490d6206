/* Laws of packed code strings: what is read is written so that it is read as the same. */
#include "code/codestring.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

void law_codestring(const uint8_t *bytes, size_t size);

static void
pairs_come_back(const struct ep_pairs *pairs)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	must_equal(ep_codestring_encode(&packed, pairs->items, pairs->count, NULL), EP_OK);
	struct ep_text text = { (const char *)packed.data, packed.size };
	must_equal(text.size % 4, 0);
	must_equal(ep_codestring_is_plain(text), text.size == 0);
	must_equal(ep_codestring_decode(&again, text, NULL), EP_OK);
	must_equal(again.count, pairs->count);
	must(again.count == 0 ||
	     memcmp(again.items, pairs->items, again.count * sizeof *again.items) == 0);
}

void
law_codestring(const uint8_t *bytes, size_t size)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_text text = { (const char *)bytes, size };
	enum ep_status status = ep_codestring_decode(&pairs, text, NULL);
	must(status == EP_OK || (status == EP_BAD_INPUT && pairs.count == 0));
	pairs_come_back(&pairs);

	/* Any pairs at all: eight bytes each. */
	size_t count = size / sizeof *pairs.items;
	pairs.count = 0;
	must_equal(ep_pairs_reserve(&pairs, count, NULL), EP_OK);
	for (size_t i = 0; i < count; i++) {
		struct ep_pair pair;
		memcpy(&pair, bytes + i * sizeof pair, sizeof pair);
		pair.time &= EP_TIME_MAX;
		pairs.items[pairs.count++] = pair;
	}
	pairs_come_back(&pairs);
}
