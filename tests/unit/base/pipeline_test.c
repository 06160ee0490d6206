#include "base/pipeline.h"

#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define JOBS 5
#define WORKERS 3

struct item {
	uint64_t number;
	uint64_t square;
};

/* Squares numbers; fails where it is told to. */
struct run {
	uint64_t count;
	uint64_t produced;
	uint64_t consumed;
	uint64_t produce_fails;
	uint64_t work_fails;
	uint64_t consume_fails;
	_Atomic unsigned used[WORKERS];
	bool slow;
	unsigned idle_calls;
};

static enum ep_status
produce(void *context, void *job, bool *end, struct ep_error *err)
{
	struct run *run = context;
	struct item *item = job;
	if (run->produced == run->produce_fails)
		return ep_fail(err, EP_IO, "no more to read");
	if (run->slow)
		nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
	*end = run->produced == run->count;
	item->number = run->produced++;
	return EP_OK;
}

static enum ep_status
work(void *context, void *job, unsigned worker, struct ep_error *err)
{
	struct run *run = context;
	struct item *item = job;
	assert_within(worker, 0, WORKERS - 1);
	atomic_fetch_add(&run->used[worker], 1);
	item->square = item->number * item->number;
	if (item->number == run->work_fails)
		return ep_fail(err, EP_BAD_INPUT, "job %llu", (unsigned long long)item->number);
	return EP_OK;
}

static enum ep_status
consume(void *context, void *job, struct ep_error *err)
{
	struct run *run = context;
	const struct item *item = job;
	assert_int_equal(item->number, run->consumed);
	assert_int_equal(item->square, item->number * item->number);
	if (item->number == run->consume_fails)
		return ep_fail(err, EP_NO_SPACE, "full");
	run->consumed++;
	return EP_OK;
}

static enum ep_status
idle(void *context, struct ep_error *err)
{
	struct run *run = context;
	(void)err;
	run->idle_calls++;
	return EP_OK;
}

static enum ep_status
run_pipeline(struct run *run, struct ep_error *err)
{
	struct item items[JOBS];
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.idle = run->slow ? idle : NULL,
		.idle_ms = 5,
		.context = run,
		.jobs = items,
		.job_size = sizeof *items,
		.job_count = JOBS,
		.worker_count = WORKERS,
	};
	return ep_pipeline_run(&pipeline, err);
}

static struct run
run_of(uint64_t count)
{
	return (struct run){ .count = count,
		             .produce_fails = UINT64_MAX,
		             .work_fails = UINT64_MAX,
		             .consume_fails = UINT64_MAX };
}

static void
jobs_are_consumed_in_the_order_in_which_they_were_made(void **state)
{
	(void)state;
	struct run run = run_of(20000);
	assert_int_equal(run_pipeline(&run, NULL), EP_OK);
	assert_int_equal(run.consumed, 20000);
}

static void
no_jobs_are_no_failure(void **state)
{
	(void)state;
	struct run run = run_of(0);
	assert_int_equal(run_pipeline(&run, NULL), EP_OK);
	assert_int_equal(run.consumed, 0);
}

static void
what_stood_before_a_failure_is_consumed_and_nothing_after_it(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < 50; at += 7) {
		struct ep_error err;
		struct run run = run_of(100);
		run.produce_fails = at;
		assert_int_equal(run_pipeline(&run, &err), EP_IO);
		assert_int_equal(run.consumed, at);
		assert_string_equal(err.text, "no more to read");

		run = run_of(100);
		run.work_fails = at;
		assert_int_equal(run_pipeline(&run, &err), EP_BAD_INPUT);
		assert_int_equal(run.consumed, at);

		run = run_of(100);
		run.consume_fails = at;
		assert_int_equal(run_pipeline(&run, &err), EP_NO_SPACE);
		assert_int_equal(run.consumed, at);
		assert_string_equal(err.text, "full");
	}
}

static void
a_consumer_that_waits_long_is_told(void **state)
{
	(void)state;
	struct run run = run_of(4);
	run.slow = true;
	assert_int_equal(run_pipeline(&run, NULL), EP_OK);
	assert_int_equal(run.consumed, 4);
	assert_within(run.idle_calls, 1, 1000);
}

/* Of jobs that are large there is never more than one, and each is made small again. */
struct large {
	_Atomic unsigned there;
	unsigned produced;
	unsigned shrunk;
};

static enum ep_status
produce_large(void *context, void *job, bool *end, struct ep_error *err)
{
	(void)err;
	struct large *large = context;
	struct item *item = job;
	assert_int_equal(atomic_load(&large->there), 0);
	*end = large->produced == 20;
	item->number = large->produced;
	large->produced += !*end;
	if (!*end && item->number % 3 == 0)
		atomic_fetch_add(&large->there, 1);
	return EP_OK;
}

static enum ep_status
work_large(void *context, void *job, unsigned worker, struct ep_error *err)
{
	(void)context, (void)job, (void)worker, (void)err;
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return EP_OK;
}

static enum ep_status
consume_large(void *context, void *job, struct ep_error *err)
{
	(void)context, (void)job, (void)err;
	return EP_OK;
}

static bool
is_large(void *context, const void *job)
{
	(void)context;
	return ((const struct item *)job)->number % 3 == 0;
}

static void
shrink(void *context, void *job)
{
	struct large *large = context;
	assert_true(is_large(context, job));
	atomic_fetch_sub(&large->there, 1);
	large->shrunk++;
}

static void
large_jobs_are_there_one_at_a_time(void **state)
{
	(void)state;
	struct large large = { 0 };
	struct item items[JOBS];
	struct ep_pipeline pipeline = { .produce = produce_large,
		                        .work = work_large,
		                        .consume = consume_large,
		                        .is_large = is_large,
		                        .shrink = shrink,
		                        .context = &large,
		                        .jobs = items,
		                        .job_size = sizeof *items,
		                        .job_count = JOBS,
		                        .worker_count = WORKERS };
	assert_int_equal(ep_pipeline_run(&pipeline, NULL), EP_OK);
	assert_int_equal(large.produced, 20);
	assert_int_equal(large.shrunk, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_jobs_are_there_one_at_a_time),
		cmocka_unit_test(jobs_are_consumed_in_the_order_in_which_they_were_made),
		cmocka_unit_test(no_jobs_are_no_failure),
		cmocka_unit_test(what_stood_before_a_failure_is_consumed_and_nothing_after_it),
		cmocka_unit_test(a_consumer_that_waits_long_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
