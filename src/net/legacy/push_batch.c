#include "net/legacy/push_batch.h"

#include <stdlib.h>
#include <string.h>

/* A batch ends with the track that reaches so many documents or bytes. */
#define BATCH_ROWS ((size_t)500)
#define BATCH_BYTES ((size_t)8 << 20)

void
ep_push_batch_free(struct ep_push_batch *batch)
{
	free(batch->rows);
	free(batch->gone);
	free(batch->sources);
	ep_arena_free(&batch->arena);
	ep_decoded_free(&batch->decoded);
	ep_pairs_free(&batch->pairs);
	ep_codes_coder_free(batch->coder);
	*batch = (struct ep_push_batch){ 0 };
}

/* ---- lists ---- */

/* Makes room for one more item of an array that grows. */
static enum ep_status
grow(void **items, size_t *capacity, size_t count, size_t size, struct ep_error *err)
{
	if (count < *capacity)
		return EP_OK;
	size_t more = *capacity ? 2 * *capacity : 64;
	void *larger = realloc(*items, more * size);
	if (!larger)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", more);
	*items = larger;
	*capacity = more;
	return EP_OK;
}

static enum ep_status
add_gone(struct ep_push_batch *batch, const struct ep_entry *entry, uint32_t from, uint32_t count,
         struct ep_error *err)
{
	void *items = batch->gone;
	struct ep_push_gone gone = { .from = from, .count = count };
	EP_TRY(grow(&items, &batch->gone_capacity, batch->gone_count, sizeof gone, err));
	batch->gone = items;
	EP_TRY(ep_arena_text(&gone.track, &batch->arena, entry->id, err));
	batch->gone[batch->gone_count++] = gone;
	return EP_OK;
}

/* ---- rows ---- */

/* Copies what the servers can take of a row. */
static enum ep_status
copy_row(struct ep_push_batch *batch, const struct ep_old_row_out *from, struct ep_error *err)
{
	void *items = batch->rows;
	struct ep_push_row row = { .out = *from };
	struct ep_document *document = &row.out.document;
	struct ep_text *texts[] = { &row.out.id,        &row.out.source,   &document->codever,
		                    &document->codes,   &document->length, &document->artist,
		                    &document->release, &document->track,  NULL };
	EP_TRY(grow(&items, &batch->capacity, batch->count, sizeof row, err));
	batch->rows = items;
	for (size_t i = 0; texts[i]; i++) {
		batch->size += texts[i]->size;
		EP_TRY(ep_arena_text(texts[i], &batch->arena, *texts[i], err));
	}
	batch->rows[batch->count++] = row;
	return EP_OK;
}

/* The id of a document, in the arena. */
static enum ep_status
join_id(struct ep_text *id, struct ep_push_batch *batch, struct ep_text track,
        struct ep_text suffix, struct ep_error *err)
{
	char *joined = ep_arena_alloc(&batch->arena, track.size + suffix.size + 1);
	if (!joined)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for an id");
	memcpy(joined, track.at, track.size);
	if (suffix.size)
		memcpy(joined + track.size, suffix.at, suffix.size);
	*id = (struct ep_text){ joined, track.size + suffix.size };
	return EP_OK;
}

static enum ep_status
add_document(struct ep_push_batch *batch, const struct ep_entry *entry,
             const struct ep_document *document, const struct ep_push_filter *filter,
             struct ep_error *err)
{
	struct ep_error why;
	struct ep_old_row_out row = { .document = *document,
		                      .source = ep_text_of(
					      ep_source_name(batch->sources, batch->source_count,
		                                             entry->source, "local")) };
	EP_TRY(join_id(&row.id, batch, entry->id, document->suffix, err));
	enum ep_status status =
		ep_text_equal(row.id, ep_text_of(EP_TYRANT_LASTDUMP))
			? ep_fail(&why, EP_BAD_INPUT,
	                          "the old servers keep the time of their last dump under this id")
			: ep_old_row_check(&row, filter->ascii, &batch->pairs, &why);
	if (status == EP_OK && ep_old_row_has_cr(&row))
		filter->on_document(filter->context, row.id,
		                    "it has a CR, which their dump scripts change "
		                    "into LF");
	if (status == EP_OK)
		return copy_row(batch, &row, err);
	if (status != EP_BAD_INPUT)
		return ep_fail(err, status, "%s", why.text);
	batch->left_out++;
	filter->on_document(filter->context, row.id, why.text);
	return EP_OK;
}

/* A track that lost documents, which are numbered from 0 on: those behind the last one are to go.
 */
static enum ep_status
note_shrunk(struct ep_push_batch *batch, const struct ep_entry *entry, struct ep_error *err)
{
	const struct ep_track *track = &batch->decoded.track;
	uint32_t count = (uint32_t)track->count;
	bool numbered = ep_suffix_segment(track->documents[count - 1].suffix) == count - 1;
	if (!(entry->flags & EP_ENTRY_SHRUNK) || !numbered)
		return EP_OK;
	return add_gone(batch, entry, count, 0, err);
}

static enum ep_status
add_track(struct ep_push_batch *batch, const struct ep_log_read *read, const struct ep_entry *entry,
          const struct ep_push_filter *filter, struct ep_error *err)
{
	bool copy;
	EP_TRY(ep_log_is_copy(&copy, read, entry, err));
	if (copy)
		return EP_OK;
	EP_TRY(ep_entry_decode(&batch->decoded, entry, batch->coder, err));
	for (size_t i = 0; i < batch->decoded.track.count; i++)
		EP_TRY(add_document(batch, entry, &batch->decoded.track.documents[i], filter, err));
	return note_shrunk(batch, entry, err);
}

/* ---- the whole ---- */

static enum ep_status
prepare(struct ep_push_batch *batch, const struct ep_log_read *read, struct ep_error *err)
{
	batch->count = batch->gone_count = batch->size = 0;
	batch->left_out = 0;
	ep_arena_reset(&batch->arena);
	if (!batch->coder)
		EP_TRY(ep_codes_coder_new(&batch->coder, EP_CODES_ONSET, err));
	free(batch->sources);
	batch->sources = NULL;
	return ep_log_sources(&batch->sources, &batch->source_count, read, err);
}

enum ep_status
ep_push_batch_collect(struct ep_push_batch *batch, bool *end, const struct ep_log_read *read,
                      uint64_t after, const struct ep_push_filter *filter, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	EP_TRY(prepare(batch, read, err));
	EP_TRY(ep_log_cursor_open(&cursor, read, after, EP_SOURCE_ANY, err));
	*end = true;
	while (batch->count < BATCH_ROWS && batch->gone_count < BATCH_ROWS &&
	       batch->size < BATCH_BYTES) {
		enum ep_status status = ep_log_cursor_next(&entry, cursor, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		if (entry.operation == EP_PUT)
			EP_TRY(add_track(batch, read, &entry, filter, err));
		else if (entry.operation == EP_DELETE)
			EP_TRY(add_gone(batch, &entry, 0, entry.document_count, err));
		batch->position = entry.position;
		*end = false;
	}
	return EP_OK;
}
