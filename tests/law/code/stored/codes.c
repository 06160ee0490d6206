/* Laws of stored codes: documents come back byte for byte, and any bytes are decoded or refused. */
#include "code/stored/codes.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

/* A track that is made up has at most this many documents. */
#define DOCUMENTS_MAX 12

void law_codes(const uint8_t *bytes, size_t size);

static struct ep_codes_coder *
new_coder(unsigned highest_form)
{
	struct ep_codes_coder *coder;
	must_equal(ep_codes_coder_new(&coder, (enum ep_codes_form)highest_form, NULL), EP_OK);
	return coder;
}

/* One coder a form, and one that decodes, kept from call to call: their tables are large. */
static struct ep_codes_coder *
coder_of(unsigned number)
{
	static struct ep_codes_coder *coders[EP_CODES_FORM_COUNT + 1];
	if (!coders[number])
		coders[number] = new_coder(number < EP_CODES_FORM_COUNT ? number : EP_CODES_ONSET);
	return coders[number];
}

static void
usage_adds_up(const uint8_t *bytes, size_t size, size_t count)
{
	struct ep_codes_usage usage = { 0 };
	uint64_t documents = 0;
	uint64_t in_bytes = 0;
	must_equal(ep_codes_add_usage(&usage, count, bytes, size, NULL), EP_OK);
	for (size_t i = 0; i < EP_CODES_FORM_COUNT; i++) {
		documents += usage.of[i].documents;
		in_bytes += usage.of[i].bytes;
	}
	must(documents == count && in_bytes == size);
}

/* Documents come back from every form, and always have the same bytes. */
static void
documents_come_back(const struct ep_codes_document *documents, size_t count, unsigned form)
{
	EP_BUFFER struct ep_buffer blob = { 0 };
	EP_BUFFER struct ep_buffer again = { 0 };
	struct ep_codes_document back[DOCUMENTS_MAX];
	for (size_t i = 0; i < count; i++)
		back[i].segment = documents[i].segment;
	struct ep_codes_coder *coder = coder_of(form);
	must_equal(ep_codes_encode(&blob, coder, documents, count, NULL), EP_OK);
	must_equal(ep_codes_encode(&again, coder, documents, count, NULL), EP_OK);
	must_equal(blob.size, again.size);
	must(blob.size == 0 || memcmp(blob.data, again.data, blob.size) == 0);
	must_equal(ep_codes_decode(coder, back, count, blob.data, blob.size, NULL), EP_OK);
	for (size_t i = 0; i < count; i++)
		must(ep_text_equal(documents[i].text, back[i].text));
	usage_adds_up(blob.data, blob.size, count);
}

/* Takes bytes for a blob, of segments that follow one another. */
static void
any_blob_is_decoded_or_refused(const uint8_t *bytes, size_t size, size_t count)
{
	struct ep_codes_document documents[DOCUMENTS_MAX];
	struct ep_text none = ep_text_of("untouched");
	for (uint32_t i = 0; i < count; i++)
		documents[i] = (struct ep_codes_document){ none, i };
	struct ep_codes_coder *decoder = coder_of(EP_CODES_FORM_COUNT);
	enum ep_status status = ep_codes_decode(decoder, documents, count, bytes, size, NULL);
	must(status == EP_OK || status == EP_CORRUPT);
	if (status == EP_OK) {
		usage_adds_up(bytes, size, count);
		documents_come_back(documents, count, EP_CODES_ONSET);
		return;
	}
	for (size_t i = 0; i < count; i++)
		must(documents[i].text.at == none.at);
}

/* Pairs with small steps of time, so that they fall into a few segments: four bytes each. */
static void
pairs_of_bytes(struct ep_pairs *pairs, const uint8_t *bytes, size_t size)
{
	uint32_t time = 0;
	must_equal(ep_pairs_reserve(pairs, size / 4, NULL), EP_OK);
	for (size_t at = 0; size - at >= 4 && at < size; at += 4) {
		uint32_t step = bytes[at] < 0x80 ? bytes[at] % 4 : bytes[at] * 8U;
		uint32_t code = bytes[at + 1] | (uint32_t)bytes[at + 2] << 8 |
		                (uint32_t)bytes[at + 3] << 12;
		time = (time + step) % 12000;
		pairs->items[pairs->count++] = (struct ep_pair){ code, time };
	}
}

/* Changes one document as a byte says: most stay. */
static void
disturb(struct ep_codes_document *document, uint8_t how, const uint8_t *bytes, size_t size)
{
	struct ep_text *text = &document->text;
	switch (how % 16) {
	case 1:
		*text = (struct ep_text){ (const char *)bytes, size < 40 ? size : 40 };
		break;
	case 2:
		document->segment = EP_NO_SEGMENT;
		break;
	case 3:
		document->segment += how;
		break;
	case 4:
		text->size = 0;
		break;
	case 5:
		if (text->size > 0)
			text->size--;
		break;
	case 6:
		document->segment = EP_SEGMENT_MAX + how;
		break;
	default:
		break;
	}
}

void
law_codes(const uint8_t *bytes, size_t size)
{
	if (size < 1 + DOCUMENTS_MAX)
		return;
	any_blob_is_decoded_or_refused(bytes + 1, size - 1, bytes[0] % DOCUMENTS_MAX);

	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_CUT struct ep_cut cut = { 0 };
	pairs_of_bytes(&pairs, bytes + 1 + DOCUMENTS_MAX, size - 1 - DOCUMENTS_MAX);
	must_equal(ep_cut_documents(&cut, &pairs, DOCUMENTS_MAX, NULL), EP_OK);
	struct ep_codes_document documents[DOCUMENTS_MAX];
	for (uint32_t i = 0; i < cut.count; i++) {
		documents[i] = (struct ep_codes_document){ cut.documents[i], i };
		disturb(&documents[i], bytes[1 + i], bytes, size);
	}
	documents_come_back(documents, cut.count, bytes[0] % EP_CODES_FORM_COUNT);
}
