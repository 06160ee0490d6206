/* A folder that others write: whatever they put there, nothing outside of it is touched, and nobody
 * is waited for. */
#include "base/folder.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char base[] = "/tmp/echoprint-folder-XXXXXX";
static struct ep_folder shared = { .fd = -1 };

/* Everything is in base, in which "outside" is the folder that nobody may be led to. */
static int
make_folders(void **state)
{
	(void)state;
	alarm(60); /* who waits for a pipe is ended */
	return mkdtemp(base) && chdir(base) == 0 && mkdir("shared", 0777) == 0 &&
	                       mkdir("outside", 0777) == 0 &&
	                       ep_folder_open(&shared, "shared", NULL) == EP_OK
	               ? 0
	               : 1;
}

static int
remove_folders(void **state)
{
	(void)state;
	char command[64];
	ep_folder_close(&shared);
	snprintf(command, sizeof command, "rm -rf %s", base);
	return chdir("/") == 0 ? system(command) : 1;
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
has(const char *path, const char *text)
{
	EP_BUFFER struct ep_buffer found = { 0 };
	assert_int_equal(ep_read_file(&found, path, 1000, NULL), EP_OK);
	assert_int_equal(found.size, strlen(text));
	assert_memory_equal(found.data, text, found.size);
}

/* Makes all that is no file: a link to a file, one to nothing, a pipe, a folder, a socket. */
static const char *const strange[] = { "link", "loose", "pipe", "folder", "socket" };
#define STRANGE (sizeof strange / sizeof *strange)

static void
make_strange(const char *prefix)
{
	char path[64];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	put("outside/file", "mine");
	snprintf(path, sizeof path, "shared/%slink", prefix);
	assert_int_equal(symlink("../outside/file", path), 0);
	snprintf(path, sizeof path, "shared/%sloose", prefix);
	assert_int_equal(symlink("../outside/new", path), 0);
	snprintf(path, sizeof path, "shared/%spipe", prefix);
	assert_int_equal(mkfifo(path, 0666), 0);
	snprintf(path, sizeof path, "shared/%sfolder", prefix);
	assert_int_equal(mkdir(path, 0777), 0);
	snprintf(address.sun_path, sizeof address.sun_path, "shared/%ssocket", prefix);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
}

static void
outside_is_untouched(void)
{
	struct stat info;
	has("outside/file", "mine");
	assert_int_not_equal(lstat("outside/new", &info), 0);
}

static void
only_files_are_read(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer found = { 0 };
	make_strange("read.");
	for (size_t i = 0; i < STRANGE; i++) {
		char name[32];
		struct ep_error err;
		snprintf(name, sizeof name, "read.%s", strange[i]);
		assert_int_equal(ep_folder_read(&found, &shared, name, 1000, &err), EP_BAD_INPUT);
		assert_non_null(strstr(err.text, name));
		assert_false(ep_folder_has(&shared, name, 4));
	}
	put("shared/file", "theirs");
	assert_int_equal(ep_folder_read(&found, &shared, "file", 6, NULL), EP_OK);
	assert_int_equal(found.size, 6);
	assert_int_equal(ep_folder_read(&found, &shared, "file", 5, NULL), EP_BAD_INPUT);
	assert_int_equal(ep_folder_read(&found, &shared, "none", 5, NULL), EP_NOT_FOUND);
	assert_true(ep_folder_has(&shared, "file", 6));
	outside_is_untouched();
}

static void
what_is_written_is_in_the_folder(void **state)
{
	(void)state;
	char name[32];
	make_strange("put.");
	make_strange("part.");
	for (size_t i = 0; i < STRANGE; i++) {
		char part[64];
		char from[64];
		char path[96];
		bool folder = strcmp(strange[i], "folder") == 0;
		/* In the place of the file itself. */
		snprintf(name, sizeof name, "put.%s", strange[i]);
		assert_int_equal(ep_folder_write(&shared, name, "new", 3, 0666, NULL),
		                 folder ? EP_IO : EP_OK);
		assert_int_equal(ep_folder_has(&shared, name, 3), !folder);
		/* In that of the file that it is written as. */
		snprintf(name, sizeof name, "at.%s", strange[i]);
		snprintf(from, sizeof from, "shared/part.%s", strange[i]);
		snprintf(part, sizeof part, "%s.part", name);
		snprintf(path, sizeof path, "shared/%s", part);
		assert_int_equal(rename(from, path), 0);
		assert_int_equal(ep_folder_write(&shared, name, "new", 3, 0666, NULL),
		                 folder ? EP_IO : EP_OK);
		assert_false(ep_folder_has(&shared, part, 3));
	}
	outside_is_untouched();
}

/* The same of ep_replace_file, in whose folder somebody may have left something. */
static void
a_file_is_replaced_by_a_new_one(void **state)
{
	(void)state;
	put("outside/file", "mine");
	assert_int_equal(symlink("../outside/file", "shared/json.part"), 0);
	assert_int_equal(ep_replace_file("shared/json", "new", 3, 0666, NULL), EP_OK);
	has("shared/json", "new");
	assert_int_equal(mkfifo("shared/json.part", 0666), 0);
	assert_int_equal(ep_replace_file("shared/json", "newer", 5, 0666, NULL), EP_OK);
	has("shared/json", "newer");
	assert_int_equal(link("outside/file", "shared/json.part"), 0);
	assert_int_equal(ep_replace_file("shared/json", "newest", 6, 0666, NULL), EP_OK);
	has("shared/json", "newest");
	outside_is_untouched();
}

static void
no_link_to_a_folder_is_followed(void **state)
{
	(void)state;
	EP_FOLDER struct ep_folder inside = EP_FOLDER_NONE;
	assert_int_equal(symlink("../outside", "shared/away"), 0);
	assert_int_equal(symlink("../outside/made", "shared/nowhere"), 0);
	put("shared/plain", "");
	static const char *const names[] = { "away", "nowhere", "plain" };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(ep_folder_enter(&inside, &shared, names[i], NULL), EP_BAD_INPUT);
		assert_int_equal(ep_folder_make(&inside, &shared, names[i], NULL), EP_BAD_INPUT);
	}
	assert_int_equal(ep_folder_enter(&inside, &shared, "none", NULL), EP_NOT_FOUND);
	assert_int_equal(ep_folder_make(&inside, &shared, "made", NULL), EP_OK);
	/* Moved away and replaced by a link meanwhile, it is still the folder that was opened. */
	assert_int_equal(rename("shared/made", "shared/moved"), 0);
	assert_int_equal(symlink("../outside", "shared/made"), 0);
	assert_int_equal(ep_folder_write(&inside, "new", "x", 1, 0666, NULL), EP_OK);
	has("shared/moved/new", "x");
	outside_is_untouched();
}

