/* What of a batch the servers of 2011 have already. */
#include "net/legacy/legacy_push_internal.h"

#include <stdlib.h>

/* Ids in one query: Solr takes at most 1,024. */
#define IDS_TOGETHER ((size_t)500)

/* A row in the order of ids. */
struct place {
	struct ep_push_row *row;
};

static int
compare_places(const void *one, const void *other)
{
	const struct place *first = one;
	const struct place *second = other;
	return ep_text_compare(first->row->out.id, second->row->out.id);
}

/* Whether Solr has the texts of a row. The source is each server's own affair. */
static bool
has_texts(const struct ep_old_document *there, const struct ep_document *here)
{
	return ep_text_equal(there->codever, here->codever) &&
	       ep_text_equal(there->length, here->length) &&
	       ep_text_equal(there->artist, here->artist) &&
	       ep_text_equal(there->release, here->release) &&
	       ep_text_equal(there->track, here->track);
}

/* Marks which of some rows, in the order of ids, Solr has. */
static enum ep_status
ask_solr(struct ep_pushing *push, struct place *places, size_t count, struct ep_error *err)
{
	struct ep_buffer *query = &push->query;
	query->size = 0;
	EP_TRY(ep_old_xml_words(query, "track_id:(", err));
	for (size_t i = 0; i < count; i++) {
		EP_TRY(ep_old_xml_words(query, i ? " OR " : "", err));
		EP_TRY(ep_old_query_quote(query, places[i].row->out.id, err));
	}
	EP_TRY(ep_old_xml_words(query, ")", err));
	struct ep_old_select select = { .query = ep_buffer_text(query), .rows = count };
	EP_TRY(ep_old_solr_select(&push->page, push->solr, &select, err));
	for (size_t i = 0; i < push->page.count; i++) {
		const struct ep_old_document *there = &push->page.documents[i];
		struct ep_push_row wanted = { .out.id = there->id };
		const struct place key = { &wanted };
		struct place *place = bsearch(&key, places, count, sizeof key, compare_places);
		if (place)
			place->row->same = has_texts(there, &place->row->out.document);
	}
	return EP_OK;
}

static enum ep_status
on_codes(void *context, size_t i, const struct ep_tyrant_value *value, struct ep_error *err)
{
	(void)err;
	struct ep_push_row *row = ((struct place *)context)[i].row;
	row->same = value->there && !value->too_large &&
	            ep_text_equal(ep_text_of_bytes(value->bytes), row->out.document.codes);
	return EP_OK;
}

/* Compares the codes of those rows whose texts are the same. */
static enum ep_status
ask_tyrant(struct ep_pushing *push, struct place *places, size_t count, struct ep_error *err)
{
	push->key_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!places[i].row->same)
			continue;
		places[push->key_count] = places[i];
		EP_TRY(ep_push_key(push, places[i].row->out.id, (struct ep_text){ 0 }, err));
	}
	return ep_tyrant_get(push->tyrant, push->keys, push->key_count, on_codes, places, err);
}

enum ep_status
ep_push_compare(struct ep_pushing *push, struct ep_error *err)
{
	struct ep_push_batch *batch = &push->batch;
	EP_FREE struct place *places = calloc(batch->count + 1, sizeof *places);
	if (!places)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", batch->count);
	for (size_t i = 0; i < batch->count; i++)
		places[i].row = &batch->rows[i];
	qsort(places, batch->count, sizeof *places, compare_places);
	for (size_t i = 0; i < batch->count; i += IDS_TOGETHER) {
		size_t left = batch->count - i;
		EP_TRY(ask_solr(push, places + i, left < IDS_TOGETHER ? left : IDS_TOGETHER, err));
	}
	return ask_tyrant(push, places, batch->count, err);
}
