/* pipeline.h - one stream of jobs on all cores: made in order, worked on side by side, consumed in
 * order
 *
 *     produce (a thread) -> work (as many threads as asked for) -> consume (the caller's thread)
 *
 * The jobs are a ring of the caller's: job n is item n % job_count of it, and is reused when it has
 * been consumed. So memory is bounded by the ring, and no stage runs away from the next.
 *
 * A failure takes its job's place: every job before it is consumed first, and none after it. So
 * "what stood before the failure was done" holds however many threads there are.
 */
#ifndef EP_BASE_PIPELINE_H
#define EP_BASE_PIPELINE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct ep_pipeline {
	/* Fills job, or sets *end (false before) and leaves it. One call at a time. */
	enum ep_status (*produce)(void *context, void *job, bool *end, struct ep_error *err);
	/* Works on job; worker is 0..worker_count-1, for scratch memory of one thread. */
	enum ep_status (*work)(void *context, void *job, unsigned worker, struct ep_error *err);
	/* Takes what became of job, in the order of production, in the caller's thread. */
	enum ep_status (*consume)(void *context, void *job, struct ep_error *err);
	/* Called in the caller's thread when no job came for idle_ms; may be NULL. */
	enum ep_status (*idle)(void *context, struct ep_error *err);
	int idle_ms;
	/* Whether a job that was produced is so large that the next one is to be produced only when
	 * it has been consumed, and shrink has given its memory back. Both may be NULL. */
	bool (*is_large)(void *context, const void *job);
	void (*shrink)(void *context, void *job);
	void *context;
	void *jobs; /* an array of job_count items of job_size bytes */
	size_t job_size;
	size_t job_count; /* at least 2; EP_PIPELINE_JOBS(worker_count) keeps everybody busy */
	unsigned worker_count; /* at least 1 */
};

/* Runs until the producer ends or a stage fails; gives the first failure in the order of jobs.
 * EP_IO, EP_NO_MEMORY when threads cannot be started. All threads have ended on return. */
EP_MUST_USE enum ep_status ep_pipeline_run(const struct ep_pipeline *pipeline,
                                           struct ep_error *err);

/* A job for each worker, one that is being made and one that is being consumed. */
#define EP_PIPELINE_JOBS(workers) ((size_t)(workers) + 2)

/* Processors that this process may use, at least 1. */
unsigned ep_processors(void);

#endif
