#include "dump/dump_stream.h"

#include "base/pipeline.h"
#include "base/time.h"
#include "format/csv.h"

#include <stdlib.h>
#include <string.h>

/* About 4 MiB of text at the usual 16 KB a document; less where each takes long, so that an
 * interrupted dump ends soon. */
#define JOB_DOCUMENTS 256
#define JOB_DOCUMENTS_BZIP2 112
/* A job ends early behind entries that hold so much, and buffers larger than this are not kept. */
#define JOB_BYTES ((size_t)4 << 20)
#define KEEP_BYTES ((size_t)16 << 20)

#define TRIM_BYTES ((size_t)64 << 20)
#define PROGRESS_S 0.2

/* Documents first..first+count of an entry. */
struct slice {
	struct ep_entry entry;
	uint32_t first;
	uint32_t count;
};

struct job {
	struct slice *slices; /* JOB_DOCUMENTS of them */
	size_t slice_count;
	uint64_t documents;
	bool ends_file;
	struct ep_buffer text;
	struct ep_buffer packed;
};

struct worker {
	struct ep_codes_coder *coder;
	struct ep_decoded decoded;
};

struct run {
	struct ep_dump_stream *stream;
	struct ep_log_cursor *cursor;
	struct slice rest; /* what the last job had no room for; count 0: nothing */
	bool at_end;
	uint64_t file_room; /* rows that the file at hand may still take */
	struct worker *workers;
	size_t untrimmed;
	double shown;
	struct ep_dump_progress progress;
};

/* ---- produce ---- */

/* Takes up the next entry of which rows are to be written. */
static enum ep_status
next_slice(struct run *run, struct ep_error *err)
{
	struct ep_dump_stream *stream = run->stream;
	while (run->rest.count == 0 && !run->at_end) {
		struct ep_entry entry;
		enum ep_status status = ep_log_cursor_next(&entry, run->cursor, err);
		if (status == EP_NOT_FOUND) {
			run->at_end = true;
			return EP_OK;
		}
		if (status != EP_OK)
			return status;
		stream->deletions += entry.operation == EP_DELETE ||
		                     (stream->after > 0 && (entry.flags & EP_ENTRY_SHRUNK));
		/* A CSV carries each song once: copies go in packets. */
		bool copy;
		EP_TRY(ep_log_is_copy(&copy, stream->read, &entry, err));
		if (entry.operation == EP_PUT && !copy) {
			stream->documents += entry.document_count;
			run->rest = (struct slice){ .entry = entry, .count = entry.document_count };
		}
	}
	return EP_OK;
}

static uint32_t
smallest(uint64_t one, uint64_t two, uint64_t three)
{
	uint64_t least = one < two ? one : two;
	return (uint32_t)(least < three ? least : three);
}

