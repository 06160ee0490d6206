/* Backups and restores of a data folder, and files that are made to do harm. */
#include "backup/backup.h"

#include "backup/backup_pages.h"
#include "backup/container.h"
#include "backup/restore.h"
#include "backup/restore_finish.h"
#include "base/file.h"
#include "plays/plays.h"
#include "tests/one_node.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static char file[80];
static char target[80];

static int
set_up(void **state)
{
	make_node(state);
	ep_log_close(EP_TAKE(node.log));
	snprintf(file, sizeof file, "%s/to.backup", node.folder);
	snprintf(target, sizeof target, "%s/restored", node.folder);
	return 0;
}

/* The log is open only meanwhile: LMDB wants an environment to be open once in a process, and
 * `backup` opens it. */
static void
put_song(unsigned number)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	char id[24];
	snprintf(id, sizeof id, "TRBACKUP%04u", number);
	song_of_onsets(&pairs, number, 2000);
	needs(ep_log_open(&node.log, node.folder, EP_LOG_WRITE, NULL));
	node_put(&node, id, &pairs, "title");
	ep_log_close(EP_TAKE(node.log));
}

static enum ep_status
backup(struct ep_backup_report *report, bool without_key, struct ep_error *err)
{
	struct ep_backup_options options = { .folder = node.folder,
		                             .path = file,
		                             .without_key = without_key };
	return ep_backup(report, &options, err);
}

static enum ep_status
restore(struct ep_restore_report *report, bool check, struct ep_error *err)
{
	struct ep_restore_options options = { .folder = target, .path = file, .check = check };
	return ep_restore(report, &options, err);
}

static bool
is_there(const char *folder, const char *name)
{
	EP_FREE char *path = ep_path_join(folder, name);
	return access(path, F_OK) == 0;
}

/* Nothing of a restore that failed is left. */
static void
assert_absent(void)
{
	assert_false(is_there(node.folder, "restored"));
	assert_false(is_there(node.folder, "restored.part"));
}

static void
same_key(bool expected)
{
	struct ep_keys one;
	struct ep_keys other;
	needs(ep_keys_open(&one, node.folder, NULL));
	needs(ep_keys_open(&other, target, NULL));
	assert_int_equal(ep_key_equal(&one.key, &other.key), expected);
}

/* ---- what comes back ---- */

