#include "cli/stdin_sound.h"

#include "base/file.h"
#include "ingest/sounds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRONT 64
#define ENOUGH 12 /* bytes that tell what a file is */
#define CHUNK ((size_t)64 << 10)
#define WAIT_MS 100

/* Waits until there is something on a pipe, or its end. */
static enum ep_status
wait_for_front(const struct ep_call *call, struct ep_error *err)
{
	struct pollfd wanted = { .fd = STDIN_FILENO, .events = POLLIN };
	while (!atomic_load(call->stop)) {
		int ready = poll(&wanted, 1, WAIT_MS);
		if (ready > 0)
			return EP_OK;
		if (ready < 0 && errno != EINTR)
			return ep_fail_errno(err, errno, "cannot read standard input");
	}
	return ep_fail(err, EP_INTERRUPTED, "interrupted");
}

/* The first bytes of a pipe, which stay in it: through another pipe. */
static size_t
peek_pipe(char front[FRONT])
{
	int ends[2];
	ssize_t size = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return 0;
	if (tee(STDIN_FILENO, ends[1], FRONT, 0) > 0)
		size = read(ends[0], front, FRONT);
	close(ends[0]);
	close(ends[1]);
	return size > 0 ? (size_t)size : 0;
}

/* Whether it has come to this with standard input now: POLLIN, POLLHUP. */
static bool
has_come_to(short event)
{
	struct pollfd wanted = { .fd = STDIN_FILENO, .events = POLLIN };
	return poll(&wanted, 1, 0) > 0 && (wanted.revents & event);
}

/* The same, once there are enough of them to tell text from audio. */
static enum ep_status
wait_and_peek(size_t *size, char front[FRONT], const struct ep_call *call, struct ep_error *err)
{
	for (;;) {
		EP_TRY(wait_for_front(call, err));
		*size = peek_pipe(front);
		if (*size >= ENOUGH || memchr(front, '\n', *size) || has_come_to(POLLHUP))
			return EP_OK;
		if (!ep_rest(call))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
	}
}

static enum ep_status
peek(size_t *size, char front[FRONT], const struct stat *info, const struct ep_call *call,
     struct ep_error *err)
{
	*size = 0;
	if (S_ISREG(info->st_mode)) {
		ssize_t got = pread(STDIN_FILENO, front, FRONT, 0);
		*size = got > 0 ? (size_t)got : 0;
	} else if (S_ISFIFO(info->st_mode) && strcmp(call->arguments[0], "-") == 0) {
		EP_TRY(wait_and_peek(size, front, call, err));
	} else if (S_ISFIFO(info->st_mode) && has_come_to(POLLIN)) {
		*size = peek_pipe(front);
	}
	return EP_OK;
}

/* What the name of a descriptor leads to. */
static enum ep_status
name_of(char **path, int fd, bool real, struct ep_error *err)
{
	char name[32];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	*path = real ? realpath(name, NULL) : strdup(name);
	return *path ? EP_OK : ep_fail_errno(err, errno, "cannot name standard input");
}

/* Copies standard input into memory, which stays until the program ends. */
static enum ep_status
copy_all(char **path, const struct ep_call *call, struct ep_error *err)
{
	EP_FREE char *bytes = malloc(CHUNK);
	size_t all = 0;
	size_t got = 1;
	int fd = memfd_create("standard input", MFD_CLOEXEC);
	if (fd < 0 || !bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for standard input");
	while (got) {
		EP_TRY(wait_for_front(call, err));
		EP_TRY(ep_read_some(&got, STDIN_FILENO, bytes, CHUNK, "standard input", err));
		EP_TRY(ep_write_all(fd, bytes, got, "a copy of standard input", err));
		all += got;
		if (all > EP_STDIN_SOUND_MAX)
			return ep_fail(err, EP_BAD_INPUT,
			               "standard input has more than %zu MiB of audio: give the "
			               "name of the file",
			               EP_STDIN_SOUND_MAX >> 20);
	}
	return name_of(path, fd, false, err);
}

enum ep_status
ep_stdin_sound(char **path, bool copy, const struct ep_call *call, struct ep_error *err)
{
	char front[FRONT];
	struct stat info;
	size_t size;
	*path = NULL;
	if (fstat(STDIN_FILENO, &info) != 0)
		return ep_fail_errno(err, errno, "cannot read standard input");
	EP_TRY(peek(&size, front, &info, call, err));
	if (!ep_sounds_begin_so(front, size))
		return EP_OK;
	if (S_ISREG(info.st_mode))
		return name_of(path, STDIN_FILENO, true, err);
	return copy ? copy_all(path, call, err)
	            : ep_fail(err, EP_BAD_INPUT,
	                      "standard input is audio: give the name of its file");
}
