#include "base/pipeline.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* A slot goes round: empty -> made -> working -> ready -> empty. */
enum slot_state { SLOT_EMPTY, SLOT_MADE, SLOT_WORKING, SLOT_READY };

struct slot {
	enum slot_state state;
	bool end; /* the producer ended here: there is no job */
	enum ep_status status;
	struct ep_error err;
};

struct run {
	const struct ep_pipeline *pipeline;
	struct slot *slots;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t next_work; /* the job that the next free worker takes */
	bool quit;
};

struct worker {
	struct run *run;
	pthread_t thread;
	unsigned number;
};

static void *
job_at(const struct ep_pipeline *pipeline, uint64_t job)
{
	return (char *)pipeline->jobs + job % pipeline->job_count * pipeline->job_size;
}

static struct slot *
slot_of(struct run *run, uint64_t job)
{
	return &run->slots[job % run->pipeline->job_count];
}

static void
set_state(struct run *run, struct slot *slot, enum slot_state state)
{
	pthread_mutex_lock(&run->lock);
	slot->state = state;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

/* Waits until the slot of job is in state; false when the run is to quit. */
static bool
wait_state(struct run *run, struct slot *slot, enum slot_state state)
{
	pthread_mutex_lock(&run->lock);
	while (!run->quit && slot->state != state)
		pthread_cond_wait(&run->changed, &run->lock);
	bool going = !run->quit;
	pthread_mutex_unlock(&run->lock);
	return going;
}

static void *
producer_main(void *argument)
{
	struct run *run = argument;
	const struct ep_pipeline *pipeline = run->pipeline;
	for (uint64_t job = 0;; job++) {
		struct slot *slot = slot_of(run, job);
		if (!wait_state(run, slot, SLOT_EMPTY))
			return NULL;
		slot->end = false;
		slot->status = pipeline->produce(pipeline->context, job_at(pipeline, job),
		                                 &slot->end, &slot->err);
		bool last = slot->end || slot->status != EP_OK;
		bool large = !last && pipeline->is_large &&
		             pipeline->is_large(pipeline->context, job_at(pipeline, job));
		set_state(run, slot, last ? SLOT_READY : SLOT_MADE);
		if (last || (large && !wait_state(run, slot, SLOT_EMPTY)))
			return NULL;
		if (large)
			pipeline->shrink(pipeline->context, job_at(pipeline, job));
	}
}

/* Takes the next job that has been made; NULL when the run is to quit. */
static struct slot *
take_job(struct run *run, uint64_t *job)
{
	struct slot *taken = NULL;
	pthread_mutex_lock(&run->lock);
	while (!run->quit) {
		struct slot *slot = slot_of(run, run->next_work);
		if (slot->state == SLOT_MADE) {
			slot->state = SLOT_WORKING;
			*job = run->next_work++;
			taken = slot;
			break;
		}
		pthread_cond_wait(&run->changed, &run->lock);
	}
	pthread_mutex_unlock(&run->lock);
	return taken;
}

static void *
worker_main(void *argument)
{
	struct worker *worker = argument;
	struct run *run = worker->run;
	const struct ep_pipeline *pipeline = run->pipeline;
	uint64_t job = 0;
	for (;;) {
		struct slot *slot = take_job(run, &job);
		if (!slot)
			return NULL;
		slot->status = pipeline->work(pipeline->context, job_at(pipeline, job),
		                              worker->number, &slot->err);
		set_state(run, slot, SLOT_READY);
	}
}

/* Waits for the slot to be ready; calls idle whenever that takes longer than idle_ms. */
static enum ep_status
wait_ready(struct run *run, struct slot *slot, struct ep_error *err)
{
	const struct ep_pipeline *pipeline = run->pipeline;
	if (!pipeline->idle) {
		(void)wait_state(run, slot, SLOT_READY);
		return EP_OK;
	}
	for (;;) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += pipeline->idle_ms / 1000;
		until.tv_nsec += (long)(pipeline->idle_ms % 1000) * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		int timed_out = 0;
		pthread_mutex_lock(&run->lock);
		while (slot->state != SLOT_READY && !timed_out)
			timed_out = pthread_cond_timedwait(&run->changed, &run->lock, &until);
		bool ready = slot->state == SLOT_READY;
		pthread_mutex_unlock(&run->lock);
		if (ready)
			return EP_OK;
		EP_TRY(pipeline->idle(pipeline->context, err));
	}
}

static enum ep_status
consume_all(struct run *run, struct ep_error *err)
{
	const struct ep_pipeline *pipeline = run->pipeline;
	for (uint64_t job = 0;; job++) {
		struct slot *slot = slot_of(run, job);
		EP_TRY(wait_ready(run, slot, err));
		if (slot->status != EP_OK) {
			if (err)
				*err = slot->err;
			return slot->status;
		}
		if (slot->end)
			return EP_OK;
		EP_TRY(pipeline->consume(pipeline->context, job_at(pipeline, job), err));
		set_state(run, slot, SLOT_EMPTY);
	}
}

static enum ep_status
run_threads(struct run *run, struct worker *workers, struct ep_error *err)
{
	unsigned started = 0;
	pthread_t producer;
	int failed = pthread_create(&producer, NULL, producer_main, run);
	bool producing = !failed;
	while (!failed && started < run->pipeline->worker_count) {
		workers[started] = (struct worker){ .run = run, .number = started };
		failed = pthread_create(&workers[started].thread, NULL, worker_main,
		                        &workers[started]);
		started += !failed;
	}
	enum ep_status status = failed ? ep_fail_errno(err, failed, "cannot start a thread")
	                               : consume_all(run, err);
	pthread_mutex_lock(&run->lock);
	run->quit = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	if (producing)
		pthread_join(producer, NULL);
	while (started)
		pthread_join(workers[--started].thread, NULL);
	return status;
}

enum ep_status
ep_pipeline_run(const struct ep_pipeline *pipeline, struct ep_error *err)
{
	assert(pipeline->job_size > 0 && pipeline->job_count > 1 && pipeline->worker_count > 0);
	struct run run = { .pipeline = pipeline };
	EP_FREE struct worker *workers = calloc(pipeline->worker_count, sizeof *workers);
	EP_FREE struct slot *slots = calloc(pipeline->job_count, sizeof *slots);
	if (!workers || !slots)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu jobs",
		               pipeline->job_count);
	run.slots = slots;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&run.lock, NULL);
	pthread_cond_init(&run.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	enum ep_status status = run_threads(&run, workers, err);
	pthread_cond_destroy(&run.changed);
	pthread_mutex_destroy(&run.lock);
	return status;
}

unsigned
ep_processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	int count = CPU_COUNT(&set);
	return count > 0 ? (unsigned)count : 1;
}
