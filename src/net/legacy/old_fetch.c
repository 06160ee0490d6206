#include "net/legacy/old_fetch.h"

#include <stdlib.h>
#include <string.h>

/* A piece ends with the group that reaches so many bytes of codes or rows, or at so many bytes. */
#define PIECE_BYTES ((size_t)4 << 20)
#define PIECE_ROWS ((size_t)1024)
#define PIECE_BYTES_MAX ((size_t)32 << 20)

/* Codes of so many documents are asked for at a time: none can have more than
 * EP_TYRANT_VALUE_MAX, which bounds the memory. */
#define TOGETHER ((size_t)16)

/* Documents of one track that are looked at together. */
#define GROUP_ROWS ((size_t)1024)

struct ep_old_fetch {
	struct ep_old_fetch_options options;
	struct ep_old_walk walk;
	bool ended; /* the walk has */
	const struct ep_old_document *next; /* of the walk, not yet in a group; NULL: none */
	uint64_t done;
	/* Neighbours of one track, source and date, of which `taken` are in a piece. */
	struct ep_old_row group[GROUP_ROWS];
	size_t count;
	size_t taken;
	struct ep_arena arena; /* of the group's texts */
	struct ep_decoded decoded;
	/* Of the piece at hand. */
	struct ep_old_piece *piece;
};

/* ---- opening ---- */

enum ep_status
ep_old_fetch_new(struct ep_old_fetch **out, const struct ep_old_fetch_options *options,
                 struct ep_error *err)
{
	struct ep_old_fetch *fetch = calloc(1, sizeof *fetch);
	if (!fetch)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	fetch->options = *options;
	ep_old_walk_begin(&fetch->walk, options->solr);
	*out = fetch;
	return EP_OK;
}

void
ep_old_fetch_free(struct ep_old_fetch *fetch)
{
	if (!fetch)
		return;
	ep_old_walk_end(&fetch->walk);
	ep_arena_free(&fetch->arena);
	ep_decoded_free(&fetch->decoded);
	free(fetch);
}

const struct ep_old_walk *
ep_old_fetch_walk(const struct ep_old_fetch *fetch)
{
	return &fetch->walk;
}

void
ep_old_piece_free(struct ep_old_piece *piece)
{
	free(piece->rows);
	ep_arena_free(&piece->arena);
	ep_batch_free(&piece->batch);
	*piece = (struct ep_old_piece){ 0 };
}

/* ---- groups ---- */

static enum ep_status
copy_texts(struct ep_old_row *row, struct ep_arena *arena, const struct ep_old_row *from,
           struct ep_error *err)
{
	const struct ep_old_document *document = &from->document;
	*row = *from;
	EP_TRY(ep_arena_text(&row->document.id, arena, document->id, err));
	EP_TRY(ep_arena_text(&row->document.codever, arena, document->codever, err));
	EP_TRY(ep_arena_text(&row->document.length, arena, document->length, err));
	EP_TRY(ep_arena_text(&row->document.artist, arena, document->artist, err));
	EP_TRY(ep_arena_text(&row->document.release, arena, document->release, err));
	EP_TRY(ep_arena_text(&row->document.track, arena, document->track, err));
	EP_TRY(ep_arena_text(&row->document.date, arena, document->date, err));
	EP_TRY(ep_arena_text(&row->document.source, arena, document->source, err));
	return ep_arena_text(&row->source, arena, from->source, err);
}

/* What a document of the walk is as a row, without its codes. Borrows from it. */
static struct ep_old_row
row_of(const struct ep_old_fetch *fetch, const struct ep_old_document *document)
{
	const char *other = fetch->options.other_source;
	struct ep_old_row row = { .document = *document,
		                  .source = document->source,
		                  .import_date = document->import_date };
	if (!document->date.size)
		row.import_date = fetch->options.now;
	if (!document->source.size)
		row.source = ep_text_of("local");
	else if (!ep_source_name_ok(document->source) && other)
		row.source = ep_text_of(other);
	else if (!ep_source_name_ok(document->source))
		row.fault = "its source has a name that cannot be used here: give --other-source "
			    "NAME, for all such documents";
	return row;
}