static void
a_restored_folder_has_the_log_the_plays_the_key_and_the_token(void **state)
{
	struct ep_backup_report made;
	struct ep_restore_report found;
	struct ep_plays *plays;
	struct ep_log *log;
	EP_FREE char *token = ep_path_join(node.folder, "ingest.token");
	uint64_t position;
	struct stat info;
	(void)state;
	put_song(1);
	put_song(2);
	needs(ep_replace_file(token, "0123456789", 10, 0600, NULL));
	needs(ep_plays_open(&plays, node.folder, true, 0, NULL));
	ep_plays_close(plays);
	assert_int_equal(backup(&made, false, NULL), EP_OK);
	assert_int_equal(made.manifest.position, 2);
	assert_true(made.manifest.with_key);
	assert_int_equal(stat(file, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(info.st_size, made.written);
	put_song(3); /* behind the backup */
	assert_int_equal(restore(&found, false, NULL), EP_OK);
	assert_string_equal(found.manifest.digest, made.manifest.digest);
	assert_int_equal(found.bytes, made.copied);
	assert_true(is_there(target, "ingest.token"));
	needs(ep_plays_open(&plays, target, false, 0, NULL));
	ep_plays_close(plays);
	needs(ep_log_open(&log, target, EP_LOG_READ, NULL));
	needs(ep_log_position(&position, log, NULL));
	assert_int_equal(position, 2);
	ep_log_close(log);
	same_key(true);
	assert_false(is_there(node.folder, "restored.part"));
	assert_int_equal(stat(target, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
}

static void
without_the_key_a_new_one_is_made(void **state)
{
	struct ep_backup_report made;
	struct ep_restore_report found;
	(void)state;
	put_song(1);
	assert_int_equal(backup(&made, true, NULL), EP_OK);
	assert_false(made.manifest.with_key);
	assert_int_equal(restore(&found, false, NULL), EP_OK);
	same_key(false);
}

static void
a_check_writes_nothing(void **state)
{
	struct ep_backup_report made;
	struct ep_restore_report found;
	(void)state;
	put_song(1);
	assert_int_equal(backup(&made, false, NULL), EP_OK);
	assert_int_equal(restore(&found, true, NULL), EP_OK);
	assert_int_equal(found.manifest.position, 1);
	assert_absent();
}

/* Another process that commits all the time, until *to_child is closed. */
static pid_t
commit_elsewhere(int *to_child)
{
	int ends[2];
	must(pipe2(ends, O_CLOEXEC) == 0);
	pid_t child = fork();
	if (child == 0) {
		struct pollfd end = { .fd = ends[0], .events = POLLIN };
		close(ends[1]);
		for (unsigned number = 100; poll(&end, 1, 0) == 0; number++)
			put_song(number);
		_exit(0);
	}
	close(ends[0]);
	*to_child = ends[1];
	return child;
}

static void
backups_under_commits_have_the_position_that_they_name(void **state)
{
	struct ep_backup_report made;
	struct ep_restore_report found;
	uint64_t first = 0;
	int to_child;
	int result;
	(void)state;
	put_song(1);
	pid_t child = commit_elsewhere(&to_child);
	/* A restore compares position and digest: until a few differ. */
	for (unsigned others = 0; others < 8;) {
		assert_int_equal(backup(&made, false, NULL), EP_OK);
		assert_int_equal(restore(&found, false, NULL), EP_OK);
		others += made.manifest.position > first;
		first = made.manifest.position;
		needs(nftw(target, node_remove_one, 8, FTW_DEPTH | FTW_PHYS) ? EP_IO : EP_OK);
	}
	close(to_child);
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_int_equal(result, 0);
}

static void
pages_under_commits_have_the_position_that_they_name(void **state)
{
	EP_FREE char *kept = ep_path_join(node.folder, "kept");
	struct ep_backup_options wanted = { .folder = node.folder, .path = kept };
	struct ep_restore_options back = { .folder = target, .path = kept };
	struct ep_backup_pages_report made;
	struct ep_restore_report found;
	uint64_t first = 0;
	int to_child;
	int result;
	(void)state;
	put_song(1);
	pid_t child = commit_elsewhere(&to_child);
	for (unsigned others = 0; others < 8;) {
		assert_int_equal(ep_backup_pages(&made, &wanted, 3, NULL), EP_OK);
		assert_int_equal(ep_restore(&found, &back, NULL), EP_OK);
		assert_int_equal(found.manifest.position, made.manifest.position);
		others += made.manifest.position > first;
		first = made.manifest.position;
		needs(nftw(target, node_remove_one, 8, FTW_DEPTH | FTW_PHYS) ? EP_IO : EP_OK);
	}
	close(to_child);
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_int_equal(result, 0);
}

/* ---- what is refused ---- */

static void
a_file_that_is_no_backup_is_not_replaced(void **state)
{
	struct ep_backup_report made;
	struct ep_error err;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	(void)state;
	needs(ep_replace_file(file, "precious", 8, 0600, NULL));
	assert_int_equal(backup(&made, false, &err), EP_BAD_INPUT);
	needs(ep_read_file(&bytes, file, 100, NULL));
	assert_memory_equal(bytes.data, "precious", 8);
	assert_false(is_there(node.folder, "to.backup.part"));
}

static void
a_backup_that_stops_leaves_the_older_one(void **state)
{
	struct ep_backup_report made;
	atomic_bool stop = true;
	struct ep_backup_options options = { .folder = node.folder, .path = file, .stop = &stop };
	struct ep_restore_report found;
	(void)state;
	put_song(1);
	assert_int_equal(backup(&made, false, NULL), EP_OK);
	put_song(2);
	assert_int_equal(ep_backup(&made, &options, NULL), EP_INTERRUPTED);
	assert_false(is_there(node.folder, "to.backup.part"));
	assert_int_equal(restore(&found, true, NULL), EP_OK);
	assert_int_equal(found.manifest.position, 1);
}

static void
a_folder_with_something_in_it_is_not_restored_into(void **state)
{
	struct ep_backup_report made;
	struct ep_restore_report found;
	EP_FREE char *other = NULL;
	(void)state;
	assert_int_equal(backup(&made, false, NULL), EP_OK);
	assert_int_equal(mkdir(target, 0755), 0);
	other = ep_path_join(target, "other");
	needs(ep_replace_file(other, "x", 1, 0600, NULL));
	assert_int_equal(restore(&found, false, NULL), EP_BAD_INPUT);
	assert_true(is_there(target, "other"));
	assert_int_equal(unlink(other), 0);
	assert_int_equal(restore(&found, false, NULL), EP_OK); /* an empty one is */
}

/* A file as a backup would be, with one part of that name. */
static void
make_hostile(const struct ep_backup_manifest *manifest, const char *name, unsigned times)
{
	struct ep_container_writer writer;
	json_t *json = ep_backup_manifest_json(manifest);
	char *text = json_dumps(json, JSON_COMPACT);
	EP_FD int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	needs(ep_container_begin(&writer, fd, file, ep_text_of(text), NULL));
	for (unsigned i = 0; i < times; i++) {
		needs(ep_container_part(&writer, name, NULL));
		needs(ep_container_add(&writer, "bytes", 5, NULL));
	}
	needs(ep_container_end(&writer, NULL));
	ep_container_done(&writer);
	free(text);
	json_decref(json);
}

static void
names_that_lead_out_of_the_folder_are_refused(void **state)
{
	static const char *const names[] = { "../evil",          "/tmp/evil", "evil",
		                             "plays/../../evil", "lock.mdb",  "." };
	struct ep_backup_report made;
	struct ep_restore_report found;
	(void)state;
	assert_int_equal(backup(&made, false, NULL), EP_OK);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		make_hostile(&made.manifest, names[i], 1);
		assert_int_equal(restore(&found, false, NULL), EP_CORRUPT);
		assert_absent();
		assert_false(is_there(node.folder, "evil"));
	}
	make_hostile(&made.manifest, "key", 2);
	assert_int_equal(restore(&found, false, NULL), EP_CORRUPT);
	make_hostile(&made.manifest, "key", 1); /* no log */
	assert_int_equal(restore(&found, false, NULL), EP_CORRUPT);
	make_hostile(&made.manifest, "data.mdb", 1); /* no log of LMDB's */
	assert_int_not_equal(restore(&found, false, NULL), EP_OK);
	assert_absent();
}

static void
a_log_that_is_not_the_one_of_the_manifest_is_refused(void **state)
{
	struct ep_backup_report made;
	struct ep_restore_report found;
	struct ep_new_folder *folder;
	struct ep_error err;
	(void)state;
	put_song(1);
	assert_int_equal(backup(&made, false, NULL), EP_OK);
	/* The log's own file, under a manifest of another position. */
	needs(ep_new_folder_make(&folder, target, NULL));
	EP_FREE char *from = ep_path_join(node.folder, "data.mdb");
	EP_BUFFER struct ep_buffer bytes = { 0 };
	needs(ep_read_file(&bytes, from, EP_BUFFER_MAX, NULL));
	int fd;
	needs(ep_new_folder_file(&fd, folder, "data.mdb", NULL));
	needs(ep_write_all(fd, bytes.data, bytes.size, "a test", NULL));
	close(fd);
	bool published;
	assert_int_equal(ep_restore_finish(&published, folder, &made.manifest, 0, NULL), EP_OK);
	made.manifest.position = 7;
	assert_int_equal(ep_restore_finish(&published, folder, &made.manifest, 0, &err),
	                 EP_CORRUPT);
	assert_non_null(strstr(err.text, "manifest says 7"));
	ep_new_folder_close(folder);
	assert_absent();
	assert_int_equal(restore(&found, true, NULL), EP_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, remove_node)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restored_folder_has_the_log_the_plays_the_key_and_the_token),
		TEST(without_the_key_a_new_one_is_made),
		TEST(a_check_writes_nothing),
		TEST(backups_under_commits_have_the_position_that_they_name),
		TEST(pages_under_commits_have_the_position_that_they_name),
		TEST(a_file_that_is_no_backup_is_not_replaced),
		TEST(a_backup_that_stops_leaves_the_older_one),
		TEST(a_folder_with_something_in_it_is_not_restored_into),
		TEST(names_that_lead_out_of_the_folder_are_refused),
		TEST(a_log_that_is_not_the_one_of_the_manifest_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
