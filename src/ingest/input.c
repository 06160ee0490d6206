#include "ingest/input.h"

#include "base/file.h"
#include "format/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a wait for bytes lasts before it is looked whether to stop. */
#define WAIT_MS 100

/* After so long without bytes, what has come is worked on: longer than a busy pipe pauses, so that
 * tracks are not torn apart without need. */
#define STALL_MS 300

struct ep_input {
	int fd;
	bool close_fd;
	bool may_block; /* a pipe, a terminal, a socket */
	const char *name;
	char *path;
	const atomic_bool *stop;
	const atomic_bool *give_up;
	struct ep_bytes bytes; /* in memory */
	uint64_t size;
	_Atomic uint64_t done;
	struct ep_stream *stream;
};

static bool
stopped(const struct ep_input *input)
{
	return (input->stop && atomic_load(input->stop)) ||
	       (input->give_up && atomic_load(input->give_up));
}

static enum ep_status
wait_for_bytes(struct ep_input *input, struct ep_error *err)
{
	while (!stopped(input)) {
		struct pollfd wanted = { .fd = input->fd, .events = POLLIN };
		int ready = poll(&wanted, 1, WAIT_MS);
		if (ready > 0)
			return EP_OK;
		if (ready < 0 && errno != EINTR)
			return ep_fail_errno(err, errno, "cannot read %s", input->name);
	}
	return ep_fail(err, EP_INTERRUPTED, "interrupted");
}

static enum ep_status
read_file(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_input *input = context;
	if (input->may_block)
		EP_TRY(wait_for_bytes(input, err));
	else if (stopped(input))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	EP_TRY(ep_read_some(got, input->fd, bytes, size, input->name, err));
	atomic_fetch_add(&input->done, *got);
	return EP_OK;
}

static enum ep_status
read_memory(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_input *input = context;
	size_t done = (size_t)input->done;
	size_t left = input->bytes.size - done;
	if (stopped(input))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	*got = left < size ? left : size;
	if (*got)
		memcpy(bytes, input->bytes.at + done, *got);
	atomic_fetch_add(&input->done, *got);
	return EP_OK;
}

/* A pipe on which nothing comes for a while. */
static bool
file_stalls(void *context)
{
	const struct ep_input *input = context;
	struct pollfd wanted = { .fd = input->fd, .events = POLLIN };
	return input->may_block && poll(&wanted, 1, STALL_MS) == 0;
}

static enum ep_status
open_file(struct ep_input *input, const struct ep_input_from *from, struct ep_error *err)
{
	const char *path = from->name;
	if (from->kind == EP_INPUT_FD) {
		input->fd = from->fd;
		input->name = from->name;
		if (lseek(from->fd, 0, SEEK_SET) != 0)
			return ep_fail_errno(err, errno, "cannot read %s", from->name);
	} else if (strcmp(path, "-") == 0) {
		input->fd = STDIN_FILENO;
		input->name = "standard input";
	} else {
		input->path = strdup(path);
		if (!input->path)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		input->name = input->path;
		input->fd = open(path, O_RDONLY | O_CLOEXEC);
		if (input->fd < 0)
			return ep_fail(err, EP_NOT_FOUND, "cannot open %s: %s", path,
			               strerror(errno));
		input->close_fd = true;
	}
	struct stat info;
	if (fstat(input->fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot inspect %s", input->name);
	if (S_ISDIR(info.st_mode))
		return ep_fail(err, EP_NOT_FOUND, "%s is a folder: give the files in it",
		               input->name);
	input->may_block = !S_ISREG(info.st_mode);
	if (S_ISREG(info.st_mode) && info.st_size > 0)
		input->size = (uint64_t)info.st_size;
	return EP_OK;
}

enum ep_status
ep_input_of(struct ep_input **out, const struct ep_input_from *from, const atomic_bool *stop,
            const atomic_bool *give_up, struct ep_error *err)
{
	EP_OWNED(ep_input_close)
	struct ep_input *input = calloc(1, sizeof *input);
	if (!input)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	input->stop = stop;
	input->give_up = give_up;
	struct ep_source raw = { .read = read_file, .context = input, .stalls = file_stalls };
	if (from->kind == EP_INPUT_BYTES) {
		raw = (struct ep_source){ .read = read_memory, .context = input };
		input->name = from->name;
		input->bytes = from->bytes;
		input->size = from->bytes.size;
	} else {
		EP_TRY(open_file(input, from, err));
	}
	EP_TRY(ep_stream_open(&input->stream, raw, err));
	*out = EP_TAKE(input);
	return EP_OK;
}

enum ep_status
ep_input_open(struct ep_input **out, const char *path, const atomic_bool *stop,
              const atomic_bool *give_up, struct ep_error *err)
{
	struct ep_input_from from = { .kind = EP_INPUT_PATH, .name = path };
	return ep_input_of(out, &from, stop, give_up, err);
}

void
ep_input_close(struct ep_input *input)
{
	if (!input)
		return;
	ep_stream_close(input->stream);
	if (input->close_fd)
		close(input->fd);
	free(input->path);
	free(input);
}

struct ep_source
ep_input_source(struct ep_input *input)
{
	return ep_stream_source(input->stream);
}

const char *
ep_input_name(const struct ep_input *input)
{
	return input->name;
}

uint64_t
ep_input_size(const struct ep_input *input)
{
	return input->size;
}

uint64_t
ep_input_done(const struct ep_input *input)
{
	return atomic_load(&input->done);
}
