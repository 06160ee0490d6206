#include "net/legacy/legacy_import.h"

#include "base/pipeline.h"
#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* As an ingest of files does (ingest_internal.h). */
#define COMMIT_BYTES ((size_t)16 << 20)
#define IDLE_MS 300
#define PROGRESS_S 0.2

struct import {
	const struct ep_legacy_import_options *options;
	struct ep_legacy_import_report *report;
	struct ep_old_fetch *fetch;
	unsigned workers;
	struct ep_batch_scratch *scratch; /* one a worker */
	struct ep_log_write *write; /* NULL while nothing is to be committed */
	bool broken; /* a put or commit failed: what is pending is lost */
	size_t uncommitted;
	size_t untrimmed;
	struct ep_legacy_import_report pending; /* of the transaction at hand */
	double shown;
};

/* ---- from pieces to tracks ---- */

static enum ep_status
produce(void *context, void *job, bool *end, struct ep_error *err)
{
	const struct import *import = context;
	return ep_old_fetch_next(job, end, import->fetch, err);
}

/* Makes room for rows in a batch. */
static enum ep_status
reserve_rows(struct ep_csv_block *block, size_t count, struct ep_error *err)
{
	if (count <= block->capacity)
		return EP_OK;
	struct ep_csv_row *more = realloc(block->rows, count * sizeof *more);
	if (!more)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", count);
	block->rows = more;
	block->capacity = count;
	return EP_OK;
}

/* Makes tracks of a piece, as of the rows of a dump, numbered by their place in the piece. */
static enum ep_status
work(void *context, void *job, unsigned worker, struct ep_error *err)
{
	struct import *import = context;
	struct ep_old_piece *piece = job;
	struct ep_csv_block *block = &piece->batch.rows;
	EP_TRY(reserve_rows(block, piece->count, err));
	block->count = 0;
	for (size_t i = 0; i < piece->count; i++) {
		const struct ep_old_row *row = &piece->rows[i];
		const struct ep_old_document *document = &row->document;
		if (row->fault)
			continue;
		block->rows[block->count++] = (struct ep_csv_row){
			.fields = { document->id, document->codever, row->codes, document->length,
			            document->artist, document->release, document->track },
			.columns = EP_CSV_COLUMNS,
			.number = i,
		};
	}
	return ep_batch_rows(&piece->batch, &import->scratch[worker], err);
}

/* ---- into the log ---- */

static void
add_report(struct ep_legacy_import_report *sum, const struct ep_legacy_import_report *part)
{
	sum->counts.added += part->counts.added;
	sum->counts.updated += part->counts.updated;
	sum->counts.unchanged += part->counts.unchanged;
	sum->counts.conflict += part->counts.conflict;
	sum->rejected += part->rejected;
	sum->no_codes += part->no_codes;
}

static enum ep_status
commit(void *context, struct ep_error *err)
{
	struct import *import = context;
	import->uncommitted = 0;
	import->broken = true;
	if (import->write)
		EP_TRY(ep_log_commit(&import->write, err));
	import->broken = false;
	add_report(import->report, &import->pending);
	import->pending = (struct ep_legacy_import_report){ 0 };
	return EP_OK;
}

static void
reject(struct import *import, const struct ep_old_row *row, const char *why)
{
	import->pending.rejected++;
	import->pending.no_codes += row->no_codes;
	import->options->on_document(import->options->context, row->document.id, why);
}

/* Puts one track, with the source and date of its rows. */
static enum ep_status
put(struct import *import, const struct ep_old_piece *piece, const struct ep_ready *ready,
    struct ep_error *err)
{
	const struct ep_old_row *first = &piece->rows[ready->origins[0].number];
	struct ep_error why;
	struct ep_put wanted = {
		.track = &ready->track,
		.body = { piece->batch.bodies.data + ready->body_at, ready->body_size },
		.hash = ready->hash,
		.import_date = first->import_date,
	};
	if (!import->write)
		EP_TRY(ep_log_write_begin(&import->write, import->options->log, err));
	enum ep_status status = ep_log_source(&wanted.source, import->write, first->source, &why);
	if (status == EP_OK)
		status = ep_log_put(import->write, &wanted, &import->pending.counts, &why);
	for (size_t i = 0; status == EP_BAD_INPUT && i < ready->origin_count; i++)
		reject(import, &piece->rows[ready->origins[i].number], why.text);
	if (status != EP_OK && status != EP_BAD_INPUT) {
		import->broken = true;
		return ep_fail(err, status, "%s", why.text);
	}
	import->uncommitted += ready->body_size;
	/* A document that came twice, as the server changed it meanwhile. */
	import->pending.counts.unchanged += ready->repeated_same + ready->repeated_changed;
	return EP_OK;
}

static void
show_progress(struct import *import, const struct ep_old_piece *piece)
{
	double now = ep_clock_s();
	if (now - import->shown < PROGRESS_S)
		return;
	import->shown = now;
	import->options->on_progress(import->options->context, piece->done, piece->all);
}

