#include "cli/hangup.h"
#include "cli/monitor_watch.h"

#include "base/time.h"
#include "tests/must.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/ep-watch-XXXXXX";
static double clock_s = 100;

double __wrap_ep_clock_s(void);

double
__wrap_ep_clock_s(void)
{
	return clock_s;
}

static void
write_file(const char *text)
{
	FILE *file = fopen(path, "w");
	must(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int
make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	must(fd >= 0 && close(fd) == 0);
	write_file("[one]\n");
	return 0;
}

static int
remove_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

/* Whether it is told that the file has changed, so many seconds later. */
static bool
told_after(struct ep_watch *watch, double seconds)
{
	clock_s += seconds;
	return ep_watch_changed(watch);
}

static void
a_file_is_read_when_it_has_been_written(void **state)
{
	(void)state;
	struct ep_watch watch;
	ep_watch_start(&watch, path);
	assert_false(told_after(&watch, 0));
	assert_false(told_after(&watch, 10));
	write_file("[one]\nurl = ht");
	assert_false(told_after(&watch, 0));
	assert_false(told_after(&watch, 0.9));
	write_file("[one]\nurl = http://example.org/\n");
	assert_false(told_after(&watch, 0.9));
	/* It is away while it is replaced. */
	must(unlink(path) == 0);
	assert_false(told_after(&watch, 10));
	write_file("[one]\nurl = http://example.com/one\n");
	assert_false(told_after(&watch, 0.9));
	assert_true(told_after(&watch, 1.1));
	assert_false(told_after(&watch, 10));
}

static void
a_hangup_is_told_once(void **state)
{
	(void)state;
	ep_hangup_catch();
	assert_false(ep_hangup_came());
	must(raise(SIGHUP) == 0);
	assert_true(ep_hangup_came());
	assert_false(ep_hangup_came());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_when_it_has_been_written),
		cmocka_unit_test(a_hangup_is_told_once),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
