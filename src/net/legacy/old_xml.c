#include "net/legacy/old_xml.h"

#include <string.h>

/* ---- what cannot be taken ---- */

/* The texts of a row with their names, as Solr's schema has them. */
#define TEXTS 6
struct named {
	const char *name;
	struct ep_text text;
};

static void
name_texts(struct named texts[TEXTS], const struct ep_old_row_out *row)
{
	const struct ep_document *document = &row->document;
	const struct named all[TEXTS] = {
		{ "track_id", row->id },        { "codever", document->codever },
		{ "artist", document->artist }, { "release", document->release },
		{ "track", document->track },   { "source", row->source },
	};
	memcpy(texts, all, sizeof all);
}

static enum ep_status
check_text(const struct named *text, bool ascii, struct ep_error *err)
{
	if (!ep_text_is_utf8(text->text))
		return ep_fail(err, EP_BAD_INPUT, "its %s is not UTF-8", text->name);
	for (size_t i = 0; i < text->text.size; i++) {
		uint8_t byte = (uint8_t)text->text.at[i];
		if (byte < ' ' && byte != '\t' && byte != '\n' && byte != '\r')
			return ep_fail(err, EP_BAD_INPUT,
			               "its %s has the control character %02x at byte %zu, which "
			               "XML cannot say",
			               text->name, byte, i + 1);
		if (ascii && byte >= 0x80)
			return ep_fail(err, EP_BAD_INPUT,
			               "its %s is not ASCII, at which their dump scripts end",
			               text->name);
	}
	return EP_OK;
}

/* A length must be a number of 32 bits. */
static enum ep_status
check_length(struct ep_text length, struct ep_error *err)
{
	int64_t value = 0;
	bool fits = length.size > 0;
	for (size_t i = 0; fits && i < length.size; i++) {
		value = value * 10 + (length.at[i] - '0');
		fits = length.at[i] >= '0' && length.at[i] <= '9' && value <= INT32_MAX;
	}
	return fits ? EP_OK
	            : ep_fail(err, EP_BAD_INPUT,
	                      "its length \"%.*s\" is not a number from 0 to 2147483647",
	                      ep_text_print_size(length), length.at);
}

enum ep_status
ep_old_row_check(const struct ep_old_row_out *row, bool ascii, struct ep_pairs *pairs,
                 struct ep_error *err)
{
	struct named texts[TEXTS];
	name_texts(texts, row);
	for (size_t i = 0; i < TEXTS; i++)
		EP_TRY(check_text(&texts[i], ascii, err));
	EP_TRY(check_length(row->document.length, err));
	pairs->count = 0;
	enum ep_status status = ep_pairs_parse(pairs, row->document.codes, err);
	if (status == EP_BAD_INPUT)
		ep_error_prefix(err, "its codes: ");
	return status;
}

bool
ep_old_row_has_cr(const struct ep_old_row_out *row)
{
	struct named texts[TEXTS];
	name_texts(texts, row);
	for (size_t i = 0; i < TEXTS; i++) {
		if (texts[i].text.size && memchr(texts[i].text.at, '\r', texts[i].text.size))
			return true;
	}
	return false;
}

/* ---- XML ---- */

enum ep_status
ep_old_xml_words(struct ep_buffer *xml, const char *words, struct ep_error *err)
{
	return ep_buffer_append(xml, words, strlen(words), err);
}

static const char *
escape_of(char byte)
{
	switch (byte) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\r': /* as itself it would be read as a line feed */
		return "&#13;";
	default:
		return NULL;
	}
}

static enum ep_status
add_text(struct ep_buffer *xml, struct ep_text text, struct ep_error *err)
{
	size_t from = 0;
	for (size_t i = 0; i < text.size; i++) {
		const char *escape = escape_of(text.at[i]);
		if (!escape)
			continue;
		EP_TRY(ep_buffer_append(xml, text.at + from, i - from, err));
		EP_TRY(ep_old_xml_words(xml, escape, err));
		from = i + 1;
	}
	return ep_buffer_append(xml, text.at + from, text.size - from, err);
}

static enum ep_status
add_field(struct ep_buffer *xml, const char *name, struct ep_text text, struct ep_error *err)
{
	EP_TRY(ep_old_xml_words(xml, "<field name=\"", err));
	EP_TRY(ep_old_xml_words(xml, name, err));
	EP_TRY(ep_old_xml_words(xml, "\">", err));
	EP_TRY(add_text(xml, text, err));
	return ep_old_xml_words(xml, "</field>", err);
}

enum ep_status
ep_old_xml_add(struct ep_buffer *xml, const struct ep_old_row_out *row, const char *date,
               struct ep_error *err)
{
	struct named texts[TEXTS];
	name_texts(texts, row);
	EP_TRY(ep_old_xml_words(xml, "<doc>", err));
	EP_TRY(add_field(xml, "fp", row->document.codes, err));
	EP_TRY(add_field(xml, "length", row->document.length, err));
	EP_TRY(add_field(xml, "import_date", ep_text_of(date), err));
	for (size_t i = 0; i < TEXTS; i++)
		EP_TRY(add_field(xml, texts[i].name, texts[i].text, err));
	return ep_old_xml_words(xml, "</doc>", err);
}

enum ep_status
ep_old_xml_id(struct ep_buffer *xml, struct ep_text id, struct ep_error *err)
{
	EP_TRY(ep_old_xml_words(xml, "<id>", err));
	EP_TRY(add_text(xml, id, err));
	return ep_old_xml_words(xml, "</id>", err);
}
