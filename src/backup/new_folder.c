#include "backup/new_folder.h"

#include "backup/parts.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "restore.lock"

struct ep_new_folder {
	int fd; /* of FOLDER.part */
	int lock_fd; /* of the lock in it */
	char *path; /* FOLDER, without slashes at its end */
	char *part; /* FOLDER.part */
	bool made; /* FOLDER.part is ours */
	bool published; /* it has its name */
};

/* All that a restore makes in FOLDER.part, files before their folders. */
static const char *const parts[] = { EP_PART_LOG, EP_PART_PLAYS, EP_PART_KEY, EP_PART_TOKEN };
static const char *const others[] = { "lock.mdb", EP_PLAYS_FOLDER "/lock.mdb", "key.part" };

/* ---- making ---- */

/* Whether the folder is absent, or has nothing in it but what is allowed (may be NULL). */
static enum ep_status
check_absent(const char *path, const char *allowed, struct ep_error *err)
{
	DIR *names = opendir(path);
	const struct dirent *item = NULL;
	if (!names && errno == ENOENT)
		return EP_OK;
	if (!names)
		return ep_fail_errno(err, errno, "cannot open the folder %s", path);
	while ((item = readdir(names)) != NULL) {
		if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0 &&
		    !(allowed && strcmp(item->d_name, allowed) == 0))
			break;
	}
	closedir(names);
	return item ? ep_fail(err, EP_BAD_INPUT,
	                      "%s is not empty; restore into a new folder, or move this one away",
	                      path)
	            : EP_OK;
}

/* The folder's path without links and slashes at its end, so that FOLDER.part stands beside it. */
static char *
path_of(const char *folder)
{
	char *path = realpath(folder, NULL);
	if (!path)
		path = strdup(folder);
	for (size_t size = path ? strlen(path) : 0; size > 1 && path[size - 1] == '/'; size--)
		path[size - 1] = '\0';
	return path;
}

/* The lock is a file, as a flock of the folder itself is what makes the key in it. It stays. */
static enum ep_status
lock(struct ep_new_folder *folder, struct ep_error *err)
{
	struct stat mine;
	struct stat there;
	folder->lock_fd =
		openat(folder->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (folder->lock_fd < 0 || fstat(folder->fd, &mine) != 0)
		return ep_fail_errno(err, errno, "cannot create %s/" LOCK_NAME, folder->part);
	if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0 || lstat(folder->part, &there) != 0 ||
	    there.st_ino != mine.st_ino || there.st_dev != mine.st_dev)
		return ep_fail(err, EP_BAD_INPUT, "another process is restoring %s", folder->path);
	return EP_OK;
}

/* Removes what restores make in the folder. */
static void
empty(const struct ep_new_folder *folder)
{
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		(void)unlinkat(folder->fd, parts[i], 0);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		(void)unlinkat(folder->fd, others[i], 0);
	(void)unlinkat(folder->fd, EP_PLAYS_FOLDER, AT_REMOVEDIR);
}

enum ep_status
ep_new_folder_make(struct ep_new_folder **out, const char *path, struct ep_error *err)
{
	EP_OWNED(ep_new_folder_close)
	struct ep_new_folder *folder = calloc(1, sizeof *folder);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	folder->fd = -1;
	folder->lock_fd = -1;
	folder->path = path_of(path);
	if (!folder->path || asprintf(&folder->part, "%s.part", folder->path) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(check_absent(folder->path, NULL, err));
	EP_TRY(ep_make_folder(folder->part, err));
	folder->fd = open(folder->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder->fd < 0)
		return ep_fail_errno(err, errno, "cannot open the folder %s", folder->part);
	EP_TRY(lock(folder, err));
	empty(folder);
	EP_TRY(check_absent(folder->part, LOCK_NAME, err));
	folder->made = true;
	*out = EP_TAKE(folder);
	return EP_OK;
}

const char *
ep_new_folder_path(const struct ep_new_folder *folder)
{
	return folder->part;
}

/* ---- files ---- */

enum ep_status
ep_new_folder_file(int *out, const struct ep_new_folder *folder, const char *name,
                   struct ep_error *err)
{
	bool known = false;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		known |= strcmp(name, parts[i]) == 0;
	if (!known)
		return ep_fail(err, EP_BAD_INPUT, "no file of a data folder is called \"%s\"",
		               name);
	if (strcmp(name, EP_PART_PLAYS) == 0 && mkdirat(folder->fd, EP_PLAYS_FOLDER, 0700) != 0 &&
	    errno != EEXIST)
		return ep_fail_errno(err, errno, "cannot create %s/%s", folder->part,
		                     EP_PLAYS_FOLDER);
	int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	                0600);
	if (fd < 0 && errno == EEXIST)
		return ep_fail(err, EP_BAD_INPUT, "the file %s is there twice", name);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot create %s/%s", folder->part, name);
	*out = fd;
	return EP_OK;
}

/* ---- the end ---- */

/* Makes the names in the folder durable. */
static enum ep_status
sync_names(const struct ep_new_folder *folder, struct ep_error *err)
{
	EP_FREE char *plays = ep_path_join(folder->part, EP_PLAYS_FOLDER);
	if (!plays)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (faccessat(folder->fd, EP_PLAYS_FOLDER, F_OK, 0) == 0)
		EP_TRY(ep_sync_folder(plays, err));
	return ep_sync_folder(folder->part, err);
}

enum ep_status
ep_new_folder_publish(struct ep_new_folder *folder, struct ep_error *err)
{
	EP_TRY(sync_names(folder, err));
	/* An empty folder is replaced; one that is not empty is not. */
	if (rename(folder->part, folder->path) != 0) {
		if (errno == ENOTEMPTY || errno == EEXIST)
			return ep_fail(err, EP_BAD_INPUT, "%s was filled while it was restored",
			               folder->path);
		return ep_fail_errno(err, errno, "cannot rename %s to %s", folder->part,
		                     folder->path);
	}
	folder->made = false;
	folder->published = true;
	return ep_sync_folder_of(folder->path, err);
}

void
ep_new_folder_close(struct ep_new_folder *folder)
{
	if (!folder)
		return;
	if (folder->made) {
		empty(folder);
		(void)unlinkat(folder->fd, LOCK_NAME, 0);
	}
	if (folder->part && !folder->published)
		(void)rmdir(folder->part); /* where another process has it, it is not empty */
	ep_fd_close(&folder->lock_fd);
	ep_fd_close(&folder->fd);
	free(folder->path);
	free(folder->part);
	free(folder);
}