static struct ep_text
track_of(const struct ep_old_row *row)
{
	struct ep_text track;
	struct ep_text suffix;
	ep_id_split(&track, &suffix, row->document.id);
	return track;
}

/* Whether two rows belong to one group. */
static bool
belong_together(const struct ep_old_row *one, const struct ep_old_row *other)
{
	return ep_text_equal(track_of(one), track_of(other)) &&
	       ep_text_equal(one->source, other->source) && one->import_date == other->import_date;
}

/* Reads the next group; it is empty at the end of the walk. */
static enum ep_status
read_group(struct ep_old_fetch *fetch, struct ep_error *err)
{
	fetch->count = fetch->taken = 0;
	ep_arena_reset(&fetch->arena);
	while (!fetch->ended && fetch->count < GROUP_ROWS) {
		if (!fetch->next)
			EP_TRY(ep_old_walk_next(&fetch->next, &fetch->walk, err));
		fetch->ended = !fetch->next;
		if (fetch->ended)
			break;
		struct ep_old_row row = row_of(fetch, fetch->next);
		if (fetch->count && !belong_together(&fetch->group[0], &row))
			break;
		EP_TRY(copy_texts(&fetch->group[fetch->count], &fetch->arena, &row, err));
		fetch->count++;
		fetch->done++;
		fetch->next = NULL;
	}
	return EP_OK;
}

/* ---- what is known ---- */

/* The number of a source in the log; EP_SOURCE_ANY: it is not there. */
static enum ep_status
find_source(uint32_t *number, const struct ep_log_read *read, struct ep_text name,
            struct ep_error *err)
{
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	*number = EP_SOURCE_ANY;
	for (size_t i = 0; i < count; i++) {
		if (ep_text_equal(ep_text_of(sources[i].name), name))
			*number = sources[i].number;
	}
	return EP_OK;
}

/* Whether a track has a document with the texts of a row. */
static bool
has_row(const struct ep_track *track, const struct ep_old_row *row)
{
	const struct ep_old_document *document = &row->document;
	struct ep_document wanted;
	struct ep_text id;
	ep_id_split(&id, &wanted.suffix, document->id);
	const struct ep_document *found =
		bsearch(&wanted, track->documents, track->count, sizeof wanted,
	                (int (*)(const void *, const void *))ep_document_compare);
	return found && !row->fault && ep_text_equal(found->codever, document->codever) &&
	       ep_text_equal(found->length, document->length) &&
	       ep_text_equal(found->artist, document->artist) &&
	       ep_text_equal(found->release, document->release) &&
	       ep_text_equal(found->track, document->track);
}

/* Whether the log has the group, as far as that can be told without codes. Its date is that of an
 * import, so it is as good as certain that this import brought it. */
static enum ep_status
is_known(bool *known, struct ep_old_fetch *fetch, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	const struct ep_old_row *first = &fetch->group[0];
	struct ep_entry entry;
	struct ep_bytes codes;
	uint32_t source;
	*known = false;
	if (!fetch->options.known_in)
		return EP_OK;
	EP_TRY(ep_log_read_begin(&read, fetch->options.known_in, err));
	enum ep_status status = ep_log_find(&entry, read, track_of(first), err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(find_source(&source, read, first->source, err));
	if (entry.operation != EP_PUT || entry.source != source ||
	    entry.import_date != first->import_date)
		return EP_OK;
	EP_TRY(ep_entry_rows(&fetch->decoded, &codes, &entry, err));
	for (size_t i = 0; i < fetch->count; i++) {
		if (!has_row(&fetch->decoded.track, &fetch->group[i]))
			return EP_OK;
	}
	*known = true;
	return EP_OK;
}

/* ---- pieces ---- */

static enum ep_status
add_row(struct ep_old_piece *piece, const struct ep_old_row *row, struct ep_error *err)
{
	if (piece->count == piece->capacity) {
		size_t capacity = piece->capacity ? 2 * piece->capacity : 256;
		struct ep_old_row *more = realloc(piece->rows, capacity * sizeof *more);
		if (!more)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents",
			               capacity);
		piece->rows = more;
		piece->capacity = capacity;
	}
	EP_TRY(copy_texts(&piece->rows[piece->count], &piece->arena, row, err));
	piece->count++;
	return EP_OK;
}

