/* Changes while the log of plays cannot be written, as on a full disk. */
#include "monitor/recorder.h"

#include "tests/plays_log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CHANGES 1000

static struct ep_recorder *recorder;
static uint32_t stream;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t failed = PTHREAD_COND_INITIALIZER;
static bool is_full;
static int failures;
static char said[4096];
static char told[4096];

/* ---- what the linker puts in place of others (--wrap) ---- */

enum ep_status __real_ep_plays_commit(struct ep_plays_write *, struct ep_error *);
enum ep_status __wrap_ep_plays_commit(struct ep_plays_write *, struct ep_error *);

enum ep_status
__wrap_ep_plays_commit(struct ep_plays_write *write, struct ep_error *err)
{
	pthread_mutex_lock(&mutex);
	bool fails = is_full;
	failures += fails;
	pthread_cond_signal(&failed);
	pthread_mutex_unlock(&mutex);
	if (!fails)
		return __real_ep_plays_commit(write, err);
	ep_plays_abort(write);
	return ep_fail(err, EP_NO_SPACE, "the disk is full");
}

static void
set_full(bool full)
{
	pthread_mutex_lock(&mutex);
	is_full = full;
	pthread_mutex_unlock(&mutex);
}

/* Waits until the log could not be written, once more. */
static void
wait_for_failure(void)
{
	pthread_mutex_lock(&mutex);
	int before = failures;
	while (failures == before)
		pthread_cond_wait(&failed, &mutex);
	pthread_mutex_unlock(&mutex);
}

/* ---- set-up ---- */

static void
on_line(void *context, const char *line)
{
	(void)context;
	size_t size = strlen(said);
	snprintf(said + size, sizeof said - size, "%s\n", line);
}

static void
on_events(void *context)
{
	(void)context;
}

static int
start(void **state)
{
	must(make_log(state) == 0);
	const struct ep_recorder_options options = { .plays = plays,
		                                     .on_line = on_line,
		                                     .on_events = on_events };
	stream = add_stream("radio", "");
	needs(ep_recorder_start(&recorder, &options, NULL));
	said[0] = told[0] = '\0';
	return 0;
}

static void
add(enum ep_change_kind kind, int64_t at_ms)
{
	const struct ep_change change = { .kind = kind,
		                          .stream = stream,
		                          .at_ms = at_ms,
		                          .reason = ep_text_of("why"),
		                          .play = { .stream = stream,
		                                    .start_ms = at_ms,
		                                    .end_ms = at_ms,
		                                    .track_id = ep_text_of("A") } };
	needs(ep_recorder_add(recorder, &change, NULL));
}

static enum ep_status
on_play(void *context, const struct ep_logged_play *play, struct ep_error *err)
{
	(void)context, (void)err;
	size_t size = strlen(told);
	snprintf(told + size, sizeof told - size, "%d-%d ", (int)play->start_ms, (int)play->end_ms);
	return EP_OK;
}

static enum ep_status
on_gap(void *context, const struct ep_gap *gap, struct ep_error *err)
{
	(void)context, (void)err;
	size_t size = strlen(told);
	snprintf(told + size, sizeof told - size, "gap %d-%d ", (int)gap->start_ms,
	         (int)gap->end_ms);
	return EP_OK;
}

static void
expect(const char *text, int64_t heard_ms)
{
	struct ep_plays_read *read;
	struct ep_logged_stream logged;
	struct ep_plays_range all = { .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	needs(ep_plays_read_begin(&read, plays, NULL));
	needs(ep_plays_each_play(read, &all, on_play, NULL, NULL));
	needs(ep_plays_each_gap(read, &all, on_gap, NULL, NULL));
	needs(ep_plays_stream(&logged, read, stream, NULL));
	ep_plays_read_end(read);
	assert_string_equal(told, text);
	assert_int_equal(logged.heard_ms, heard_ms);
}

/* A play, a gap and another play, which goes on, with so many notes in each play. */
static void
play(void)
{
	add(EP_CHANGE_BEGIN, 0);
	for (int i = 1; i <= CHANGES; i++)
		add(i % 2 ? EP_CHANGE_HEARD : EP_CHANGE_HEAR, i);
	add(EP_CHANGE_END, CHANGES);
	add(EP_CHANGE_LOSE, CHANGES);
	add(EP_CHANGE_REGAIN, 2 * CHANGES);
	add(EP_CHANGE_BEGIN, 2 * CHANGES);
	for (int i = 1; i <= CHANGES; i++)
		add(i % 2 ? EP_CHANGE_HEAR : EP_CHANGE_HEARD, 2 * CHANGES + i);
}

static void
nothing_is_dropped_while_the_log_can_be_written(void **state)
{
	(void)state;
	for (int i = 1; i <= CHANGES; i++) {
		add(EP_CHANGE_HEARD, i);
		must(ep_recorder_flush(recorder, 600));
	}
	ep_recorder_stop(recorder);
	expect("", CHANGES);
	assert_string_equal(said, "");
}

static void
while_the_disk_is_full_plays_are_kept_and_the_oldest_notes_dropped(void **state)
{
	(void)state;
	size_t dropped;
	set_full(true);
	play();
	wait_for_failure();
	wait_for_failure();
	set_full(false);
	must(ep_recorder_flush(recorder, 600));
	ep_recorder_stop(recorder);
	expect("0-1000 2000-2999 gap 1000-2000 ", 3 * CHANGES);
	const char *last = strstr(said, "be written again\n");
	assert_non_null(last);
	must(sscanf(last, "be written again\n%zu notes", &dropped) == 1);
	assert_true(dropped >= 2 * CHANGES - EP_RECORDER_HEARD_MAX && dropped < 2 * CHANGES);
	assert_non_null(strstr(said, "the disk is full\ntoo much waits for the log of plays: "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_dropped_while_the_log_can_be_written,
		                                start, remove_log),
		cmocka_unit_test_setup_teardown(
			while_the_disk_is_full_plays_are_kept_and_the_oldest_notes_dropped, start,
			remove_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
