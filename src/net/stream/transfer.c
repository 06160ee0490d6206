#include "net/stream/transfer.h"

#include "base/time.h"

#include <poll.h>

/* While a stream plays and sends no more than this in that time, bytes are looked for no more
 * often: it takes hardly any processor time then. A segment of HLS comes as fast as it can. */
#define NAP_MS 200
#define NAP_BYTES 32768

/* Plays what is there. Before there is any sound, a playlist may take as long as sound may. */
static enum ep_status
play(struct ep_transfer *transfer, struct ep_error *err)
{
	bool ended = false;
	if (!transfer->player->live)
		return ep_player_check_patience(transfer->player, err);
	EP_TRY(ep_player_take(&ended, transfer->player, err));
	return ended ? ep_fail(err, EP_BAD_INPUT, "the audio ended before its bytes did") : EP_OK;
}

/* Waits until there is something to do. */
static void
rest(struct ep_transfer *transfer, const struct ep_download_request *request, uint64_t moved)
{
	const struct ep_player *player = transfer->player;
	bool plays = request->titles && transfer->station->facts.state == EP_STREAM_PLAYING;
	bool has_backlog = player->has_pipe && player->sent < player->backlog.size;
	if (plays && !has_backlog && moved < NAP_BYTES)
		(void)poll(NULL, 0, NAP_MS);
	else
		ep_download_wait(transfer->download,
		                 player->live ? ep_live_socket(player->live) : -1,
		                 has_backlog ? player->pipe : -1, EP_STATION_WAIT_MS);
}

enum ep_status
ep_transfer_run(struct ep_transfer *transfer, const struct ep_download_request *request,
                struct ep_error *err)
{
	struct ep_station *station = transfer->station;
	struct ep_download *download = transfer->download;
	EP_TRY(ep_download_begin(download, request, err));
	for (;;) {
		bool done;
		uint64_t before = station->facts.bytes;
		EP_TRY(ep_station_check(station, err));
		EP_TRY(ep_download_step(&done, download, err));
		EP_TRY(play(transfer, err));
		if (done)
			return EP_OK;
		if (ep_download_is_paused(download) && ep_player_ready(transfer->player))
			ep_download_resume(download);
		else
			rest(transfer, request, station->facts.bytes - before);
	}
}

/* ---- into the player ---- */

struct to_player {
	struct ep_transfer *transfer;
	struct ep_error err;
};

static enum ep_download_taken
take_to_player(void *context, const uint8_t *bytes, size_t size)
{
	struct to_player *to = context;
	struct ep_player *player = to->transfer->player;
	if (!ep_player_ready(player))
		return EP_TAKEN_LATER;
	ep_station_note_bytes(to->transfer->station, size);
	return ep_player_write(player, bytes, size, &to->err) == EP_OK ? EP_TAKEN_ALL
	                                                               : EP_TAKEN_NO_MORE;
}

enum ep_status
ep_transfer_play(struct ep_transfer *transfer, const char *url, uint64_t from, uint64_t size,
                 struct ep_error *err)
{
	struct to_player to = { .transfer = transfer };
	const struct ep_download_request request = {
		.url = url, .from = from, .size = size, .take = take_to_player, .context = &to
	};
	EP_TRY(ep_transfer_run(transfer, &request, err));
	return to.err.status == EP_OK ? EP_OK : ep_fail(err, to.err.status, "%s", to.err.text);
}

/* ---- into a buffer ---- */

struct to_buffer {
	struct ep_transfer *transfer;
	struct ep_buffer *buffer;
	bool too_much;
};

static enum ep_download_taken
take_to_buffer(void *context, const uint8_t *bytes, size_t size)
{
	struct to_buffer *to = context;
	ep_station_note_bytes(to->transfer->station, size);
	to->too_much = ep_buffer_append(to->buffer, bytes, size, NULL) != EP_OK;
	return to->too_much ? EP_TAKEN_NO_MORE : EP_TAKEN_ALL;
}

enum ep_status
ep_transfer_read(struct ep_buffer *out, struct ep_transfer *transfer, const char *url,
                 struct ep_error *err)
{
	struct to_buffer to = { .transfer = transfer, .buffer = out };
	const struct ep_download_request request = { .url = url,
		                                     .take = take_to_buffer,
		                                     .context = &to };
	out->size = 0;
	EP_TRY(ep_transfer_run(transfer, &request, err));
	return to.too_much ? ep_fail(err, EP_BAD_INPUT, "its playlist is larger than %zu KB",
	                             out->max >> 10)
	                   : EP_OK;
}

enum ep_status
ep_transfer_pass(struct ep_transfer *transfer, double seconds, struct ep_error *err)
{
	double end = ep_clock_s() + seconds;
	for (double left; (left = end - ep_clock_s()) > 0;) {
		EP_TRY(ep_station_check(transfer->station, err));
		EP_TRY(play(transfer, err));
		(void)ep_player_ready(transfer->player);
		int wait_ms = left * 1000 < NAP_MS ? (int)(left * 1000) + 1 : NAP_MS;
		(void)poll(NULL, 0, wait_ms);
	}
	return EP_OK;
}
