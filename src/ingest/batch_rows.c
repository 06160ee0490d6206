#include "ingest/batch.h"

#include <stdlib.h>
#include <string.h>

/* The columns of a dump file. */
enum { TRACK_ID, CODEVER, CODES, LENGTH, ARTIST, RELEASE, TRACK, COLUMNS };

static struct ep_text
track_of(const struct ep_csv_row *row)
{
	struct ep_text track;
	struct ep_text suffix;
	ep_id_split(&track, &suffix, row->fields[TRACK_ID]);
	return track;
}

bool
ep_rows_together(void *context, const struct ep_csv_row *previous, const struct ep_csv_row *next)
{
	(void)context;
	return previous->fault == EP_CSV_OK && next->fault == EP_CSV_OK &&
	       ep_text_equal(track_of(previous), track_of(next));
}

static enum ep_status
check_texts(const struct ep_csv_row *row, struct ep_error *err)
{
	static const char *const names[COLUMNS] = { "track_id", "codever", "codes", "length",
		                                    "artist",   "release", "track" };
	for (size_t i = 0; i < COLUMNS; i++) {
		struct ep_text field = row->fields[i];
		if (i == CODES)
			continue; /* digits and blanks, which is checked when they are encoded */
		EP_TRY(ep_check_text(field, names[i], err));
	}
	return EP_OK;
}

/* Makes a document of a row; its codes are not looked at. EP_BAD_INPUT with the reason. */
static enum ep_status
read_row(struct ep_document *document, const struct ep_csv_row *row, struct ep_error *err)
{
	if (row->fault == EP_CSV_TOO_LONG)
		return ep_fail(err, EP_BAD_INPUT, "a field is longer than %zu bytes",
		               EP_CSV_FIELD_MAX);
	if (row->fault == EP_CSV_NOT_CLOSED)
		return ep_fail(err, EP_BAD_INPUT,
		               "a quoted field is not closed before the end of the file");
	if (row->columns != COLUMNS)
		return ep_fail(err, EP_BAD_INPUT,
		               "it has %zu column%s, but a row has 7: track_id, codever, codes, "
		               "length, artist, release, track",
		               row->columns, row->columns == 1 ? "" : "s");
	EP_TRY(check_texts(row, err));
	EP_TRY(ep_check_id(row->fields[TRACK_ID], err));
	struct ep_document made = {
		.codever = row->fields[CODEVER],
		.codes = row->fields[CODES],
		.artist = row->fields[ARTIST],
		.release = row->fields[RELEASE],
		.track = row->fields[TRACK],
	};
	struct ep_text track;
	ep_id_split(&track, &made.suffix, row->fields[TRACK_ID]);
	EP_TRY(ep_check_length(&made.length, row->fields[LENGTH], err));
	*document = made;
	return EP_OK;
}

static struct ep_origin
origin_of(const struct ep_csv_row *row)
{
	return (struct ep_origin){ .number = row->number, .raw = row->raw };
}

/* A document with its row, which sorting must not part. */
struct item {
	struct ep_document document;
	const struct ep_csv_row *row;
};

static int
compare_items(const void *one, const void *other)
{
	const struct item *first = one;
	const struct item *second = other;
	int order = ep_document_compare(&first->document, &second->document);
	if (order)
		return order;
	return (first->row->number > second->row->number) -
	       (first->row->number < second->row->number);
}

static bool
in_order(const struct item *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (ep_document_compare(&items[i - 1].document, &items[i].document) >= 0)
			return false;
	}
	return true;
}

/* Puts items in order and keeps the last of each document; counts the others in ready. */
static size_t
sort_items(struct item *items, size_t count, struct ep_ready *ready)
{
	qsort(items, count, sizeof *items, compare_items);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		const struct ep_document *document = &items[i].document;
		const struct ep_document *next = i + 1 < count ? &items[i + 1].document : NULL;
		if (!next || ep_document_compare(document, next) != 0)
			items[kept++] = items[i];
		else if (ep_document_equal(document, next))
			ready->repeated_same++;
		else
			ready->repeated_changed++;
	}
	return kept;
}

/* Refuses the items whose codes are none, and gives how many are left. */
static enum ep_status
check_codes(size_t *left, struct item *items, size_t count, struct ep_batch *batch,
            struct ep_batch_scratch *scratch, struct ep_error *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct ep_error why;
		scratch->pairs.count = 0;
		enum ep_status status =
			ep_pairs_parse(&scratch->pairs, items[i].document.codes, &why);
		if (status == EP_OK) {
			items[kept++] = items[i];
			continue;
		}
		if (status != EP_BAD_INPUT)
			return ep_fail(err, status, "%s", why.text);
		EP_TRY(ep_batch_refuse(batch, origin_of(items[i].row), 1, err, "%s", why.text));
	}
	*left = kept;
	return EP_OK;
}

