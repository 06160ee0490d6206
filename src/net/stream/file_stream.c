#include "net/stream/file_stream.h"

#include "base/file.h"
#include "base/time.h"
#include "net/stream/player.h"
#include "sound/sound.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define RAW "raw:"

struct source {
	const char *path;
	int fd; /* borrowed from owned, or standard input */
	int owned;
	bool raw;
	bool is_file; /* a regular one: all of it is there */
	bool has_end; /* its end is the end; else it is opened again */
};

static enum ep_status
open_path(struct source *source, struct ep_error *err)
{
	/* A pipe that nobody writes to must not hold up. */
	source->owned = open(source->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (source->owned < 0)
		return ep_fail_errno(err, errno, "cannot open it");
	source->fd = source->owned;
	return EP_OK;
}

/* Looks what it is. */
static enum ep_status
look(struct source *source, struct ep_error *err)
{
	struct stat info;
	struct statfs system;
	if (fstat(source->fd, &info) != 0 || fstatfs(source->fd, &system) != 0)
		return ep_fail_errno(err, errno, "cannot read it");
	if (S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode))
		return ep_fail(err, EP_BAD_INPUT,
		               "it is a %s: a stream is a URL, a file, a pipe or a sound device",
		               S_ISDIR(info.st_mode) ? "folder" : "disk");
	source->is_file = S_ISREG(info.st_mode);
	source->has_end = source->is_file || source->owned < 0 || system.f_type == PIPEFS_MAGIC;
	return EP_OK;
}

/* Waits for somebody to write into a pipe, which may take for ever; *ended if nobody will. */
static enum ep_status
wait_for_writer(bool *ended, struct ep_station *station, const struct source *source,
                struct ep_error *err)
{
	struct pollfd wanted = { .fd = source->fd, .events = POLLIN };
	int ready = 0;
	while (ready == 0) {
		EP_TRY(ep_station_check(station, err));
		ready = poll(&wanted, 1, EP_STATION_WAIT_MS);
		if (ready < 0 && errno == EINTR)
			ready = 0;
	}
	int flags = fcntl(source->fd, F_GETFL);
	if (ready < 0 || flags < 0 || fcntl(source->fd, F_SETFL, flags & ~O_NONBLOCK) != 0)
		return ep_fail_errno(err, errno, "cannot read it");
	*ended = source->has_end && (wanted.revents & POLLHUP) && !(wanted.revents & POLLIN);
	return EP_OK;
}

/* Gets it ready to be read from its start, or from where it is. */
static enum ep_status
make_ready(bool *ended, struct ep_station *station, const struct source *source,
           struct ep_error *err)
{
	EP_TRY(ep_station_check(station, err));
	if (!source->is_file)
		return wait_for_writer(ended, station, source, err);
	return lseek(source->fd, 0, SEEK_SET) == 0 ? EP_OK
	                                           : ep_fail_errno(err, errno, "cannot read it");
}

static enum ep_status
play(struct ep_station *station, const struct source *source, struct ep_error *err)
{
	EP_PLAYER struct ep_player player;
	double start_s = source->is_file ? (double)station->file_samples / EP_SOUND_RATE : 0;
	const struct ep_live_options options = { .name = source->path,
		                                 .start_s = start_s,
		                                 .raw = source->raw };
	bool ended = false;
	if (station->file_began == 0)
		station->file_began = ep_time_exact();
	ep_player_begin(&player, station, !source->is_file, station->file_began + start_s);
	EP_TRY(ep_player_start_fd(&player, source->fd, &options, err));
	while (!ended) {
		EP_TRY(ep_station_check(station, err));
		ep_player_wait(&player);
		uint64_t before = player.pace.samples;
		enum ep_status status = ep_player_take(&ended, &player, err);
		station->file_samples += player.pace.samples - before;
		EP_TRY(status);
	}
	return EP_OK;
}

enum ep_status
ep_file_stream_play(struct ep_station *station, struct ep_error *err)
{
	const size_t prefix = sizeof RAW - 1;
	struct source source = { .path = station->url, .fd = STDIN_FILENO, .owned = -1 };
	if (strncmp(source.path, RAW, prefix) == 0) {
		source.raw = true;
		source.path += prefix;
	}
	bool is_input = strcmp(source.path, "-") == 0;
	enum ep_status status = is_input ? EP_OK : open_path(&source, err);
	EP_FD int owned = source.owned;
	(void)owned;
	EP_TRY(status);
	EP_TRY(look(&source, err));
	bool ended = false;
	EP_TRY(make_ready(&ended, station, &source, err));
	if (ended)
		return EP_OK;
	EP_TRY(play(station, &source, err));
	return source.has_end ? EP_OK
	                      : ep_fail(err, EP_UNREACHABLE, "whoever wrote into it has ended");
}