static enum ep_status
produce(void *context, void *item, bool *end, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = item;
	if (run->stream->stop && atomic_load(run->stream->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	job->slice_count = 0;
	job->documents = 0;
	size_t bytes = 0;
	EP_TRY(next_slice(run, err));
	uint64_t most =
		run->stream->compression == EP_COMPRESS_BZIP2 ? JOB_DOCUMENTS_BZIP2 : JOB_DOCUMENTS;
	while (!run->at_end && job->documents < most && bytes < JOB_BYTES && run->file_room > 0) {
		struct slice *slice = &job->slices[job->slice_count++];
		*slice = run->rest;
		slice->count = smallest(run->rest.count, most - job->documents, run->file_room);
		run->rest.first += slice->count;
		run->rest.count -= slice->count;
		run->file_room -= slice->count;
		job->documents += slice->count;
		bytes += slice->entry.rest.size;
		EP_TRY(next_slice(run, err));
	}
	job->ends_file = run->file_room == 0 || run->at_end;
	if (job->ends_file)
		run->file_room = run->stream->lines;
	*end = job->slice_count == 0;
	return EP_OK;
}

/* ---- work ---- */

static enum ep_status
write_row(struct ep_buffer *out, struct ep_text track_id, const struct ep_document *row,
          struct ep_error *err)
{
	char id[512];
	if (track_id.size + row->suffix.size > sizeof id)
		return ep_fail(err, EP_CORRUPT, "a document's id is too long");
	memcpy(id, track_id.at, track_id.size);
	if (row->suffix.size)
		memcpy(id + track_id.size, row->suffix.at, row->suffix.size);
	struct ep_text front[] = { { .at = id, .size = track_id.size + row->suffix.size },
		                   row->codever };
	struct ep_text back[] = { row->length, row->artist, row->release, row->track };
	for (size_t i = 0; i < sizeof front / sizeof *front; i++) {
		EP_TRY(ep_csv_append_field(out, front[i], err));
		EP_TRY(ep_buffer_append(out, ",", 1, err));
	}
	/* Codes are digits and blanks, or they would not be in the log: they need no look for
	 * quotes. */
	EP_TRY(ep_buffer_append(out, row->codes.at, row->codes.size, err));
	EP_TRY(ep_buffer_append(out, ",", 1, err));
	return ep_csv_append_row(out, back, sizeof back / sizeof *back, err);
}

static enum ep_status
work(void *context, void *item, unsigned number, struct ep_error *err)
{
	struct run *run = context;
	struct worker *worker = &run->workers[number];
	struct job *job = item;
	job->text.size = 0;
	if (run->stream->count_only)
		return EP_OK;
	if (!worker->coder)
		EP_TRY(ep_codes_coder_new(&worker->coder, EP_CODES_ONSET, err));
	for (size_t i = 0; i < job->slice_count; i++) {
		const struct slice *slice = &job->slices[i];
		if (run->stream->stop && atomic_load(run->stream->stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		EP_TRY(ep_entry_decode(&worker->decoded, &slice->entry, worker->coder, err));
		const struct ep_track *track = &worker->decoded.track;
		for (uint32_t k = 0; k < slice->count; k++)
			EP_TRY(write_row(&job->text, track->id, &track->documents[slice->first + k],
			                 err));
	}
	job->packed.size = 0;
	if (run->stream->compression == EP_COMPRESS_NONE)
		return EP_OK;
	return ep_compress_block(&job->packed, run->stream->compression, job->text.data,
	                         job->text.size, err);
}

/* ---- consume ---- */

static void
show_progress(struct run *run, const struct job *job, size_t bytes)
{
	run->progress.documents += job->documents;
	run->progress.bytes += bytes;
	run->progress.position = job->slices[job->slice_count - 1].entry.position;
	double now = ep_clock_s();
	if (!run->stream->on_progress || now - run->shown < PROGRESS_S)
		return;
	run->shown = now;
	run->stream->on_progress(run->stream->progress_context, &run->progress);
}

static enum ep_status
consume(void *context, void *item, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = item;
	bool packed = run->stream->compression != EP_COMPRESS_NONE;
	const struct ep_buffer *out = packed ? &job->packed : &job->text;
	struct ep_dump_piece piece = {
		.bytes = out->data,
		.size = out->size,
		.documents = job->documents,
		.ends_file = job->ends_file,
	};
	if (!run->stream->count_only)
		EP_TRY(run->stream->take(run->stream->context, &piece, err));
	show_progress(run, job, piece.size);
	ep_log_trim_after(run->stream->log, &run->untrimmed, job->text.size, TRIM_BYTES);
	if (job->text.capacity > KEEP_BYTES)
		ep_buffer_free(&job->text);
	return EP_OK;
}

static enum ep_status
run_jobs(struct run *run, struct job *jobs, size_t job_count, unsigned workers,
         struct ep_error *err)
{
	for (size_t i = 0; i < job_count; i++) {
		jobs[i].slices = calloc(JOB_DOCUMENTS, sizeof *jobs[i].slices);
		if (!jobs[i].slices)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu jobs", job_count);
	}
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.context = run,
		.jobs = jobs,
		.job_size = sizeof *jobs,
		.job_count = job_count,
		.worker_count = workers,
	};
	return ep_pipeline_run(&pipeline, err);
}

enum ep_status
ep_dump_rows(struct ep_dump_stream *stream, struct ep_error *err)
{
	struct ep_log_state state;
	ep_log_state(&state, stream->read);
	struct run run = {
		.stream = stream,
		.file_room = stream->lines,
		.shown = ep_clock_s(),
		.progress = { .from = stream->after, .to = state.position },
	};
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	EP_TRY(ep_log_cursor_open(&cursor, stream->read, stream->after, stream->source, err));
	run.cursor = cursor;
	unsigned workers = ep_processors();
	size_t job_count = EP_PIPELINE_JOBS(workers);
	EP_FREE struct job *jobs = calloc(job_count, sizeof *jobs);
	run.workers = calloc(workers, sizeof *run.workers);
	enum ep_status status = jobs && run.workers
	                                ? run_jobs(&run, jobs, job_count, workers, err)
	                                : ep_fail(err, EP_NO_MEMORY, "out of memory for a dump");
	for (size_t i = 0; jobs && i < job_count; i++) {
		free(jobs[i].slices);
		ep_buffer_free(&jobs[i].text);
		ep_buffer_free(&jobs[i].packed);
	}
	for (size_t i = 0; run.workers && i < workers; i++) {
		ep_codes_coder_free(run.workers[i].coder);
		ep_decoded_free(&run.workers[i].decoded);
	}
	free(run.workers);
	return status;
}
