#include "net/legacy/old_page.h"

#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- CESU-8 ---- */

/* Whether three bytes are a surrogate of CESU-8: the first of a pair (high), or the second. */
static bool
is_surrogate(const uint8_t *at, bool high)
{
	uint8_t least = high ? 0xa0 : 0xb0;
	return at[0] == 0xed && at[1] >= least && at[1] < least + 0x10 && (at[2] & 0xc0) == 0x80;
}

/* Ten bits of a surrogate. */
static uint32_t
surrogate_bits(const uint8_t *at)
{
	return (uint32_t)(at[1] & 0x0f) << 6 | (at[2] & 0x3f);
}

/* Makes UTF-8 of CESU-8 in place; what is neither stays. */
static void
mend_utf8(struct ep_buffer *text)
{
	uint8_t *at = text->data;
	size_t size = text->size;
	size_t to = 0;
	for (size_t from = 0; from < size;) {
		if (size - from < 6 || !is_surrogate(at + from, true) ||
		    !is_surrogate(at + from + 3, false)) {
			at[to++] = at[from++];
			continue;
		}
		uint32_t point =
			0x10000 + (surrogate_bits(at + from) << 10 | surrogate_bits(at + from + 3));
		at[to++] = (uint8_t)(0xf0 | point >> 18);
		at[to++] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
		at[to++] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
		at[to++] = (uint8_t)(0x80 | (point & 0x3f));
		from += 6;
	}
	text->size = to;
}

/* ---- documents ---- */

/* A text of a document; empty where it is missing. */
static enum ep_status
read_text(struct ep_text *text, const json_t *document, const char *name, size_t number,
          struct ep_error *err)
{
	const json_t *value = json_object_get(document, name);
	if (value && !json_is_string(value))
		return ep_fail(err, EP_CORRUPT, "document %zu of the answer: %s is not a text",
		               number, name);
	*text = value ? (struct ep_text){ json_string_value(value), json_string_length(value) }
	              : (struct ep_text){ 0 };
	return EP_OK;
}

/* The length is a number; some schemas have it as a text. */
static enum ep_status
read_length(struct ep_text *text, struct ep_arena *arena, const json_t *document, size_t number,
            struct ep_error *err)
{
	const json_t *value = json_object_get(document, "length");
	char digits[32];
	if (!json_is_integer(value))
		return read_text(text, document, "length", number, err);
	snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return ep_arena_text(text, arena, ep_text_of(digits), err);
}

/* Reads "2011-06-01T12:00:00Z" or "2011-06-01T12:00:00.123Z". */
static bool
read_date(int64_t *seconds, struct ep_text date)
{
	char whole[EP_TIME_TEXT];
	size_t front = EP_TIME_TEXT - 2;
	if (date.size < front + 1 || date.at[date.size - 1] != 'Z')
		return false;
	bool fraction = date.at[front] == '.';
	for (size_t i = front + 1; fraction && i + 1 < date.size; i++)
		fraction = date.at[i] >= '0' && date.at[i] <= '9';
	if (date.size != front + 1 && !fraction)
		return false;
	memcpy(whole, date.at, front);
	whole[front] = 'Z';
	return ep_time_parse(seconds, (struct ep_text){ whole, front + 1 });
}

static enum ep_status
read_document(struct ep_old_document *document, struct ep_arena *arena, const json_t *json,
              size_t number, struct ep_error *err)
{
	if (!json_is_object(json))
		return ep_fail(err, EP_CORRUPT, "document %zu of the answer is not an object",
		               number);
	EP_TRY(read_text(&document->id, json, "track_id", number, err));
	EP_TRY(read_text(&document->codever, json, "codever", number, err));
	EP_TRY(read_text(&document->artist, json, "artist", number, err));
	EP_TRY(read_text(&document->release, json, "release", number, err));
	EP_TRY(read_text(&document->track, json, "track", number, err));
	EP_TRY(read_text(&document->source, json, "source", number, err));
	EP_TRY(read_text(&document->date, json, "import_date", number, err));
	EP_TRY(read_length(&document->length, arena, json, number, err));
	document->import_date = 0;
	if (document->id.size == 0)
		return ep_fail(err, EP_CORRUPT, "document %zu of the answer has no track_id",
		               number);
	if (document->date.size && !read_date(&document->import_date, document->date))
		return ep_fail(
			err, EP_CORRUPT,
			"document %zu of the answer: import_date \"%.*s\" is not a time such "
			"as 2011-06-01T12:00:00Z",
			number, ep_text_print_size(document->date), document->date.at);
	return EP_OK;
}

static enum ep_status
read_documents(struct ep_old_page *page, const json_t *list, struct ep_error *err)
{
	size_t count = json_array_size(list);
	page->documents = ep_arena_alloc(&page->arena, count * sizeof *page->documents);
	if (!page->documents)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", count);
	for (size_t i = 0; i < count; i++)
		EP_TRY(read_document(&page->documents[i], &page->arena, json_array_get(list, i),
		                     i + 1, err));
	page->count = count;
	return EP_OK;
}

enum ep_status
ep_old_page_read(struct ep_old_page *page, struct ep_buffer *answer, struct ep_error *err)
{
	json_error_t why;
	mend_utf8(answer);
	page->count = 0;
	ep_arena_reset(&page->arena);
	json_decref(page->json);
	page->json = json_loadb((const char *)answer->data, answer->size, JSON_ALLOW_NUL, &why);
	if (!page->json)
		return ep_fail(err, EP_CORRUPT, "the answer is not JSON: %s at byte %d", why.text,
		               why.position);
	const json_t *response = json_object_get(page->json, "response");
	const json_t *found = json_object_get(response, "numFound");
	const json_t *list = json_object_get(response, "docs");
	if (!json_is_integer(found) || json_integer_value(found) < 0 || !json_is_array(list))
		return ep_fail(err, EP_CORRUPT,
		               "the answer has no response with numFound and docs, as Solr's have");
	page->found = (uint64_t)json_integer_value(found);
	return read_documents(page, list, err);
}

void
ep_old_page_free(struct ep_old_page *page)
{
	json_decref(page->json);
	ep_arena_free(&page->arena);
	*page = (struct ep_old_page){ 0 };
}
