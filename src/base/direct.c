#include "base/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the disk is given at once, and how it has to lie in memory: a page is enough for all. */
#define BLOCK ((size_t)4 << 20)
#define ALIGNMENT 4096

struct ep_direct {
	const char *name;
	int fd;
	bool direct; /* not through the page cache */
	off_t written; /* bytes of the file */
	size_t used; /* bytes of the block */
	uint8_t *block;
};

enum ep_status
ep_direct_create(struct ep_direct **out, const char *path, const char *name, struct ep_error *err)
{
	EP_OWNED(ep_direct_close)
	struct ep_direct *file = calloc(1, sizeof *file);
	if (!file)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to write %s", name);
	file->fd = -1;
	file->name = name;
	file->block = aligned_alloc(ALIGNMENT, BLOCK);
	if (!file->block)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to write %s", name);
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
	file->fd = open(path, flags | O_DIRECT, 0666);
	file->direct = file->fd >= 0;
	if (file->fd < 0 && errno == EINVAL)
		file->fd = open(path, flags, 0666);
	if (file->fd < 0)
		return ep_fail_errno(err, errno, "cannot create %s", path);

	*out = EP_TAKE(file);
	return EP_OK;
}

/* From here on the file is written as usual. */
static enum ep_status
leave_direct(struct ep_direct *file, struct ep_error *err)
{
	int flags = fcntl(file->fd, F_GETFL);
	if (flags < 0 || fcntl(file->fd, F_SETFL, flags & ~O_DIRECT) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", file->name);
	file->direct = false;
	return EP_OK;
}

/* Writes some of the block from at on. */
static enum ep_status
write_some(size_t *written, struct ep_direct *file, size_t at, struct ep_error *err)
{
	for (;;) {
		ssize_t count = write(file->fd, file->block + at, file->used - at);
		if (count >= 0) {
			*written = (size_t)count;
			return EP_OK;
		}
		if (errno == EINVAL && file->direct)
			EP_TRY(leave_direct(file, err));
		else if (errno != EINTR)
			return ep_fail_errno(err, errno, "cannot write %s", file->name);
	}
}

/* Writes the block. */
static enum ep_status
flush(struct ep_direct *file, struct ep_error *err)
{
	if (file->used < BLOCK && file->direct)
		EP_TRY(leave_direct(file, err));
	for (size_t at = 0; at < file->used;) {
		size_t written = 0;
		EP_TRY(write_some(&written, file, at, err));
		at += written;
	}
	if (!file->direct)
		/* So that the sync at the end is short. */
		(void)sync_file_range(file->fd, file->written, (off_t)file->used,
		                      SYNC_FILE_RANGE_WRITE);
	file->written += (off_t)file->used;
	file->used = 0;
	return EP_OK;
}

enum ep_status
ep_direct_write(struct ep_direct *file, const void *bytes, size_t size, struct ep_error *err)
{
	const uint8_t *at = bytes;
	while (size > 0) {
		size_t part = BLOCK - file->used < size ? BLOCK - file->used : size;
		memcpy(file->block + file->used, at, part);
		file->used += part;
		at += part;
		size -= part;
		if (file->used == BLOCK)
			EP_TRY(flush(file, err));
	}
	return EP_OK;
}

enum ep_status
ep_direct_finish(struct ep_direct *file, struct ep_error *err)
{
	EP_TRY(flush(file, err));
	if (fsync(file->fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", file->name);
	return EP_OK;
}

void
ep_direct_close(struct ep_direct *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free(file->block);
	free(file);
}
