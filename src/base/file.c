#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum ep_status
ep_write_all(int fd, const void *bytes, size_t size, const char *name, struct ep_error *err)
{
	const char *at = bytes;
	while (size > 0) {
		ssize_t written = write(fd, at, size);
		if (written < 0) {
			if (errno == EINTR)
				continue;
			return ep_fail_errno(err, errno, "cannot write %s", name);
		}
		at += written;
		size -= (size_t)written;
	}
	return EP_OK;
}

enum ep_status
ep_read_some(size_t *got, int fd, void *bytes, size_t size, const char *name, struct ep_error *err)
{
	for (;;) {
		ssize_t count = read(fd, bytes, size);
		if (count >= 0) {
			*got = (size_t)count;
			return EP_OK;
		}
		if (errno != EINTR)
			return ep_fail_errno(err, errno, "cannot read %s", name);
	}
}

enum ep_status
ep_sync_folder(const char *folder, struct ep_error *err)
{
	EP_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open the folder %s", folder);
	if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system without this notion */
		return ep_fail_errno(err, errno, "cannot flush the folder %s to disk", folder);
	return EP_OK;
}

/* Makes one folder whose parent exists, where it is not there. */
static enum ep_status
make_one(const char *folder, mode_t mode, struct ep_error *err)
{
	struct stat info;
	if (mkdir(folder, mode) == 0)
		return EP_OK;
	int reason = errno;
	if (stat(folder, &info) == 0 && S_ISDIR(info.st_mode))
		return EP_OK;
	return ep_fail_errno(err, reason, "cannot create the folder %s", folder);
}

enum ep_status
ep_sync_name(const char *folder, struct ep_error *err)
{
	EP_FREE char *parent = ep_path_join(folder, "..");
	if (!parent)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	return eaccess(parent, R_OK) == 0 ? ep_sync_folder(parent, err) : EP_OK;
}

/* Makes a folder with this mode, and those above it. */
static enum ep_status
make_folder(const char *folder, mode_t mode, struct ep_error *err)
{
	struct stat info;
	if (stat(folder, &info) == 0 && S_ISDIR(info.st_mode))
		return EP_OK;
	EP_FREE char *path = strdup(folder);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	/* Names that are there already are synced too: whoever made them may have been killed
	 * before it saw to that. */
	for (char *at = path + 1;; at++) {
		if (*at != '/' && *at)
			continue;
		char end = *at;
		*at = '\0';
		bool last = !end || !at[1 + strspn(at + 1, "/.")];
		EP_TRY(make_one(path, last ? mode : 0777, err));
		EP_TRY(ep_sync_name(path, err));
		*at = end;
		if (!end)
			return EP_OK;
	}
}

enum ep_status
ep_make_folder(const char *folder, struct ep_error *err)
{
	return make_folder(folder, 0700, err);
}

enum ep_status
ep_make_shared_folder(const char *folder, struct ep_error *err)
{
	return make_folder(folder, 0777, err);
}

enum ep_status
ep_read_all(struct ep_buffer *out, int fd, const char *name, size_t max, struct ep_error *err)
{
	out->size = 0;
	for (size_t got = 1; got > 0; out->size += got) {
		EP_TRY(ep_buffer_reserve(out, 65536, err));
		EP_TRY(ep_read_some(&got, fd, out->data + out->size, 65536, name, err));
		if (out->size + got > max)
			return ep_fail(err, EP_BAD_INPUT, "%s is larger than %zu bytes", name, max);
	}
	return EP_OK;
}

enum ep_status
ep_read_file(struct ep_buffer *out, const char *path, size_t max, struct ep_error *err)
{
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ep_fail(err, EP_NOT_FOUND, "there is no file %s", path);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	return ep_read_all(out, fd, path, max, err);
}

/* Syncs and closes; the first failure counts. */
static enum ep_status
finish_file(int *fd, const char *path, struct ep_error *err)
{
	int failed = fsync(*fd) != 0 ? errno : 0;
	if (close(*fd) != 0 && !failed)
		failed = errno;
	*fd = -1;
	return failed ? ep_fail_errno(err, failed, "cannot write %s", path) : EP_OK;
}

/* Writes a file anew, durably but for its name. */
static enum ep_status
write_new(const char *part, const void *bytes, size_t size, unsigned mode, struct ep_error *err)
{
	/* Not into what somebody left there: a link would lead elsewhere, a pipe would wait. */
	if (unlink(part) != 0 && errno != ENOENT)
		return ep_fail_errno(err, errno, "cannot remove %s", part);
	EP_FD int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot create %s", part);
	EP_TRY(ep_write_all(fd, bytes, size, part, err));
	return finish_file(&fd, part, err);
}

/* The folder that a file is in, for free(); NULL: out of memory. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return strdup(*path ? "." : "");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

enum ep_status
ep_sync_folder_of(const char *path, struct ep_error *err)
{
	EP_FREE char *folder = folder_of(path);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	return ep_sync_folder(folder, err);
}

enum ep_status
ep_replace_file(const char *path, const void *bytes, size_t size, unsigned mode,
                struct ep_error *err)
{
	EP_FREE char *part = NULL;
	if (asprintf(&part, "%s.part", path) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(write_new(part, bytes, size, mode, err));
	if (rename(part, path) != 0)
		return ep_fail_errno(err, errno, "cannot rename %s to %s", part, path);
	return ep_sync_folder_of(path, err);
}

/* Waits until nobody else has the lock. */
static enum ep_status
lock_fd(int fd, const char *path, struct ep_error *err)
{
	while (flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR)
			return ep_fail_errno(err, errno, "cannot lock %s", path);
	}
	return EP_OK;
}

enum ep_status
ep_make_file(const char *path, const void *bytes, size_t size, unsigned mode, struct ep_error *err)
{
	EP_FREE char *folder = folder_of(path);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	/* One maker at a time, so that a part is left over only until the next one. */
	EP_FD int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return ep_fail_errno(err, errno, "cannot open %s", folder);
	EP_TRY(lock_fd(lock, folder, err));
	struct stat there;
	if (lstat(path, &there) == 0)
		return ep_sync_folder_of(path, err);
	return ep_replace_file(path, bytes, size, mode, err);
}

enum ep_status
ep_lock_file(int *fd, const char *folder, const char *name, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	return lock_fd(*fd, path, err);
}

char *
ep_path_join(const char *folder, const char *name)
{
	size_t size = strlen(folder) + strlen(name) + 2;
	char *path = malloc(size);
	if (path)
		snprintf(path, size, "%s/%s", folder, name);
	return path;
}

void
ep_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
ep_fd_take(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}
