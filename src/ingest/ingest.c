#include "ingest/ingest_internal.h"

#include "base/pipeline.h"
#include "base/time.h"

#include <stdlib.h>
#include <time.h>

/* ---- read, decode and encode ---- */

static enum ep_status
produce(void *context, void *job, bool *end, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	const struct ep_batch *batch = job;
	uint64_t most = ingest->options->unpacked_max;
	EP_TRY(ep_batch_read(ingest->reader, job, end, err));
	/* Before it is unpacked. */
	if (most && batch->packet.unpacked > most - ingest->unpacked)
		return ep_fail(err, EP_CORRUPT, "it decompresses to more than %llu bytes",
		               (unsigned long long)most);
	ingest->unpacked += batch->packet.unpacked;
	return EP_OK;
}

static enum ep_status
work(void *context, void *job, unsigned worker, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	struct ep_batch_options options = {
		/* A slave has no other word than its master's; a master looks closely at what
		 * slaves send. */
		.trusted = ingest->checked ||
		           ep_text_equal(ingest->options->source, ep_text_of("master")),
		.now_ms = ingest->now_ms,
		.id_from = ingest->options->id_from,
		.stop = ingest->options->stop,
		.decoder = ingest->options->decoder,
	};
	struct ep_batch_scratch *scratch = &ingest->scratch[worker];
	EP_TRY(ep_batch_make(ingest->reader, job, scratch, &options, err));
	return ep_batch_is_large(job) ? ep_batch_scratch_shrink(scratch, err) : EP_OK;
}

static bool
is_large(void *context, const void *job)
{
	(void)context;
	return ep_batch_is_large(job);
}

static void
shrink(void *context, void *job)
{
	(void)context;
	ep_batch_free(job);
}

/* ---- stages ---- */

static enum ep_status
idle(void *context, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	enum ep_status status = ep_ingest_is_one(ingest) ? EP_OK : ep_ingest_commit(ingest, err);
	if (status != EP_OK)
		atomic_store(&ingest->stop, true);
	return status;
}

static enum ep_status
consume(void *context, void *job, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	enum ep_status status = ep_ingest_put(ingest, job, err);
	if (status != EP_OK)
		atomic_store(&ingest->stop, true);
	return status;
}

/* ---- a file ---- */

static enum ep_status
read_input(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	if (atomic_load(&ingest->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	struct ep_source source = ep_input_source(ingest->input);
	enum ep_status status = source.read(source.context, bytes, size, got, err);
	/* What the decompressors refuse is a damaged file, not a bad row. */
	return status == EP_BAD_INPUT ? EP_CORRUPT : status;
}

static bool
input_stalls(void *context)
{
	struct ep_ingest *ingest = context;
	struct ep_source source = ep_input_source(ingest->input);
	return ep_source_stalls(&source);
}

static enum ep_status
run(struct ep_ingest *ingest, struct ep_error *err)
{
	size_t job_count = EP_PIPELINE_JOBS(ingest->workers);
	EP_FREE struct ep_batch *batches = calloc(job_count, sizeof *batches);
	if (!batches)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for reading a file");
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.idle = idle,
		.idle_ms = EP_INGEST_COMMIT_IDLE_MS,
		.is_large = is_large,
		.shrink = shrink,
		.context = ingest,
		.jobs = batches,
		.job_size = sizeof *batches,
		.job_count = job_count,
		.worker_count = ingest->workers,
	};
	enum ep_status status = ep_pipeline_run(&pipeline, err);
	for (size_t i = 0; i < job_count; i++)
		ep_batch_free(&batches[i]);
	return status == EP_OK ? ep_batch_check_end(ingest->reader, err) : status;
}

/* Keeps what the file brought, where it is to be kept. */
static enum ep_status
settle(struct ep_ingest *ingest, enum ep_status status, struct ep_error *err)
{
	bool strict = ep_ingest_is_strict(ingest);
	bool whole = strict || ingest->options->before_commit;
	if (status == EP_OK && strict && ingest->rejected_here)
		status =
			ep_fail(err, EP_BAD_INPUT,
		                "%llu row%s rejected, so nothing from the file was kept (--strict)",
		                (unsigned long long)ingest->rejected_here,
		                ingest->rejected_here == 1 ? " was" : "s were");
	if (status != EP_OK && whole) {
		/* Of what was read, only that it was rejected is still true. */
		ingest->report->rejected += ingest->pending.rejected;
		ingest->pending = (struct ep_ingest_report){ 0 };
		ep_log_abort(EP_TAKE(ingest->write));
		return status;
	}
	/* What stood before a failure is kept, unless it is the log that failed. */
	struct ep_error late;
	enum ep_status committed = EP_OK;
	if (ingest->broken) {
		ep_log_abort(EP_TAKE(ingest->write));
		ingest->pending = (struct ep_ingest_report){ 0 };
		ingest->broken = false;
	} else {
		committed = ep_ingest_commit(ingest, &late);
	}
	return committed == EP_OK ? status : ep_fail(err, committed, "%s", late.text);
}

static void
prepare(struct ep_ingest *ingest)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	ingest->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	ingest->rejected_here = 0;
	atomic_store(&ingest->stop, false);
}

