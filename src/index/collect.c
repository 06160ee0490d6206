#include "index/collect.h"

#include "base/pipeline.h"

#include <stdlib.h>

#define JOB_ENTRIES 32

/* A job ends behind so many bytes of entries; one that has more is in memory alone. */
#define JOB_BYTES ((size_t)4 << 20)

struct item {
	struct ep_entry entry;
	struct ep_track_postings postings;
};

struct job {
	struct item items[JOB_ENTRIES];
	size_t count;
	size_t bytes; /* of entries that were read */
	uint64_t position; /* up to which the job comes */
};

/* What one thread works with. */
struct worker {
	struct ep_codes_coder *coder;
	struct ep_decoded decoded;
	struct ep_sketch sketch;
};

struct run {
	const struct ep_collect *collect;
	struct ep_log_cursor *cursor;
	struct worker *workers;
};

enum ep_status
ep_entry_sketch(struct ep_sketch *sketch, struct ep_decoded *decoded, const struct ep_entry *entry,
                struct ep_codes_coder *coder, struct ep_error *err)
{
	struct ep_bytes codes;
	EP_TRY(ep_entry_rows(decoded, &codes, entry, err));
	struct ep_codes_walk walk = {
		.reader = ep_reader_of(codes.at, codes.size),
		.documents = decoded->codes,
		.count = decoded->track.count,
	};
	return ep_sketch_of_track(sketch, walk, coder, err);
}

static enum ep_status
produce(void *context, void *made, bool *end, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = made;
	enum ep_status status = EP_OK;
	job->count = 0;
	job->bytes = 0;
	while (job->count < JOB_ENTRIES && job->bytes < JOB_BYTES) {
		struct item *item = &job->items[job->count];
		status = ep_log_cursor_next(&item->entry, run->cursor, err);
		if (status != EP_OK)
			break;
		job->position = item->entry.position;
		job->bytes += item->entry.rest.size;
		/* Copies are found by their originals. */
		bool copy;
		EP_TRY(ep_log_is_copy(&copy, run->collect->read, &item->entry, err));
		job->count += item->entry.operation == EP_PUT && !copy;
	}
	*end = status == EP_NOT_FOUND && job->count == 0 && job->bytes == 0;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static enum ep_status
work(void *context, void *made, unsigned number, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = made;
	struct worker *worker = &run->workers[number];
	for (size_t i = 0; i < job->count; i++) {
		struct item *item = &job->items[i];
		EP_TRY(ep_entry_sketch(&worker->sketch, &worker->decoded, &item->entry,
		                       worker->coder, err));
		EP_TRY(ep_track_postings_of(&item->postings, &worker->sketch, err));
	}
	return EP_OK;
}

static enum ep_status
consume(void *context, void *made, struct ep_error *err)
{
	struct run *run = context;
	const struct ep_collect *collect = run->collect;
	struct job *job = made;
	for (size_t i = 0; i < job->count; i++) {
		EP_TRY(ep_builder_add(collect->builder, job->items[i].entry.position,
		                      &job->items[i].postings, err));
		if (collect->on_full && ep_builder_is_full(collect->builder))
			EP_TRY(collect->on_full(collect->context, job->items[i].entry.position,
			                        err));
	}
	return collect->on_step ? collect->on_step(collect->context, job->position, err) : EP_OK;
}

static bool
is_large(void *context, const void *made)
{
	(void)context;
	const struct job *job = made;
	return job->bytes > JOB_BYTES;
}

static void
shrink(void *context, void *made)
{
	const struct run *run = context;
	struct job *job = made;
	for (size_t i = 0; i < job->count; i++)
		ep_track_postings_free(&job->items[i].postings);
	ep_log_trim(run->collect->log);
}

static enum ep_status
make_workers(struct run *run, unsigned count, struct ep_error *err)
{
	run->workers = calloc(count, sizeof *run->workers);
	if (!run->workers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	for (unsigned i = 0; i < count; i++)
		EP_TRY(ep_codes_coder_new(&run->workers[i].coder, EP_CODES_ONSET, err));
	return EP_OK;
}

static void
free_workers(struct run *run, unsigned count)
{
	for (unsigned i = 0; run->workers && i < count; i++) {
		ep_codes_coder_free(run->workers[i].coder);
		ep_decoded_free(&run->workers[i].decoded);
		ep_sketch_free(&run->workers[i].sketch);
	}
	free(run->workers);
}

static enum ep_status
run_pipeline(struct run *run, unsigned workers, struct ep_error *err)
{
	size_t job_count = EP_PIPELINE_JOBS(workers);
	EP_FREE struct job *jobs = calloc(job_count, sizeof *jobs);
	if (!jobs)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.is_large = is_large,
		.shrink = shrink,
		.context = run,
		.jobs = jobs,
		.job_size = sizeof *jobs,
		.job_count = job_count,
		.worker_count = workers,
	};
	enum ep_status status = ep_pipeline_run(&pipeline, err);
	for (size_t i = 0; i < job_count; i++) {
		for (size_t j = 0; j < JOB_ENTRIES; j++)
			ep_track_postings_free(&jobs[i].items[j].postings);
	}
	return status;
}

enum ep_status
ep_collect_postings(const struct ep_collect *collect, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	unsigned workers = ep_processors();
	struct run run = { .collect = collect };
	EP_TRY(ep_log_cursor_open(&cursor, collect->read, collect->after, EP_SOURCE_ANY, err));
	run.cursor = cursor;
	enum ep_status status = make_workers(&run, workers, err);
	if (status == EP_OK)
		status = run_pipeline(&run, workers, err);
	free_workers(&run, workers);
	return status;
}
