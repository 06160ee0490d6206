#include "backup/part_file.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_MAX 16

struct ep_part_file {
	int fd;
	char *path;
	char *name; /* PATH.part; NULL where it is not ours, or not any more */
};

/* What stands under the final name may be replaced. O_NONBLOCK: a pipe without a writer. */
static enum ep_status
check_old(const char *path, const char *magic, size_t size, const char *what, struct ep_error *err)
{
	char front[MAGIC_MAX];
	struct stat info;
	size_t got;
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return EP_OK;
	if (fd < 0 || fstat(fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	bool good = S_ISREG(info.st_mode);
	if (good && info.st_size) {
		EP_TRY(ep_read_some(&got, fd, front, size, path, err));
		good = got == size && memcmp(front, magic, size) == 0;
	}
	return good ? EP_OK
	            : ep_fail(err, EP_BAD_INPUT,
	                      "%s exists and is not %s; remove it, or choose another name", path,
	                      what);
}

/* Opens PATH.part, locked: two that write one file would mix. */
static enum ep_status
open_part(struct ep_part_file *part, const char *name, struct ep_error *err)
{
	struct stat mine;
	struct stat there;
	part->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (part->fd < 0 || fstat(part->fd, &mine) != 0)
		return ep_fail_errno(err, errno, "cannot create %s", name);
	if (!S_ISREG(mine.st_mode))
		return ep_fail(err, EP_BAD_INPUT, "%s is not a regular file; remove it", name);
	/* Who had the lock before may have given the file its final name meanwhile. */
	if (flock(part->fd, LOCK_EX | LOCK_NB) != 0 || lstat(name, &there) != 0 ||
	    there.st_ino != mine.st_ino || there.st_dev != mine.st_dev)
		return ep_fail(err, EP_BAD_INPUT, "another process is writing %s", name);
	part->name = strdup(name); /* from now on it is ours, to be removed */
	if (!part->name)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (fchmod(part->fd, 0600) != 0 || ftruncate(part->fd, 0) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", name);
	return EP_OK;
}

enum ep_status
ep_part_file_open(struct ep_part_file **out, const char *path, const char *magic, size_t size,
                  const char *what, struct ep_error *err)
{
	EP_FREE char *name = NULL;
	EP_OWNED(ep_part_file_close)
	struct ep_part_file *part = calloc(1, sizeof *part);
	if (!part || asprintf(&name, "%s.part", path) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	part->fd = -1;
	part->path = strdup(path);
	if (!part->path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(check_old(path, magic, size, what, err));
	EP_TRY(open_part(part, name, err));
	*out = EP_TAKE(part);
	return EP_OK;
}

int
ep_part_file_fd(const struct ep_part_file *part)
{
	return part->fd;
}

enum ep_status
ep_part_file_publish(struct ep_part_file *part, struct ep_error *err)
{
	if (fsync(part->fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", part->name);
	if (rename(part->name, part->path) != 0)
		return ep_fail_errno(err, errno, "cannot rename %s to %s", part->name, part->path);
	free(EP_TAKE(part->name));
	return ep_sync_folder_of(part->path, err);
}

void
ep_part_file_close(struct ep_part_file *part)
{
	if (!part)
		return;
	if (part->name)
		(void)unlink(part->name);
	ep_fd_close(&part->fd);
	free(part->path);
	free(part->name);
	free(part);
}