enum ep_status
ep_ingest_sounds(struct ep_ingest *ingest, const char *const *paths, struct ep_error *err)
{
	prepare(ingest);
	EP_TRY(ep_batch_reader_open_sounds(&ingest->reader, paths, ingest->log,
	                                   ingest->options->stop, err));
	enum ep_status status = settle(ingest, run(ingest, err), err);
	ep_batch_reader_close(EP_TAKE(ingest->reader));
	return status;
}

/* Opens the file, and recognises what it holds. */
static enum ep_status
open_file(struct ep_ingest *ingest, const struct ep_input_from *from, struct ep_error *err)
{
	prepare(ingest);
	ingest->unpacked = 0;
	EP_TRY(ep_input_of(&ingest->input, from, ingest->options->stop, &ingest->stop, err));
	struct ep_source source = { .read = read_input, .context = ingest, .stalls = input_stalls };
	bool songs = ingest->options->kind == EP_INGEST_CODEGEN;
	EP_TRY(ep_batch_reader_open(&ingest->reader, source, songs, err));
	return ep_ingest_check_sender(ingest, err);
}

/* Reads it once: only looks at it, or keeps what it brings. */
static enum ep_status
read_once(struct ep_ingest *ingest, const struct ep_input_from *from, bool checking,
          struct ep_error *err)
{
	ingest->checking = checking;
	enum ep_status status = open_file(ingest, from, err);
	if (status == EP_OK && checking)
		status = run(ingest, err);
	else if (status == EP_OK)
		status = settle(ingest, run(ingest, err), err);
	if (status != EP_OK && status != EP_INTERRUPTED && ingest->input)
		ep_error_prefix(err, "%s: ", ep_input_name(ingest->input));
	ep_batch_reader_close(EP_TAKE(ingest->reader));
	ep_input_close(EP_TAKE(ingest->input));
	ingest->checking = false;
	return status;
}

enum ep_status
ep_ingest_input(struct ep_ingest *ingest, const struct ep_input_from *from, struct ep_error *err)
{
	/* What is to be kept in one transaction is looked at first, so that nobody waits for its
	 * decoding. */
	ingest->checked = false;
	ingest->bad_count = 0;
	if (ingest->options->before_commit)
		EP_TRY(read_once(ingest, from, true, err));
	ingest->checked = ingest->options->before_commit;
	return read_once(ingest, from, false, err);
}

enum ep_status
ep_ingest_file(struct ep_ingest *ingest, const char *path, struct ep_error *err)
{
	struct ep_input_from from = { .kind = EP_INPUT_PATH, .name = path };
	return ep_ingest_input(ingest, &from, err);
}

enum ep_status
ep_ingest_open(struct ep_ingest **out, struct ep_log *log, const struct ep_ingest_options *options,
               struct ep_ingest_report *report, struct ep_error *err)
{
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = calloc(1, sizeof *ingest);
	if (!ingest)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	ingest->log = log;
	ingest->options = options;
	ingest->report = report;
	ingest->shown = ep_clock_s();
	ingest->workers = ep_processors();
	ingest->scratch = calloc(ingest->workers, sizeof *ingest->scratch);
	if (!ingest->scratch)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < ingest->workers; i++)
		EP_TRY(ep_codes_coder_new(&ingest->scratch[i].coder, EP_CODES_ONSET, err));
	*out = EP_TAKE(ingest);
	return EP_OK;
}

void
ep_ingest_close(struct ep_ingest *ingest)
{
	if (!ingest)
		return;
	ep_log_abort(ingest->write);
	for (unsigned i = 0; ingest->scratch && i < ingest->workers; i++)
		ep_batch_scratch_free(&ingest->scratch[i]);
	free(ingest->scratch);
	free(ingest->parties);
	free(ingest->bad);
	free(ingest);
}
