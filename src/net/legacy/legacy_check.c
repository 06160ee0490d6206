/* What the log has, against the servers of 2011. */
#include "net/legacy/legacy_import.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

struct check {
	const struct ep_legacy_import_options *options;
	struct ep_legacy_import_report *report;
	struct ep_log_read *read;
	struct ep_codes_coder *coder;
	struct ep_decoded decoded; /* the track at hand */
	struct ep_entry entry; /* of it */
	bool there; /* and it is live */
	char source[EP_SOURCE_NAME_MAX + 1]; /* of it */
	size_t untrimmed;
};

static void
tell(const struct check *check, struct ep_text id, const char *what)
{
	check->options->on_document(check->options->context, id, what);
}

/* ---- from the old servers ---- */

static enum ep_status
name_source(struct check *check, struct ep_error *err)
{
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	EP_TRY(ep_log_sources(&sources, &count, check->read, err));
	snprintf(check->source, sizeof check->source, "%s",
	         ep_source_name(sources, count, check->entry.source, ""));
	return EP_OK;
}

/* Loads the track that a row is of, unless it is loaded. */
static enum ep_status
load(struct check *check, struct ep_text id, struct ep_error *err)
{
	if (check->there && ep_text_equal(check->decoded.track.id, id))
		return EP_OK;
	check->there = false;
	enum ep_status status = ep_log_find(&check->entry, check->read, id, err);
	if (status == EP_NOT_FOUND || (status == EP_OK && check->entry.operation != EP_PUT))
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_entry_decode(&check->decoded, &check->entry, check->coder, err));
	ep_log_trim_after(check->options->log, &check->untrimmed,
	                  ep_entry_size(&check->entry) + EP_LOG_TRIM_TRACK, EP_LOG_TRIM_BYTES);
	check->there = true;
	return name_source(check, err);
}

/* What differs between a row and the document here; NULL: nothing. */
static const char *
difference(const struct check *check, const struct ep_old_row *row, const struct ep_document *here)
{
	const struct ep_old_document *there = &row->document;
	if (row->fault)
		return row->fault;
	if (!ep_text_equal(row->codes, here->codes))
		return "its codes differ";
	if (!ep_text_equal(there->codever, here->codever))
		return "its codever differs";
	if (!ep_text_equal(there->length, here->length))
		return "its length differs";
	if (!ep_text_equal(there->artist, here->artist))
		return "its artist differs";
	if (!ep_text_equal(there->release, here->release))
		return "its release differs";
	if (!ep_text_equal(there->track, here->track))
		return "its track name differs";
	if (!ep_text_equal(row->source, ep_text_of(check->source)))
		return "its source differs";
	return NULL;
}

static const struct ep_document *
find_here(const struct check *check, struct ep_text suffix)
{
	const struct ep_track *track = &check->decoded.track;
	for (size_t i = 0; check->there && i < track->count; i++) {
		if (ep_text_equal(track->documents[i].suffix, suffix))
			return &track->documents[i];
	}
	return NULL;
}

static enum ep_status
check_row(struct check *check, const struct ep_old_row *row, struct ep_error *err)
{
	struct ep_legacy_import_report *report = check->report;
	struct ep_text track;
	struct ep_text suffix;
	ep_id_split(&track, &suffix, row->document.id);
	EP_TRY(load(check, track, err));
	report->no_codes += row->no_codes;
	const struct ep_document *here = find_here(check, suffix);
	const char *what = here ? difference(check, row, here) : "it is not here";
	if (!what) {
		report->equal++;
		report->other_date +=
			row->document.date.size && row->import_date != check->entry.import_date;
		return EP_OK;
	}
	report->missing += !here;
	report->different += here != NULL;
	tell(check, row->document.id, !here && row->fault ? row->fault : what);
	return EP_OK;
}

static enum ep_status
check_pieces(struct check *check, struct ep_old_fetch *fetch, struct ep_old_piece *piece,
             struct ep_error *err)
{
	double shown = ep_clock_s();
	for (bool end = false;;) {
		EP_TRY(ep_old_fetch_next(piece, &end, fetch, err));
		if (end)
			return EP_OK;
		for (size_t i = 0; i < piece->count; i++)
			EP_TRY(check_row(check, &piece->rows[i], err));
		if (ep_clock_s() - shown < 0.2)
			continue;
		shown = ep_clock_s();
		check->options->on_progress(check->options->context, piece->done, piece->all);
	}
}

/* ---- from the log ---- */

/* Tells the documents of a track that the old servers do not have. */
static enum ep_status
check_entry(struct check *check, const struct ep_entry *entry, const struct ep_id_set *seen,
            struct ep_error *err)
{
	struct ep_bytes codes;
	EP_BUFFER struct ep_buffer id = { 0 };
	EP_TRY(ep_entry_rows(&check->decoded, &codes, entry, err));
	for (size_t i = 0; i < check->decoded.track.count; i++) {
		struct ep_text suffix = check->decoded.track.documents[i].suffix;
		id.size = 0;
		EP_TRY(ep_buffer_append(&id, entry->id.at, entry->id.size, err));
		EP_TRY(ep_buffer_append(&id, suffix.at, suffix.size, err));
		if (ep_id_set_has(seen, ep_buffer_text(&id)))
			continue;
		check->report->only_here++;
		tell(check, ep_buffer_text(&id), "it is only here");
	}
	return EP_OK;
}

static enum ep_status
check_log(struct check *check, const struct ep_id_set *seen, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	EP_TRY(ep_log_cursor_open(&cursor, check->read, 0, EP_SOURCE_ANY, err));
	for (;;) {
		bool copy = false;
		enum ep_status status = ep_log_cursor_next(&entry, cursor, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		if (entry.operation == EP_PUT)
			EP_TRY(ep_log_is_copy(&copy, check->read, &entry, err));
		if (entry.operation == EP_PUT && !copy)
			EP_TRY(check_entry(check, &entry, seen, err));
		ep_log_trim_after(check->options->log, &check->untrimmed, ep_entry_size(&entry),
		                  EP_LOG_TRIM_BYTES);
	}
}

/* ---- the whole ---- */

static enum ep_status
check_all(struct check *check, struct ep_old_fetch *fetch, struct ep_error *err)
{
	struct ep_old_piece piece = { 0 };
	enum ep_status status = check_pieces(check, fetch, &piece, err);
	ep_old_piece_free(&piece);
	EP_TRY(status);
	check->there = false;
	EP_TRY(check_log(check, &ep_old_fetch_walk(fetch)->seen, err));
	return ep_legacy_tell_orphans(check->report, check->options, ep_old_fetch_walk(fetch), true,
	                              err);
}

enum ep_status
ep_legacy_check(struct ep_legacy_import_report *report,
                const struct ep_legacy_import_options *options, struct ep_error *err)
{
	struct check check = { .options = options, .report = report };
	struct ep_old_fetch_options wanted = { .solr = options->solr,
		                               .tyrant = options->tyrant,
		                               .other_source = options->other_source,
		                               .now = ep_time_now() };
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_old_fetch_free)
	struct ep_old_fetch *fetch = NULL;
	EP_TRY(ep_old_fetch_new(&fetch, &wanted, err));
	EP_TRY(ep_log_read_begin(&read, options->log, err));
	check.read = read;
	enum ep_status status = ep_codes_coder_new(&check.coder, EP_CODES_ONSET, err);
	if (status == EP_OK)
		status = check_all(&check, fetch, err);
	ep_codes_coder_free(check.coder);
	ep_decoded_free(&check.decoded);
	return status;
}
