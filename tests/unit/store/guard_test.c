#include "store/guard.h"
#include "store/log_internal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
die(const char *folder)
{
	(void)folder;
	_exit(7);
}

static struct ep_log *
new_log(char folder[32])
{
	struct ep_log *log;
	strcpy(folder, "/tmp/guard-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(ep_log_open(&log, folder, EP_LOG_MAKE, NULL), EP_OK);
	return log;
}

static void
remove_log(struct ep_log *log, const char *folder)
{
	char command[64];
	ep_log_close(log);
	snprintf(command, sizeof command, "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

/* How a process ends that does this, guarded. */
static int
end_of(void (*crash)(struct ep_log *log), struct ep_log *log)
{
	int result = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGBUS, SIG_DFL); /* what a sanitizer or the test put there */
		signal(SIGSEGV, SIG_DFL);
		ep_guard_start(die);
		crash(log);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &result, 0), child);
	return result;
}

static void
read_behind_the_file(struct ep_log *log)
{
	const volatile uint8_t *map = log->env->map;
	(void)map[log->env->map_size - 1];
}

static void
read_nowhere(struct ep_log *log)
{
	(void)log;
	volatile uintptr_t nowhere = 8;
	(void)*(const volatile uint8_t *)nowhere;
}

static void
make_lmdb_read_nowhere(struct ep_log *log)
{
	MDB_stat stat;
	(void)log;
	volatile uintptr_t nowhere = 64;
	(void)mdb_env_stat((MDB_env *)nowhere, &stat);
}

static void
do_nothing(struct ep_log *log)
{
	(void)log;
}

static void
a_crash_over_a_page_ends_in_order(void **state)
{
	(void)state;
	char folder[32];
	struct ep_log *log = new_log(folder);
	int result = end_of(read_behind_the_file, log);
	assert_true(WIFEXITED(result));
	assert_int_equal(WEXITSTATUS(result), 7);
	result = end_of(make_lmdb_read_nowhere, log);
	assert_true(WIFEXITED(result));
	assert_int_equal(WEXITSTATUS(result), 7);
	assert_int_equal(end_of(do_nothing, log), 0);
	remove_log(log, folder);
}

static void
another_crash_stays_what_it_is(void **state)
{
	(void)state;
	char folder[32];
	struct ep_log *log = new_log(folder);
	int result = end_of(read_nowhere, log);
	assert_true(WIFSIGNALED(result));
	assert_int_equal(WTERMSIG(result), SIGSEGV);
	remove_log(log, folder);
}

/* Without a log, nothing is LMDB's. */
static void
a_crash_without_a_log_stays_what_it_is(void **state)
{
	(void)state;
	int result = end_of(make_lmdb_read_nowhere, NULL);
	assert_true(WIFSIGNALED(result));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_over_a_page_ends_in_order),
		cmocka_unit_test(another_crash_stays_what_it_is),
		cmocka_unit_test(a_crash_without_a_log_stays_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