/* Adds a row of the group with the codes that the server has. */
static enum ep_status
on_codes(void *context, size_t i, const struct ep_tyrant_value *value, struct ep_error *err)
{
	struct ep_old_fetch *fetch = context;
	struct ep_old_piece *piece = fetch->piece;
	EP_TRY(add_row(piece, &fetch->group[fetch->taken + i], err));
	struct ep_old_row *row = &piece->rows[piece->count - 1];
	row->no_codes = !value->there;
	if (!value->there)
		row->fault = "Tokyo Tyrant has no codes for it";
	else if (value->too_large)
		row->fault = "its codes are longer than 16777216 bytes";
	piece->size += value->bytes.size;
	return ep_arena_text(&row->codes, &piece->arena, ep_text_of_bytes(value->bytes), err);
}

/* Moves some of the group into the piece. */
static enum ep_status
take_some(struct ep_old_fetch *fetch, struct ep_error *err)
{
	struct ep_text keys[TOGETHER];
	size_t count = fetch->count - fetch->taken;
	if (count > TOGETHER)
		count = TOGETHER;
	for (size_t i = 0; i < count; i++)
		keys[i] = fetch->group[fetch->taken + i].document.id;
	EP_TRY(ep_tyrant_get(fetch->options.tyrant, keys, count, on_codes, fetch, err));
	fetch->taken += count;
	return EP_OK;
}

/* Reads the next group, and passes over it if it is known. */
static enum ep_status
next_group(struct ep_old_fetch *fetch, struct ep_error *err)
{
	bool known = false;
	EP_TRY(read_group(fetch, err));
	if (fetch->count)
		EP_TRY(is_known(&known, fetch, err));
	if (known) {
		fetch->piece->known += fetch->count;
		fetch->taken = fetch->count;
	}
	return EP_OK;
}

/* Whether the piece must end before the group: neighbours of one track have one source and date. */
static bool
must_part(const struct ep_old_piece *piece, const struct ep_old_row *row)
{
	const struct ep_old_row *last = piece->count ? &piece->rows[piece->count - 1] : NULL;
	return last && ep_text_equal(track_of(last), track_of(row)) && !belong_together(last, row);
}

enum ep_status
ep_old_fetch_next(struct ep_old_piece *piece, bool *end, struct ep_old_fetch *fetch,
                  struct ep_error *err)
{
	fetch->piece = piece;
	piece->count = piece->size = 0;
	piece->known = 0;
	ep_arena_reset(&piece->arena);
	while (piece->size < PIECE_BYTES_MAX) {
		bool full = piece->size >= PIECE_BYTES || piece->count + piece->known >= PIECE_ROWS;
		if (fetch->taken == fetch->count && full)
			break;
		if (fetch->taken == fetch->count)
			EP_TRY(next_group(fetch, err));
		if (fetch->count == 0)
			break;
		if (fetch->taken == fetch->count)
			continue;
		if (must_part(piece, &fetch->group[fetch->taken]))
			break;
		EP_TRY(take_some(fetch, err));
	}
	piece->done = fetch->done;
	piece->all = fetch->walk.all;
	*end = piece->count == 0 && piece->known == 0;
	return EP_OK;
}
