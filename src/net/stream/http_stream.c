#include "net/stream/http_stream.h"

#include "net/stream/hls_stream.h"
#include "net/stream/icy.h"
#include "net/stream/playlist.h"
#include "net/stream/transfer.h"

#include <stdlib.h>
#include <string.h>

/* A playlist may name a playlist, but not without end. */
#define LISTS_MAX 5

/* Where the bytes of a URL go: the first of them tell. */
struct opening {
	struct ep_transfer *transfer;
	struct ep_icy icy;
	bool is_begun; /* the server's answer is known */
	bool is_known; /* and so is whether it is sound or a playlist */
	bool is_list;
	struct ep_buffer text; /* the first bytes; of a playlist all of them */
	struct ep_error err;
};

/* ---- bytes ---- */

/* Decides what it is, by the bytes so far. */
static enum ep_status
decide(struct opening *opening, struct ep_error *err)
{
	struct ep_transfer *transfer = opening->transfer;
	const struct ep_download_answer *answer = ep_download_answer(transfer->download);
	opening->is_known = true;
	opening->is_list = ep_playlist_begins(ep_buffer_text(&opening->text), answer->type);
	if (opening->is_list)
		return EP_OK;
	EP_TRY(ep_player_start(transfer->player, err));
	return ep_player_write(transfer->player, opening->text.data, opening->text.size, err);
}

/* Takes bytes of sound, or of a playlist. */
static enum ep_status
take_bytes(struct opening *opening, const uint8_t *bytes, size_t size, struct ep_error *err)
{
	if (size == 0)
		return EP_OK;
	if (opening->is_known && !opening->is_list)
		return ep_player_write(opening->transfer->player, bytes, size, err);
	if (ep_buffer_append(&opening->text, bytes, size, NULL) != EP_OK)
		return ep_fail(err, EP_BAD_INPUT, "its playlist is larger than %zu KB",
		               opening->text.max >> 10);
	if (!opening->is_known && opening->text.size >= EP_PLAYLIST_HEAD)
		return decide(opening, err);
	return EP_OK;
}

/* Parts bytes into sound and titles. */
static enum ep_status
take_parts(struct opening *opening, const uint8_t *bytes, size_t size, struct ep_error *err)
{
	while (size > 0) {
		struct ep_text block;
		struct ep_text title;
		size_t sound;
		size_t used = ep_icy_take(&opening->icy, &sound, &block, bytes, size);
		EP_TRY(take_bytes(opening, bytes, sound, err));
		if (ep_icy_title(&title, block))
			EP_TRY(ep_station_tell_title(opening->transfer->station, title, err));
		bytes += used;
		size -= used;
	}
	return EP_OK;
}

static enum ep_download_taken
take(void *context, const uint8_t *bytes, size_t size)
{
	struct opening *opening = context;
	struct ep_transfer *transfer = opening->transfer;
	if (opening->is_known && !opening->is_list && !ep_player_ready(transfer->player))
		return EP_TAKEN_LATER;
	if (!opening->is_begun)
		ep_icy_begin(&opening->icy, ep_download_answer(transfer->download)->titles_every);
	opening->is_begun = true;
	ep_station_note_bytes(transfer->station, size);
	return take_parts(opening, bytes, size, &opening->err) == EP_OK ? EP_TAKEN_ALL
	                                                                : EP_TAKEN_NO_MORE;
}

/* ---- one URL ---- */

/* A server that has no more to send has failed: a stream has no end. */
static enum ep_status
play_rest(struct ep_player *player, struct ep_error *err)
{
	EP_TRY(ep_player_finish(player, err));
	return ep_fail(err, EP_UNREACHABLE, "the server ended the stream");
}

/* Says of what there was no sound. */
static enum ep_status
explain(struct opening *opening, enum ep_status status, struct ep_error *err)
{
	const struct ep_download_answer *answer = ep_download_answer(opening->transfer->download);
	if (status != EP_NOT_FOUND)
		return status;
	return ep_fail(err, EP_BAD_INPUT,
	               "the server sends no audio that is known (it calls it %s)",
	               answer->type[0] ? answer->type : "nothing");
}

static enum ep_status
run(struct opening *opening, const char *url, struct ep_error *err)
{
	struct ep_transfer *transfer = opening->transfer;
	const struct ep_download_request request = {
		.url = url, .titles = true, .take = take, .context = opening
	};
	EP_TRY(ep_transfer_run(transfer, &request, err));
	if (opening->err.status != EP_OK)
		return ep_fail(err, opening->err.status, "%s", opening->err.text);
	if (!opening->is_known && opening->text.size == 0)
		return ep_fail(err, EP_UNREACHABLE, "the server sent nothing");
	if (!opening->is_known)
		EP_TRY(decide(opening, err));
	return opening->is_list ? EP_OK : play_rest(transfer->player, err);
}

/* What a playlist leads to: the next URL, or HLS, which is played. */
static enum ep_status
follow(char **next, struct opening *opening, struct ep_error *err)
{
	struct ep_transfer *transfer = opening->transfer;
	struct ep_text text = ep_buffer_text(&opening->text);
	const char *base = ep_download_answer(transfer->download)->url;
	enum ep_playlist_kind kind = ep_playlist_kind_of(text);
	struct ep_text entry;
	if (kind == EP_PLAYLIST_HLS) {
		EP_FREE char *copy = strdup(base);
		if (!copy)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		return ep_hls_stream_play(transfer, copy, text, err);
	}
	if (!ep_playlist_entry(&entry, kind, text, transfer->station->attempt))
		return ep_fail(err, EP_BAD_INPUT, "its playlist names no stream");
	return ep_url_join(next, base, entry, err);
}

/* Plays one URL; *next is set where it leads to another. */
static enum ep_status
play_url(char **next, struct ep_transfer *transfer, const char *url, struct ep_error *err)
{
	struct opening *opening = calloc(1, sizeof *opening);
	if (!opening)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	opening->transfer = transfer;
	opening->text.max = EP_PLAYLIST_MAX;
	enum ep_status status = run(opening, url, err);
	if (status == EP_OK)
		status = follow(next, opening, err);
	else
		status = explain(opening, status, err);
	ep_buffer_free(&opening->text);
	free(opening);
	return status;
}

enum ep_status
ep_http_stream_play(struct ep_station *station, struct ep_error *err)
{
	EP_OWNED(ep_download_close)
	struct ep_download *download = NULL;
	EP_TRY(ep_download_open(&download, err));
	EP_PLAYER struct ep_player player;
	ep_player_begin(&player, station, true, 0);
	struct ep_transfer transfer = { station, download, &player };
	EP_FREE char *url = NULL;
	EP_TRY(ep_url_join(&url, "", ep_text_of(station->url), err));
	for (int i = 0; i < LISTS_MAX; i++) {
		char *next = NULL;
		EP_TRY(play_url(&next, &transfer, url, err));
		if (!next)
			return EP_OK;
		free(url);
		url = next;
	}
	return ep_fail(err, EP_BAD_INPUT, "its playlists name each other");
}
