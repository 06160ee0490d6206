/* Hosts that are many: two databases in one process with two threads each, and a process that forks
 * with a database open. */
#include "tests/library/host.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SONGS 6

static char folders[2][HOST_FOLDER];

static int
make_folders(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		host_make_folder(folders[i]);
	return 0;
}

static int
remove_folders(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		host_remove_folder(folders[i]);
	return 0;
}

/* ---- threads ---- */

struct work {
	int number;
	const char *folder;
	struct echoprint_db *shared;
	int found;
};

/* Opens the folder a second time, ingests songs of its own, finds each at once, and deletes one. */
static void *
run(void *context)
{
	struct work *work = context;
	struct echoprint_db *own = host_open(work->folder, ECHOPRINT_WRITE);
	char id[16];
	for (int i = 0; i < SONGS; i++) {
		struct echoprint_db *db = i % 2 ? own : work->shared;
		unsigned seed = (unsigned)(work->number * 100 + i);
		snprintf(id, sizeof id, "TR%u", seed);
		host_ingest(db, id, seed, 40);
		work->found += host_finds(db, id, seed);
	}
	const char *ids[] = { id };
	HOST_NEEDS(echoprint_delete(NULL, own, ids, 1, &host_error));
	work->found += host_finds(own, id, (unsigned)(work->number * 100 + SONGS - 1));
	echoprint_close(own);
	return NULL;
}

static void
two_databases_with_two_threads_each_do_not_disturb_one_another(void **state)
{
	(void)state;
	struct echoprint_db *dbs[2];
	struct work works[4] = { 0 };
	pthread_t threads[4];
	for (int i = 0; i < 2; i++)
		dbs[i] = host_open(folders[i], ECHOPRINT_CREATE);
	for (int i = 0; i < 4; i++) {
		works[i] = (struct work){ .number = i + 1,
			                  .folder = folders[i % 2],
			                  .shared = dbs[i % 2] };
		assert_int_equal(pthread_create(&threads[i], NULL, run, &works[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(works[i].found, SONGS);
	}
	for (int i = 0; i < 2; i++) {
		struct echoprint_state now = { .size = sizeof now };
		HOST_NEEDS(echoprint_read_state(&now, dbs[i], &host_error));
		assert_int_equal(now.tracks, 2 * (SONGS - 1));
		assert_int_equal(now.tombstones, 2);
		echoprint_close(dbs[i]);
	}
}

/* ---- fork ---- */

/* What a child can and cannot do; its exit status is 0 where all is as it should be. */
static int
be_child(struct echoprint_db *db, struct echoprint_listener *listener,
         struct echoprint_tracks *tracks)
{
	struct echoprint_state now = { .size = sizeof now };
	struct echoprint_track *track = NULL;
	struct echoprint_error err;
	int16_t samples[100] = { 0 };
	if (echoprint_read_state(&now, db, &err) != ECHOPRINT_USAGE || !strstr(err.text, "fork"))
		return 1;
	if (echoprint_listen_feed(listener, samples, 100, &err) != ECHOPRINT_USAGE)
		return 2;
	if (echoprint_tracks_next(&track, tracks, &err) != ECHOPRINT_USAGE)
		return 3;
	echoprint_listen_close(listener);
	echoprint_tracks_close(tracks);
	echoprint_close(db);
	struct echoprint_db *own = host_open(folders[0], ECHOPRINT_WRITE);
	if (!host_finds(own, "TRPARENT", 1))
		return 4;
	host_ingest(own, "TRCHILD", 2, 40);
	int found = host_finds(own, "TRCHILD", 2);
	echoprint_close(own);
	return found ? 0 : 5;
}

static void
a_child_opens_the_folder_itself(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folders[0], ECHOPRINT_CREATE);
	struct echoprint_listener *listener;
	struct echoprint_tracks *tracks;
	int how;
	host_ingest(db, "TRPARENT", 1, 40);
	HOST_NEEDS(echoprint_listen(&listener, db, &host_error));
	HOST_NEEDS(echoprint_tracks_open(&tracks, db, NULL, &host_error));
	pid_t child = fork();
	if (child == 0)
		_exit(be_child(db, listener, tracks));
	assert_true(child > 0);
	while (waitpid(child, &how, 0) < 0 && errno == EINTR)
		continue;
	assert_true(WIFEXITED(how));
	assert_int_equal(WEXITSTATUS(how), 0);
	assert_true(host_finds(db, "TRCHILD", 2));
	host_ingest(db, "TRAFTER", 3, 40);
	assert_true(host_finds(db, "TRAFTER", 3));
	echoprint_listen_close(listener);
	echoprint_tracks_close(tracks);
	echoprint_close(db);
}

int
main(void)
{
#define IN_FOLDERS(name) cmocka_unit_test_setup_teardown(name, make_folders, remove_folders)
	const struct CMUnitTest tests[] = {
		IN_FOLDERS(two_databases_with_two_threads_each_do_not_disturb_one_another),
		IN_FOLDERS(a_child_opens_the_folder_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