static enum ep_status
encode_items(struct ep_batch *batch, struct ep_ready *ready, const struct item *items, size_t count,
             struct ep_codes_usage *usage, struct ep_batch_scratch *scratch, struct ep_error *err)
{
	struct ep_document *documents = ep_arena_alloc(&batch->arena, count * sizeof *documents);
	if (!documents)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", count);
	for (size_t i = 0; i < count; i++)
		documents[i] = items[i].document;
	ready->track.documents = documents;
	ready->track.count = count;
	return ep_batch_encode(batch, ready, usage, scratch, err);
}

/* Notes where the rows of a group were. */
static enum ep_status
note_origins(struct ep_ready *ready, struct ep_arena *arena, const struct item *items, size_t count,
             struct ep_error *err)
{
	ready->origins = ep_arena_alloc(arena, count * sizeof *ready->origins);
	if (!ready->origins)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu rows", count);
	for (size_t i = 0; i < count; i++)
		ready->origins[i] = origin_of(items[i].row);
	ready->origin_count = count;
	return EP_OK;
}

/* Puts a group in order, refuses what has no good codes, and encodes the rest. What is encoded in
 * another form than text is pairs for certain, so that most groups need no further look. */
static enum ep_status
settle_group(struct ep_batch *batch, struct ep_ready *ready, struct item *items, size_t count,
             struct ep_batch_scratch *scratch, struct ep_error *err)
{
	struct ep_codes_usage usage = { 0 };
	size_t before = batch->bodies.size;
	bool ordered = in_order(items, count);
	if (ordered) {
		EP_TRY(encode_items(batch, ready, items, count, &usage, scratch, err));
		if (usage.of[EP_CODES_TEXT].documents == 0)
			return note_origins(ready, &batch->arena, items, count, err);
	}
	size_t good;
	EP_TRY(check_codes(&good, items, count, batch, scratch, err));
	EP_TRY(note_origins(ready, &batch->arena, items, good, err));
	if (ordered && good == count)
		return EP_OK;
	batch->bodies.size = before;
	size_t left = ordered ? good : sort_items(items, good, ready);
	return left ? encode_items(batch, ready, items, left, NULL, scratch, err) : EP_OK;
}

/* Makes a group of rows of one track ready. */
static enum ep_status
make_group(struct ep_batch *batch, struct item *items, size_t count,
           struct ep_batch_scratch *scratch, struct ep_error *err)
{
	struct ep_ready ready = { 0 };
	ready.track.id = track_of(items[0].row);
	EP_TRY(settle_group(batch, &ready, items, count, scratch, err));
	if (ready.origin_count == 0)
		return EP_OK;
	struct ep_ready *added = ep_batch_add_ready(batch);
	if (!added)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the tracks of a file");
	*added = ready;
	return EP_OK;
}

/* Hashes all tracks of the batch side by side. */
static enum ep_status
hash_tracks(struct ep_batch *batch, struct ep_error *err)
{
	size_t count = batch->ready_count;
	struct ep_hash_list *lists = ep_arena_alloc(&batch->arena, count * sizeof *lists);
	if (!lists)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to hash %zu tracks", count);
	for (size_t i = 0; i < count; i++) {
		struct ep_ready *ready = &batch->ready[i];
		EP_TRY(ep_track_hash_list(&lists[i], &ready->hash, &ready->track, &batch->arena,
		                          err));
	}
	ep_hash_lists(lists, count);
	return EP_OK;
}

enum ep_status
ep_batch_rows(struct ep_batch *batch, struct ep_batch_scratch *scratch, struct ep_error *err)
{
	ep_batch_reset(batch);
	size_t count = batch->rows.count;
	struct item *items = ep_arena_alloc(&batch->arena, (count + 1) * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu rows", count);
	size_t group = 0; /* items of the track at hand */
	for (size_t i = 0; i < count; i++) {
		const struct ep_csv_row *row = &batch->rows.rows[i];
		if (group && !ep_rows_together(NULL, items[group - 1].row, row)) {
			EP_TRY(make_group(batch, items, group, scratch, err));
			group = 0;
		}
		struct ep_error why;
		if (read_row(&items[group].document, row, &why) != EP_OK) {
			EP_TRY(ep_batch_refuse(batch, origin_of(row), 1, err, "%s", why.text));
			continue;
		}
		items[group++].row = row;
	}
	if (group)
		EP_TRY(make_group(batch, items, group, scratch, err));
	return hash_tracks(batch, err);
}
