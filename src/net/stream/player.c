#include "net/stream/player.h"

#include "base/file.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* Messages of the decoder that are taken before it is looked what else there is to do. */
#define TAKEN_AT_ONCE 16

void
ep_player_begin(struct ep_player *player, struct ep_station *station, bool live, double base)
{
	*player = (struct ep_player){ .station = station, .heard_s = ep_clock_s() };
	ep_pace_begin(&player->pace, live, base);
}

static void
close_pipe(struct ep_player *player)
{
	if (player->has_pipe)
		close(player->pipe);
	player->has_pipe = false;
}

/* Ends the decoder, but not the stream. */
static void
stop(struct ep_player *player)
{
	close_pipe(player);
	ep_live_close(player->live);
	player->live = NULL;
	player->backlog.size = player->sent = 0;
}

void
ep_player_end(struct ep_player *player)
{
	stop(player);
	ep_buffer_free(&player->backlog);
}

enum ep_status
ep_player_start_fd(struct ep_player *player, int fd, const struct ep_live_options *options,
                   struct ep_error *err)
{
	stop(player);
	player->heard_s = ep_clock_s();
	player->silent_bytes = 0;
	return ep_live_open(&player->live, player->station->nursery, fd, options, err);
}

enum ep_status
ep_player_start(struct ep_player *player, struct ep_error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return ep_fail_errno(err, errno, "cannot create a pipe for the decoder");
	EP_FD int reading = ends[0];
	EP_FD int writing = ends[1];
	/* The decoder's end waits. */
	if (fcntl(writing, F_SETFL, O_NONBLOCK) != 0)
		return ep_fail_errno(err, errno, "cannot create a pipe for the decoder");
	const struct ep_live_options options = { .name = "" };
	EP_TRY(ep_player_start_fd(player, reading, &options, err));
	player->pipe = ep_fd_take(&writing);
	player->has_pipe = true;
	return EP_OK;
}

/* ---- bytes ---- */

/* Writes what the pipe takes; gives how much. A reader that is gone is seen when its messages are
 * read: its bytes count as taken. */
static size_t
write_some(struct ep_player *player, const uint8_t *bytes, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t sent = write(player->pipe, bytes + done, size - done);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? done : size;
		done += (size_t)sent;
	}
	return done;
}

static bool
is_too_fast(const struct ep_player *player)
{
	return player->pace.live && ep_pace_ahead(&player->pace, ep_clock_s()) > EP_PACE_AHEAD_S;
}

bool
ep_player_ready(struct ep_player *player)
{
	size_t left = player->backlog.size - player->sent;
	if (player->has_pipe && left > 0)
		player->sent += write_some(player, player->backlog.data + player->sent, left);
	if (player->sent < player->backlog.size)
		return false;
	player->backlog.size = player->sent = 0;
	return player->has_pipe && !is_too_fast(player);
}

enum ep_status
ep_player_write(struct ep_player *player, const uint8_t *bytes, size_t size, struct ep_error *err)
{
	size_t sent = player->backlog.size > 0 ? 0 : write_some(player, bytes, size);
	player->silent_bytes += size;
	return ep_buffer_append(&player->backlog, bytes + sent, size - sent, err);
}

void
ep_player_close(struct ep_player *player)
{
	close_pipe(player);
}

/* ---- samples ---- */

static enum ep_status
take_samples(struct ep_player *player, const struct ep_live_news *news, struct ep_error *err)
{
	double clock = ep_clock_s();
	double at = ep_pace_take(&player->pace, news->count, ep_time_exact(), clock);
	bool joined = player->joined;
	player->joined = true;
	player->silent_bytes = 0;
	EP_TRY(ep_station_tell_samples(player->station, at, joined, news->samples, news->count,
	                               err));
	/* Whoever takes the samples may take long. */
	player->heard_s = ep_clock_s();
	return EP_OK;
}

enum ep_status
ep_player_check_patience(struct ep_player *player, struct ep_error *err)
{
	double clock = ep_clock_s();
	if (is_too_fast(player))
		player->heard_s = clock;
	if (clock - player->heard_s > EP_PLAYER_PATIENCE_S)
		return ep_fail(err, EP_BAD_INPUT, "no audio came for %d s", EP_PLAYER_PATIENCE_S);
	if (player->silent_bytes > EP_PLAYER_PATIENCE_BYTES)
		return ep_fail(err, EP_BAD_INPUT, "%zu MB came without any audio in them",
		               EP_PLAYER_PATIENCE_BYTES >> 20);
	return EP_OK;
}

enum ep_status
ep_player_take(bool *ended, struct ep_player *player, struct ep_error *err)
{
	struct ep_live_news news = { .kind = EP_LIVE_SAMPLES };
	*ended = false;
	for (int i = 0; i < TAKEN_AT_ONCE && news.kind != EP_LIVE_NOTHING; i++) {
		EP_TRY(ep_live_take(&news, player->live, err));
		if (news.kind == EP_LIVE_SAMPLES)
			EP_TRY(take_samples(player, &news, err));
		else if (news.kind == EP_LIVE_TITLE)
			EP_TRY(ep_station_tell_title(player->station, news.text, err));
		else if (news.kind == EP_LIVE_FORMAT)
			ep_station_note_format(player->station, news.text, news.sample_rate,
			                       news.bit_rate);
		*ended = news.kind == EP_LIVE_END;
		if (*ended)
			return EP_OK;
	}
	return ep_player_check_patience(player, err);
}

void
ep_player_wait(struct ep_player *player)
{
	struct pollfd wanted = { .fd = ep_live_socket(player->live), .events = POLLIN };
	(void)poll(&wanted, 1, EP_STATION_WAIT_MS);
}

enum ep_status
ep_player_finish(struct ep_player *player, struct ep_error *err)
{
	bool ended = player->live == NULL;
	while (!ended) {
		/* What the pipe did not take yet goes first. */
		if (player->has_pipe && player->sent == player->backlog.size)
			close_pipe(player);
		EP_TRY(ep_station_check(player->station, err));
		ep_player_wait(player);
		(void)ep_player_ready(player);
		EP_TRY(ep_player_take(&ended, player, err));
	}
	stop(player);
	return EP_OK;
}
