#include "net/solr/solr_document.h"

#include "base/base64.h"
#include "base/sort64.h"
#include "base/time.h"
#include "format/json_text.h"
#include "index/collect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ep_solr_maker {
	struct ep_codes_coder *coder;
	struct ep_decoded decoded;
	struct ep_sketch sketch;
	struct ep_track_postings postings;
	struct ep_buffer bytes; /* of the entry */
	struct ep_buffer scratch; /* while postings are sorted */
};

enum ep_status
ep_solr_maker_new(struct ep_solr_maker **out, struct ep_error *err)
{
	EP_OWNED(ep_solr_maker_free)
	struct ep_solr_maker *maker = calloc(1, sizeof *maker);
	if (!maker)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for documents");
	EP_TRY(ep_codes_coder_new(&maker->coder, EP_CODES_ONSET, err));
	*out = EP_TAKE(maker);
	return EP_OK;
}

void
ep_solr_maker_free(struct ep_solr_maker *maker)
{
	if (!maker)
		return;
	ep_codes_coder_free(maker->coder);
	ep_decoded_free(&maker->decoded);
	ep_sketch_free(&maker->sketch);
	ep_track_postings_free(&maker->postings);
	ep_buffer_free(&maker->bytes);
	ep_buffer_free(&maker->scratch);
	free(maker);
}

size_t
ep_solr_term(char term[EP_SOLR_TERM_SIZE], uint32_t key)
{
	return (size_t)snprintf(term, EP_SOLR_TERM_SIZE, "%" PRIx32,
	                        key & ((1u << EP_KEY_BITS) - 1));
}

uint32_t
ep_solr_crc(const uint8_t *bytes, size_t size)
{
	return ep_crc32(bytes, size);
}

static enum ep_status
append(struct ep_buffer *json, const char *text, struct ep_error *err)
{
	return ep_buffer_append(json, text, strlen(text), err);
}

static enum ep_status
sort_postings(struct ep_solr_maker *maker, struct ep_error *err)
{
	struct ep_track_postings *postings = &maker->postings;
	maker->scratch.size = 0;
	EP_TRY(ep_buffer_reserve(&maker->scratch, postings->count * sizeof *postings->items, err));
	ep_sort64(postings->items, (uint64_t *)(void *)maker->scratch.data, postings->count, 32);
	return EP_OK;
}

/* Appends ,"fp":"KEY KEY ..." with each key of a track once, in order. */
static enum ep_status
append_keys(struct ep_buffer *json, struct ep_solr_maker *maker, const struct ep_entry *entry,
            struct ep_error *err)
{
	char term[EP_SOLR_TERM_SIZE + 1];
	EP_TRY(ep_entry_sketch(&maker->sketch, &maker->decoded, entry, maker->coder, err));
	EP_TRY(ep_track_postings_of(&maker->postings, &maker->sketch, err));
	EP_TRY(sort_postings(maker, err));
	EP_TRY(append(json, ",\"fp\":\"", err));
	for (size_t i = 0; i < maker->postings.count; i++) {
		uint32_t key = (uint32_t)(maker->postings.items[i] >> 32);
		if (i > 0 && key == maker->postings.items[i - 1] >> 32)
			continue;
		size_t size = ep_solr_term(term, key);
		term[size] = ' ';
		EP_TRY(ep_buffer_append(json, term, size + 1, err));
	}
	return append(json, "\"", err);
}

/* Appends ,"entry":"BASE64","crc":NUMBER. */
static enum ep_status
append_entry(struct ep_buffer *json, struct ep_solr_maker *maker, const struct ep_entry *entry,
             struct ep_error *err)
{
	char crc[32];
	size_t size = ep_entry_size(entry);
	maker->bytes.size = 0;
	EP_TRY(ep_buffer_reserve(&maker->bytes, size, err));
	ep_entry_write(maker->bytes.data, entry);
	EP_TRY(append(json, ",\"entry\":\"", err));
	EP_TRY(ep_base64_append(json, (struct ep_bytes){ maker->bytes.data, size }, err));
	snprintf(crc, sizeof crc, "\",\"crc\":%" PRIu32, ep_solr_crc(maker->bytes.data, size));
	return append(json, crc, err);
}

static const char *
kind_of(const struct ep_solr_document *document)
{
	enum ep_operation operation = document->entry->operation;
	return operation == EP_DELETE ? "delete"
	       : operation == EP_LINK ? "link"
	       : document->copy       ? "copy"
	                              : "put";
}

/* The id of an entry's document: tracks and links have ids of their own. NULL: no memory. */
static json_t *
id_of(const struct ep_entry *entry)
{
	char id[2 + 255 + 1];
	size_t size = entry->id.size < 255 ? entry->id.size : 255;
	id[0] = entry->operation == EP_LINK ? 'l' : 't';
	id[1] = ':';
	memcpy(id + 2, entry->id.at, size);
	return ep_json_text((struct ep_text){ id, size + 2 });
}

/* Appends {"id":..,"kind":..,.. without the closing brace. */
static enum ep_status
append_head(struct ep_buffer *json, const struct ep_solr_document *document, const char *kind,
            struct ep_error *err)
{
	json_t *head = json_pack("{s:o, s:s, s:I, s:I}", "id", id_of(document->entry), "kind", kind,
	                         "version", (json_int_t)document->version, "position",
	                         (json_int_t)document->entry->position);
	EP_FREE char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
	json_decref(head);
	if (!text)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a document");
	return ep_buffer_append(json, text, strlen(text) - 1, err);
}

/* Appends what people see: source, date and names of a track. */
static enum ep_status
append_names(struct ep_buffer *json, const struct ep_solr_document *document,
             const struct ep_decoded *decoded, struct ep_error *err)
{
	char date[EP_TIME_TEXT];
	const struct ep_document *row = &decoded->track.documents[0];
	ep_time_print(date, document->entry->import_date);
	json_t *names =
		json_pack("{s:s, s:s, s:o, s:o, s:o}", "source", document->source, "import_date",
	                  date, "artist", ep_json_text(row->artist), "release",
	                  ep_json_text(row->release), "track", ep_json_text(row->track));
	EP_FREE char *text = names ? json_dumps(names, JSON_COMPACT) : NULL;
	json_decref(names);
	if (!text)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a document");
	text[0] = ',';
	return ep_buffer_append(json, text, strlen(text) - 1, err);
}

enum ep_status
ep_solr_document(struct ep_buffer *json, struct ep_solr_maker *maker,
                 const struct ep_solr_document *document, struct ep_error *err)
{
	const struct ep_entry *entry = document->entry;
	struct ep_bytes codes;
	EP_TRY(append_head(json, document, kind_of(document), err));
	EP_TRY(append_entry(json, maker, entry, err));
	if (entry->operation == EP_PUT) {
		EP_TRY(ep_entry_rows(&maker->decoded, &codes, entry, err));
		EP_TRY(append_names(json, document, &maker->decoded, err));
	}
	if (entry->operation == EP_PUT && !document->copy)
		EP_TRY(append_keys(json, maker, entry, err));
	return append(json, "}\n", err);
}

enum ep_status
ep_solr_refused_document(struct ep_buffer *json, const struct ep_solr_document *document,
                         struct ep_error *err)
{
	EP_TRY(append_head(json, document, "refused", err));
	return append(json, "}\n", err);
}
