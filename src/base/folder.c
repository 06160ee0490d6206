#include "base/folder.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void
ep_folder_close(struct ep_folder *folder)
{
	ep_fd_close(&folder->fd);
	free(EP_TAKE(folder->path));
}

/* ---- folders ---- */

/* Takes a descriptor and a path over. */
static enum ep_status
take(struct ep_folder *out, int *fd, char **path, struct ep_error *err)
{
	if (!*path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*out = (struct ep_folder){ .fd = ep_fd_take(fd), .path = EP_TAKE(*path) };
	return EP_OK;
}

enum ep_status
ep_folder_open(struct ep_folder *out, const char *path, struct ep_error *err)
{
	EP_FREE char *copy = strdup(path);
	EP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ep_fail(err, EP_NOT_FOUND, "there is no folder %s", path);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open the folder %s", path);
	return take(out, &fd, &copy, err);
}

enum ep_status
ep_folder_enter(struct ep_folder *out, const struct ep_folder *folder, const char *name,
                struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder->path, name);
	EP_FD int fd = openat(folder->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return ep_fail(err, EP_NOT_FOUND, "there is no folder %s/%s", folder->path, name);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return ep_fail(err, EP_BAD_INPUT,
		               "%s/%s is not a folder, or is a link, which is not followed here",
		               folder->path, name);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open the folder %s/%s", folder->path,
		                     name);
	return take(out, &fd, &path, err);
}

/* Makes the names in a folder durable. */
static enum ep_status
sync_names(const struct ep_folder *folder, struct ep_error *err)
{
	if (fsync(folder->fd) != 0 && errno != EINVAL)
		return ep_fail_errno(err, errno, "cannot flush the folder %s to disk",
		                     folder->path);
	return EP_OK;
}

enum ep_status
ep_folder_make(struct ep_folder *out, const struct ep_folder *folder, const char *name,
               struct ep_error *err)
{
	if (mkdirat(folder->fd, name, 0777) == 0)
		EP_TRY(sync_names(folder, err));
	else if (errno != EEXIST)
		return ep_fail_errno(err, errno, "cannot create the folder %s/%s", folder->path,
		                     name);
	return ep_folder_enter(out, folder, name, err);
}

enum ep_status
ep_folder_list(DIR **names, const struct ep_folder *folder, struct ep_error *err)
{
	EP_FD int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *opened = fd < 0 ? NULL : fdopendir(fd);
	if (!opened)
		return ep_fail_errno(err, errno, "cannot read the folder %s", folder->path);
	(void)ep_fd_take(&fd); /* it is closed with the list */
	*names = opened;
	return EP_OK;
}

/* ---- files ---- */

static enum ep_status
no_file(const struct ep_folder *folder, const char *name, struct ep_error *err)
{
	return ep_fail(err, EP_BAD_INPUT, "%s/%s is not a regular file", folder->path, name);
}

enum ep_status
ep_folder_open_file(int *out, uint64_t *size, const struct ep_folder *folder, const char *name,
                    struct ep_error *err)
{
	struct stat info;
	/* Looked at first, as opening a device may do something; again when it is open, as it may
	 * have become another. */
	if (fstatat(folder->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(info.st_mode))
		return no_file(folder, name, err);
	EP_FD int fd =
		openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return ep_fail(err, EP_NOT_FOUND, "there is no file %s/%s", folder->path, name);
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return no_file(folder, name, err);
	if (fd < 0 || fstat(fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot open %s/%s", folder->path, name);
	if (!S_ISREG(info.st_mode))
		return no_file(folder, name, err);
	if (size)
		*size = (uint64_t)info.st_size;
	*out = ep_fd_take(&fd);
	return EP_OK;
}

enum ep_status
ep_folder_read(struct ep_buffer *out, const struct ep_folder *folder, const char *name, size_t max,
               struct ep_error *err)
{
	EP_FD int fd = -1;
	uint64_t size = 0;
	EP_FREE char *path = ep_path_join(folder->path, name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_folder_open_file(&fd, &size, folder, name, err));
	if (size > max)
		return ep_fail(err, EP_BAD_INPUT, "%s is larger than %zu bytes", path, max);
	return ep_read_all(out, fd, path, max, err);
}

/* Writes a new file, syncs and closes it. */
static enum ep_status
write_new(const struct ep_folder *folder, const char *part, const void *bytes, size_t size,
          unsigned mode, struct ep_error *err)
{
	if (unlinkat(folder->fd, part, 0) != 0 && errno != ENOENT)
		return ep_fail_errno(err, errno, "cannot remove %s/%s", folder->path, part);
	EP_FD int fd = openat(folder->fd, part,
	                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot create %s/%s", folder->path, part);
	EP_TRY(ep_write_all(fd, bytes, size, part, err));
	int failed = fsync(fd) != 0 ? errno : 0;
	if (close(ep_fd_take(&fd)) != 0 && !failed)
		failed = errno;
	return failed ? ep_fail_errno(err, failed, "cannot write %s/%s", folder->path, part)
	              : EP_OK;
}

enum ep_status
ep_folder_write(const struct ep_folder *folder, const char *name, const void *bytes, size_t size,
                unsigned mode, struct ep_error *err)
{
	EP_FREE char *part = NULL;
	if (asprintf(&part, "%s.part", name) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	enum ep_status status = write_new(folder, part, bytes, size, mode, err);
	if (status == EP_OK && renameat(folder->fd, part, folder->fd, name) != 0)
		status = ep_fail_errno(err, errno, "cannot rename %s/%s to %s", folder->path, part,
		                       name);
	if (status != EP_OK) {
		(void)unlinkat(folder->fd, part, 0);
		return status;
	}
	return sync_names(folder, err);
}

bool
ep_folder_has(const struct ep_folder *folder, const char *name, uint64_t size)
{
	struct stat info;
	return fstatat(folder->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(info.st_mode) && (uint64_t)info.st_size == size;
}

enum ep_status
ep_folder_lock(int *out, const struct ep_folder *folder, const char *name, struct ep_error *err)
{
	struct stat info;
	if (fstatat(folder->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(info.st_mode))
		return no_file(folder, name, err);
	EP_FD int fd =
		openat(folder->fd, name,
	               O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return no_file(folder, name, err);
	if (fd < 0 || fstat(fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot open %s/%s", folder->path, name);
	/* A file with a second name may be somebody's, elsewhere. */
	if (!S_ISREG(info.st_mode) || info.st_nlink > 1)
		return no_file(folder, name, err);
	while (flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR)
			return ep_fail_errno(err, errno, "cannot lock %s/%s", folder->path, name);
	}
	*out = ep_fd_take(&fd);
	return EP_OK;
}

enum ep_status
ep_folder_remove(const struct ep_folder *folder, const char *name, struct ep_error *err)
{
	return unlinkat(folder->fd, name, 0) == 0
	               ? EP_OK
	               : ep_fail_errno(err, errno, "cannot remove %s/%s", folder->path, name);
}
