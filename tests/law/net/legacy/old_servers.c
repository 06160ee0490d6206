/* Laws of what the servers of 2011 answer: any bytes are read or refused, and what is read is what
 * was said. */
#include "net/legacy/old_page.h"
#include "net/legacy/tyrant.h"
#include "tests/must.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void law_tyrant(const uint8_t *bytes, size_t size);
void law_old_page(const uint8_t *bytes, size_t size);

/* ---- Tokyo Tyrant ---- */

#define KEYS 8

/* What answers said, as bytes again. */
struct heard {
	struct ep_buffer bytes;
	size_t count;
};

static void
hear(struct heard *heard, const uint8_t *at, size_t size)
{
	needs(ep_buffer_append(&heard->bytes, at, size, NULL));
}

static enum ep_status
on_value(void *context, size_t i, const struct ep_tyrant_value *value, struct ep_error *err)
{
	(void)err;
	struct heard *heard = context;
	size_t size = value->bytes.size;
	must(i == heard->count++ && !value->too_large);
	hear(heard, (const uint8_t[]){ value->there ? 0 : 1 }, 1);
	must(value->there || size == 0);
	if (!value->there)
		return EP_OK;
	hear(heard,
	     (const uint8_t[]){ (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
	                        (uint8_t)size },
	     4);
	hear(heard, value->bytes.at, size);
	return EP_OK;
}

static enum ep_status
on_key(void *context, struct ep_text key, struct ep_error *err)
{
	(void)err;
	struct heard *heard = context;
	must(key.size <= EP_TYRANT_KEY_MAX);
	heard->count++;
	return EP_OK;
}

/* The first byte says what is asked; the others are the answers. What values are told is, as bytes,
 * the front of the answers. */
void
law_tyrant(const uint8_t *bytes, size_t size)
{
	struct heard heard = { 0 };
	struct ep_tyrant *tyrant;
	struct ep_text keys[KEYS];
	uint64_t count;
	int ends[2];
	/* More answers make for more requests than fit into a socket that nobody reads. */
	if (size == 0 || size > 16384)
		return;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	must(write(ends[1], bytes + 1, size - 1) == (ssize_t)(size - 1));
	must(shutdown(ends[1], SHUT_WR) == 0);
	for (size_t i = 0; i < KEYS; i++)
		keys[i] = ep_text_of("TR-0");
	needs(ep_tyrant_of_socket(&tyrant, ends[0], "it", NULL, NULL));
	enum ep_status status = EP_OK;
	switch (bytes[0] % 4) {
	case 0:
		status = ep_tyrant_get(tyrant, keys, KEYS, on_value, &heard, NULL);
		must(status != EP_OK || heard.count == KEYS);
		break;
	case 1:
		status = ep_tyrant_each_key(tyrant, on_key, &heard, NULL);
		break;
	case 2:
		status = ep_tyrant_count(&count, tyrant, NULL);
		must(status != EP_OK || size >= 10);
		break;
	default:
		status = ep_tyrant_put(tyrant, keys, keys, KEYS, NULL);
		must(status != EP_OK || size > KEYS);
		break;
	}
	must(status == EP_OK || status == EP_UNREACHABLE || status == EP_CORRUPT ||
	     status == EP_IO);
	must(heard.bytes.size < size &&
	     (heard.bytes.size == 0 || memcmp(heard.bytes.data, bytes + 1, heard.bytes.size) == 0));
	ep_tyrant_close(tyrant);
	close(ends[1]);
	ep_buffer_free(&heard.bytes);
}

/* ---- Solr ---- */

static json_t *
json_of(const struct ep_old_document *document)
{
	const struct {
		const char *name;
		struct ep_text text;
	} fields[] = { { "track_id", document->id },     { "codever", document->codever },
		       { "length", document->length },   { "artist", document->artist },
		       { "release", document->release }, { "track", document->track },
		       { "source", document->source },   { "import_date", document->date } };
	json_t *json = json_object();
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		must(ep_text_is_utf8(fields[i].text));
		must(json_object_set_new(json, fields[i].name,
		                         json_stringn(fields[i].text.at ? fields[i].text.at : "",
		                                      fields[i].text.size)) == 0);
	}
	return json;
}

static void
same_documents(const struct ep_old_document *one, const struct ep_old_document *other)
{
	must(ep_text_equal(one->id, other->id) && ep_text_equal(one->codever, other->codever));
	must(ep_text_equal(one->length, other->length) && ep_text_equal(one->track, other->track));
	must(ep_text_equal(one->artist, other->artist) &&
	     ep_text_equal(one->release, other->release));
	must(ep_text_equal(one->source, other->source) && ep_text_equal(one->date, other->date));
	must(one->import_date == other->import_date);
}

/* What was read, written as an answer and read again, is the same. */
static void
comes_back(const struct ep_old_page *page)
{
	struct ep_old_page again = { 0 };
	struct ep_buffer answer = { 0 };
	json_t *list = json_array();
	for (size_t i = 0; i < page->count; i++) {
		must(page->documents[i].id.size > 0);
		json_array_append_new(list, json_of(&page->documents[i]));
	}
	json_t *json = json_pack("{s:{s:I, s:o}}", "response", "numFound", (json_int_t)page->found,
	                         "docs", list);
	char *text = json_dumps(json, JSON_COMPACT);
	must(text != NULL);
	needs(ep_buffer_append(&answer, text, strlen(text), NULL));
	needs(ep_old_page_read(&again, &answer, NULL));
	must(again.count == page->count && again.found == page->found);
	for (size_t i = 0; i < page->count; i++)
		same_documents(&page->documents[i], &again.documents[i]);
	free(text);
	json_decref(json);
	ep_old_page_free(&again);
	ep_buffer_free(&answer);
}

void
law_old_page(const uint8_t *bytes, size_t size)
{
	struct ep_old_page page = { 0 };
	struct ep_buffer answer = { 0 };
	struct ep_error err;
	needs(ep_buffer_append(&answer, bytes, size, NULL));
	enum ep_status status = ep_old_page_read(&page, &answer, &err);
	must(status == EP_OK || (status == EP_CORRUPT && err.text[0]));
	if (status == EP_OK)
		comes_back(&page);
	ep_old_page_free(&page);
	ep_buffer_free(&answer);
}