static enum ep_status
consume(void *context, void *job, struct ep_error *err)
{
	struct import *import = context;
	struct ep_old_piece *piece = job;
	struct ep_batch *batch = &piece->batch;
	import->pending.counts.unchanged += piece->known;
	for (size_t i = 0; i < piece->count; i++) {
		if (piece->rows[i].fault)
			reject(import, &piece->rows[i], piece->rows[i].fault);
	}
	for (size_t i = 0; i < batch->refused_count; i++)
		reject(import, &piece->rows[batch->refused[i].origin.number],
		       batch->refused[i].reason);
	for (size_t i = 0; i < batch->ready_count; i++)
		EP_TRY(put(import, piece, &batch->ready[i], err));
	ep_log_trim_after(import->options->log, &import->untrimmed,
	                  batch->bodies.size +
	                          (batch->ready_count + piece->known) * EP_LOG_TRIM_TRACK,
	                  EP_LOG_TRIM_BYTES);
	show_progress(import, piece);
	return import->uncommitted >= COMMIT_BYTES ? commit(import, err) : EP_OK;
}

/* ---- codes without a document ---- */

struct orphans {
	struct ep_legacy_import_report *report;
	const struct ep_legacy_import_options *options;
	const struct ep_id_set *documents;
	uint64_t keys;
};

static enum ep_status
on_key(void *context, struct ep_text key, struct ep_error *err)
{
	(void)err;
	struct orphans *orphans = context;
	bool is_date = ep_text_equal(key, ep_text_of(EP_TYRANT_LASTDUMP));
	orphans->keys++;
	if (is_date || ep_id_set_has(orphans->documents, key))
		return EP_OK;
	orphans->report->no_document++;
	orphans->options->on_document(orphans->options->context, key,
	                              "Tokyo Tyrant has codes of it, but Solr no document");
	return EP_OK;
}

static enum ep_status
on_lastdump(void *context, size_t i, const struct ep_tyrant_value *value, struct ep_error *err)
{
	(void)i, (void)err;
	*(uint64_t *)context += value->there;
	return EP_OK;
}

enum ep_status
ep_legacy_tell_orphans(struct ep_legacy_import_report *report,
                       const struct ep_legacy_import_options *options,
                       const struct ep_old_walk *walk, bool always, struct ep_error *err)
{
	struct orphans orphans = { report, options, &walk->seen, 0 };
	struct ep_text lastdump = ep_text_of(EP_TYRANT_LASTDUMP);
	uint64_t wanted = walk->different - report->no_codes;
	uint64_t keys;
	EP_TRY(ep_tyrant_get(options->tyrant, &lastdump, 1, on_lastdump, &wanted, err));
	EP_TRY(ep_tyrant_count(&keys, options->tyrant, err));
	if (keys == wanted && !always)
		return EP_OK;
	EP_TRY(ep_tyrant_each_key(options->tyrant, on_key, &orphans, err));
	if (orphans.keys < keys)
		return ep_fail(err, EP_UNREACHABLE,
		               "Tokyo Tyrant has told %" PRIu64 " of its %" PRIu64
		               " keys: another client goes through them, too; try again later",
		               orphans.keys, keys);
	return EP_OK;
}

/* ---- the whole ---- */

static enum ep_status
run(struct import *import, struct ep_error *err)
{
	size_t job_count = EP_PIPELINE_JOBS(import->workers);
	EP_FREE struct ep_old_piece *pieces = calloc(job_count, sizeof *pieces);
	if (!pieces)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.idle = commit,
		.idle_ms = IDLE_MS,
		.context = import,
		.jobs = pieces,
		.job_size = sizeof *pieces,
		.job_count = job_count,
		.worker_count = import->workers,
	};
	enum ep_status status = ep_pipeline_run(&pipeline, err);
	for (size_t i = 0; i < job_count; i++)
		ep_old_piece_free(&pieces[i]);
	return status;
}

/* Commits what came before a failure, unless it is the log that failed. */
static enum ep_status
settle(struct import *import, enum ep_status status, struct ep_error *err)
{
	struct ep_error late;
	if (import->broken) {
		ep_log_abort(EP_TAKE(import->write));
		return status;
	}
	enum ep_status committed = commit(import, &late);
	return committed == EP_OK ? status : ep_fail(err, committed, "%s", late.text);
}

static enum ep_status
make_scratch(struct import *import, struct ep_error *err)
{
	import->workers = ep_processors();
	import->scratch = calloc(import->workers, sizeof *import->scratch);
	if (!import->scratch)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < import->workers; i++)
		EP_TRY(ep_codes_coder_new(&import->scratch[i].coder, EP_CODES_ONSET, err));
	return EP_OK;
}

enum ep_status
ep_legacy_import(struct ep_legacy_import_report *report,
                 const struct ep_legacy_import_options *options, struct ep_error *err)
{
	struct import import = { .options = options, .report = report, .shown = ep_clock_s() };
	struct ep_old_fetch_options fetch = { .solr = options->solr,
		                              .tyrant = options->tyrant,
		                              .other_source = options->other_source,
		                              .now = ep_time_now(),
		                              .known_in = options->full ? NULL : options->log };
	EP_OWNED(ep_old_fetch_free)
	struct ep_old_fetch *owned = NULL;
	EP_TRY(ep_old_fetch_new(&owned, &fetch, err));
	import.fetch = owned;
	enum ep_status status = make_scratch(&import, err);
	if (status == EP_OK)
		status = settle(&import, run(&import, err), err);
	for (unsigned i = 0; import.scratch && i < import.workers; i++)
		ep_batch_scratch_free(&import.scratch[i]);
	free(import.scratch);
	EP_TRY(status);
	return ep_legacy_tell_orphans(report, options, ep_old_fetch_walk(owned), false, err);
}
