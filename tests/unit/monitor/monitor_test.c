/* A monitor whose log of plays cannot be written while its configuration changes. */
#include "monitor/monitor.h"

#include "base/time.h"
#include "monitor/recorder.h"
#include "net/stream/streams.h"
#include "node/streams_file.h"
#include "tests/one_node.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static struct ep_node *open_node;
static struct ep_monitor *monitor;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char said[4096]; /* lines that are not about a single stream */

/* ---- what the linker puts in place of others (--wrap) ---- */

static atomic_bool is_full;
static _Atomic double later_s; /* than it is */

bool __real_ep_recorder_flush(struct ep_recorder *, int);
bool __wrap_ep_recorder_flush(struct ep_recorder *, int);
double __real_ep_clock_s(void);
double __wrap_ep_clock_s(void);

bool
__wrap_ep_recorder_flush(struct ep_recorder *recorder, int seconds)
{
	(void)seconds;
	return !atomic_load(&is_full) && __real_ep_recorder_flush(recorder, 600);
}

double
__wrap_ep_clock_s(void)
{
	return __real_ep_clock_s() + atomic_load(&later_s);
}

static int asked; /* streams that were asked to end */
static int asked_at_first; /* when the first one was removed */
static int removed;

void __real_ep_streams_stop(struct ep_streams *, void *);
void __wrap_ep_streams_stop(struct ep_streams *, void *);
void __real_ep_streams_remove(struct ep_streams *, void *);
void __wrap_ep_streams_remove(struct ep_streams *, void *);

void
__wrap_ep_streams_stop(struct ep_streams *streams, void *stream)
{
	asked++;
	__real_ep_streams_stop(streams, stream);
}

void
__wrap_ep_streams_remove(struct ep_streams *streams, void *stream)
{
	if (removed++ == 0)
		asked_at_first = asked;
	__real_ep_streams_remove(streams, stream);
}

/* ---- set-up ---- */

static void
on_line(void *context, bool detail, const char *line)
{
	(void)context;
	if (detail || strncmp(line, "stream \"", 8) == 0)
		return;
	pthread_mutex_lock(&mutex);
	size_t size = strlen(said);
	snprintf(said + size, sizeof said - size, "%s\n", line);
	pthread_mutex_unlock(&mutex);
}

static int
start(void **state)
{
	(void)make_node(state);
	struct ep_node_options options = { .folder = node.folder,
		                           .mode = EP_LOG_WRITE,
		                           .map_size = 1 << 30 };
	needs(ep_node_open(&open_node, &options, NULL));
	struct ep_monitor_options wanted = { .node = open_node, .on_line = on_line };
	needs(ep_monitor_start(&monitor, &wanted, NULL));
	said[0] = '\0';
	asked = removed = 0;
	return 0;
}

static int
leave(void **state)
{
	atomic_store(&is_full, false);
	ep_monitor_stop(EP_TAKE(monitor));
	ep_node_close(open_node);
	return remove_node(state);
}

static enum ep_status
apply(const char *const *streams)
{
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	for (; *streams; streams++)
		needs(ep_monitor_config_add(&config, *streams, NULL));
	enum ep_status status = ep_monitor_apply(monitor, &config, NULL);
	assert_null(config.streams);
	return status;
}

/* The monitor's next turn, so many seconds later. */
static void
turn_after(double seconds)
{
	atomic_store(&later_s, atomic_load(&later_s) + seconds);
	needs(ep_monitor_tick(monitor, NULL));
}

/* Whether the monitor has these streams now. */
static void
expect_streams(const char *names)
{
	char found[256] = "";
	json_t *state;
	json_t *stream;
	size_t i;
	turn_after(100);
	state = ep_streams_file_read(node.folder);
	json_array_foreach(json_object_get(state, "streams"), i, stream)
	{
		size_t size = strlen(found);
		snprintf(found + size, sizeof found - size, "%s ",
		         json_string_value(json_object_get(stream, "stream")));
	}
	json_decref(state);
	assert_string_equal(found, names);
}

#define ONE "one=/nowhere/one"
#define TWO "two=/nowhere/two"

static void
a_change_that_fails_is_made_later_and_told_once(void **state)
{
	(void)state;
	needs(apply((const char *const[]){ ONE, NULL }));
	expect_streams("one ");
	atomic_store(&is_full, true);
	assert_int_equal(apply((const char *const[]){ "one=/nowhere/else", TWO, NULL }), EP_IO);
	for (int i = 0; i < 3; i++)
		turn_after(10);
	assert_string_equal(said, "");
	atomic_store(&is_full, false);
	turn_after(1);
	assert_string_equal(said, "");
	turn_after(10);
	assert_string_equal(said, "the new configuration is taken completely\n");
	expect_streams("one two ");
	assert_string_equal(said, "the new configuration is taken completely\n");
}

static void
a_newer_change_takes_the_place_of_one_that_failed(void **state)
{
	(void)state;
	needs(apply((const char *const[]){ ONE, NULL }));
	atomic_store(&is_full, true);
	assert_int_equal(apply((const char *const[]){ TWO, NULL }), EP_IO);
	atomic_store(&is_full, false);
	assert_int_equal(apply((const char *const[]){ ONE, "bad=ftp://x/", NULL }), EP_BAD_INPUT);
	expect_streams("one ");
	assert_string_equal(said, "");
}

/* It is told at the end what is wrong with a stream that was not looked at before. */
static void
a_stream_that_is_wrong_keeps_nothing_waiting(void **state)
{
	(void)state;
	atomic_store(&is_full, true);
	assert_int_equal(apply((const char *const[]){ "bad=ftp://x/", TWO, NULL }), EP_IO);
	atomic_store(&is_full, false);
	expect_streams("two ");
	assert_non_null(strstr(said, "the new configuration is taken completely\n"));
	turn_after(100);
	assert_null(strstr(strstr(said, "completely") + 1, "completely"));
}

/* A stream needs up to a fifth of a second to end: they do so at one time, and not in turn. */
static void
streams_end_together(void **state)
{
	(void)state;
	needs(apply((const char *const[]){ ONE, TWO, "three=/nowhere/three", NULL }));
	needs(apply((const char *const[]){ "three=/nowhere/three", "four=/nowhere/four", NULL }));
	assert_int_equal(asked_at_first, 2);
	assert_int_equal(removed, 2);
	asked = removed = 0;
	ep_monitor_stop(EP_TAKE(monitor));
	assert_int_equal(asked_at_first, 2);
	assert_int_equal(removed, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_change_that_fails_is_made_later_and_told_once,
		                                start, leave),
		cmocka_unit_test_setup_teardown(a_newer_change_takes_the_place_of_one_that_failed,
		                                start, leave),
		cmocka_unit_test_setup_teardown(streams_end_together, start, leave),
		cmocka_unit_test_setup_teardown(a_stream_that_is_wrong_keeps_nothing_waiting, start,
		                                leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