static void
only_a_file_of_the_folder_is_locked(void **state)
{
	(void)state;
	int fd = -1;
	make_strange("lock.");
	for (size_t i = 0; i < STRANGE; i++) {
		char name[32];
		snprintf(name, sizeof name, "lock.%s", strange[i]);
		assert_int_equal(ep_folder_lock(&fd, &shared, name, NULL), EP_BAD_INPUT);
	}
	assert_int_equal(link("outside/file", "shared/hard"), 0);
	assert_int_equal(ep_folder_lock(&fd, &shared, "hard", NULL), EP_BAD_INPUT);
	assert_int_equal(ep_folder_lock(&fd, &shared, "lock", NULL), EP_OK);
	int other = open("shared/lock", O_RDWR);
	assert_int_not_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(fd);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	outside_is_untouched();
}

/* What a crash left of an earlier one goes, wherever it leads. */
static void
a_file_is_made_once(void **state)
{
	(void)state;
	put("outside/file", "outside");
	assert_int_equal(symlink("../outside/file", "shared/once.part"), 0);
	assert_int_equal(ep_make_file("shared/once", "first", 5, 0600, NULL), EP_OK);
	has("shared/once", "first");
	assert_int_not_equal(access("shared/once.part", F_OK), 0);
	assert_int_equal(ep_make_file("shared/once", "second", 6, 0600, NULL), EP_OK);
	has("shared/once", "first");
	assert_int_equal(ep_make_file("once", "here", 4, 0600, NULL), EP_OK);
	has("once", "here");
	has("outside/file", "outside");
	assert_int_equal(ep_make_file("nowhere/once", "x", 1, 0600, NULL), EP_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_files_are_read),
		cmocka_unit_test(what_is_written_is_in_the_folder),
		cmocka_unit_test(a_file_is_replaced_by_a_new_one),
		cmocka_unit_test(no_link_to_a_folder_is_followed),
		cmocka_unit_test(only_a_file_of_the_folder_is_locked),
		cmocka_unit_test(a_file_is_made_once),
	};
	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
