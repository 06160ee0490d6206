/* Compaction of the log: who may be there meanwhile, and what stays. */
#include "base/file.h"
#include "store/env_internal.h"
#include "tests/one_node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <cmocka.h>

static void
put_songs(unsigned count)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	char id[24];
	for (unsigned number = 0; number < count; number++) {
		snprintf(id, sizeof id, "TRCOMPACT%04u", number);
		song_of_onsets(&pairs, number, 3000);
		node_put(&node, id, &pairs, "title");
	}
}

static uint64_t
position_now(void)
{
	uint64_t position;
	needs(ep_log_position(&position, node.log, NULL));
	return position;
}

static void
reopen(void)
{
	ep_log_close(node.log);
	needs(ep_log_open(&node.log, node.folder, EP_LOG_WRITE, NULL));
}

static void
a_compact_log_is_smaller_and_the_same(void **state)
{
	struct ep_compacted sizes;
	(void)state;
	put_songs(40);
	for (unsigned number = 1; number < 40; number++) {
		char id[24];
		snprintf(id, sizeof id, "TRCOMPACT%04u", number);
		node_delete(&node, id);
	}
	uint64_t before = position_now();
	assert_int_equal(ep_log_take_alone(node.log, NULL), EP_OK);
	assert_int_equal(ep_log_compact(&sizes, node.log, NULL), EP_OK);
	assert_true(sizes.after < sizes.before);
	reopen();
	assert_int_equal(position_now(), before);
	put_songs(1); /* it can be written */
	EP_FREE char *tmp = ep_path_join(node.folder, "compact.tmp");
	assert_int_not_equal(access(tmp, F_OK), 0);
}

/* Another process that has the log open; ends when to_child is closed. */
static pid_t
hold_open(int *to_child)
{
	int begun[2];
	int end[2];
	char byte;
	must(pipe(begun) == 0 && pipe(end) == 0);
	pid_t child = fork();
	if (child == 0) {
		struct ep_log *log;
		close(end[1]);
		/* What was inherited is the parent's. */
		if (ep_log_open(&log, node.folder, EP_LOG_READ, NULL) != EP_OK)
			_exit(1);
		(void)!write(begun[1], "x", 1);
		(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	must(read(begun[0], &byte, 1) == 1);
	close(begun[0]);
	close(begun[1]);
	close(end[0]);
	*to_child = end[1];
	return child;
}

static void
a_process_that_has_it_open_is_named_and_nothing_changes(void **state)
{
	struct ep_error err;
	char pid_text[32];
	int to_child;
	(void)state;
	put_songs(2);
	ep_log_close(node.log);
	pid_t child = hold_open(&to_child);
	needs(ep_log_open(&node.log, node.folder, EP_LOG_WRITE, NULL));
	assert_int_equal(ep_log_take_alone(node.log, &err), EP_BAD_INPUT);
	snprintf(pid_text, sizeof pid_text, "process %ld", (long)child);
	assert_non_null(strstr(err.text, pid_text));
	reopen(); /* the door is open again */
	assert_int_equal(position_now(), 2);
	close(to_child);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(ep_log_take_alone(node.log, &err), EP_OK);
}

/* Descriptors of this process whose file has, or had, that path. */
static unsigned
descriptors_of(const char *path)
{
	unsigned count = 0;
	DIR *names = opendir("/proc/self/fd");
	const struct dirent *item;
	while ((item = readdir(names)) != NULL) {
		char target[200];
		ssize_t size = readlinkat(dirfd(names), item->d_name, target, sizeof target - 1);
		target[size > 0 ? size : 0] = '\0';
		count += strcmp(target, path) == 0;
	}
	closedir(names);
	return count;
}

static void *
wait_at_the_door(void *context)
{
	*(int *)context = ep_env_lock_door(node.folder);
	return NULL;
}

static void
who_waited_while_the_file_was_replaced_locks_the_new_one(void **state)
{
	EP_FREE char *path = ep_path_join(node.folder, "data.mdb");
	EP_FREE char *other = ep_path_join(node.folder, "other");
	struct stat mine;
	struct stat there;
	pthread_t thread;
	int door = -1;
	(void)state;
	ep_log_close(EP_TAKE(node.log));
	int held = ep_env_lock_door(node.folder);
	assert_true(held >= 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_at_the_door, &door), 0);
	while (descriptors_of(path) < 2) /* it has the old file open */
		sched_yield();
	needs(ep_replace_file(other, "a new file", 10, 0600, NULL));
	assert_int_equal(rename(other, path), 0);
	close(held);
	pthread_join(thread, NULL);
	assert_int_equal(fstat(door, &mine), 0);
	assert_int_equal(stat(path, &there), 0);
	assert_int_equal(mine.st_ino, there.st_ino);
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(door);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_compact_log_is_smaller_and_the_same, make_node,
		                                remove_node),
		cmocka_unit_test_setup_teardown(
			a_process_that_has_it_open_is_named_and_nothing_changes, make_node,
			remove_node),
		cmocka_unit_test_setup_teardown(
			who_waited_while_the_file_was_replaced_locks_the_new_one, make_node,
			remove_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
