#include "net/stream/hls_stream.h"

#include "base/time.h"
#include "net/stream/hls.h"
#include "net/stream/playlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decoder of fMP4 remembers every segment: after so long it is replaced, between two segments. */
#define DECODER_MAX_S 1800.0

/* A playlist without new segments for so many target durations, and at least so long, has failed.
 */
#define STALE_TARGETS 6
#define STALE_S 60.0

/* What has longer segments is asked for no less often. */
#define TARGET_MAX_S 60.0

struct playing {
	struct ep_transfer *transfer;
	char *url; /* of the media playlist */
	struct ep_buffer text; /* the playlist; hls borrows from it */
	struct ep_hls hls;
	struct ep_buffer map; /* URL of the map that the decoder has */
	double decoder_s; /* when the decoder was started */
	double read_s; /* when the playlist was last asked for */
	double news_s; /* when it last had a new segment */
	bool fed; /* the decoder has a segment */
	bool played; /* a segment was played in this connection */
	bool gone; /* the last segment was passed over */
};

static double
target_of(const struct playing *playing)
{
	return playing->hls.target_s < TARGET_MAX_S ? playing->hls.target_s : TARGET_MAX_S;
}

/* How long there may be nothing new, in seconds. */
static double
patience_of(const struct playing *playing)
{
	double seconds = STALE_TARGETS * target_of(playing);
	return seconds > STALE_S ? seconds : STALE_S;
}

/* ---- playlists ---- */

/* Reads the playlist anew. */
static enum ep_status
reload(struct playing *playing, struct ep_error *err)
{
	playing->read_s = ep_clock_s();
	EP_TRY(ep_transfer_read(&playing->text, playing->transfer, playing->url, err));
	struct ep_text text = ep_buffer_text(&playing->text);
	if (ep_playlist_kind_of(text) != EP_PLAYLIST_HLS)
		return ep_fail(err, EP_BAD_INPUT, "what its playlist names is no HLS playlist");
	return ep_hls_read(&playing->hls, text, err);
}

/* Goes from a master playlist to that of the variant. */
static enum ep_status
find_media(struct playing *playing, struct ep_error *err)
{
	if (playing->hls.variant.size == 0)
		return EP_OK;
	char *url = NULL;
	EP_TRY(ep_url_join(&url, playing->url, playing->hls.variant, err));
	free(playing->url);
	playing->url = url;
	EP_TRY(reload(playing, err));
	return playing->hls.variant.size == 0
	               ? EP_OK
	               : ep_fail(err, EP_BAD_INPUT, "its HLS playlists name each other");
}

/* How much sound, in seconds, lies between the next segment and the place where a new listener
 * begins, which is near the live edge; 0 where it is not in the playlist, or nothing is added. */
static double
behind_s(const struct playing *playing)
{
	const struct ep_hls *hls = &playing->hls;
	double seconds = 0;
	uint64_t at = playing->transfer->station->segment;
	for (; at >= hls->sequence && at < ep_hls_begin(hls); at++)
		seconds += hls->segments[at - hls->sequence].duration_s;
	return seconds;
}

/* Chooses where to begin: where the connection before ended, if that is still there and not long
 * ago. */
static void
choose_begin(struct playing *playing)
{
	struct ep_station *station = playing->transfer->station;
	const struct ep_hls *hls = &playing->hls;
	if (!station->has_segment || station->segment < hls->sequence ||
	    station->segment > hls->sequence + hls->count || behind_s(playing) > EP_PACE_AHEAD_S)
		station->segment = ep_hls_begin(hls);
	station->has_segment = true;
	station->is_live = station->is_live || !hls->ended;
}

/* ---- segments ---- */

static enum ep_status
play_part(struct playing *playing, const struct ep_hls_part *part, struct ep_error *err)
{
	EP_FREE char *url = NULL;
	EP_TRY(ep_url_join(&url, playing->url, part->url, err));
	return ep_transfer_play(playing->transfer, url, part->from, part->size, err);
}

static bool
has_map(const struct playing *playing, const struct ep_hls_segment *segment)
{
	return ep_text_equal(ep_buffer_text(&playing->map), segment->map.url);
}

/* What was played so far is apart from what comes. */
static enum ep_status
break_off(struct playing *playing, struct ep_error *err)
{
	if (playing->fed)
		EP_TRY(ep_player_finish(playing->transfer->player, err));
	playing->fed = false;
	playing->transfer->player->joined = false;
	return EP_OK;
}

/* Starts a decoder where the one before cannot take this segment: it plays to its end first. */
static enum ep_status
prepare(struct playing *playing, const struct ep_hls_segment *segment, struct ep_error *err)
{
	struct ep_player *player = playing->transfer->player;
	bool is_mp4 = segment->map.url.size > 0;
	bool is_old = is_mp4 && ep_clock_s() - playing->decoder_s > DECODER_MAX_S;
	if (player->live && !segment->discontinuity && has_map(playing, segment) && !is_old)
		return EP_OK;
	if (playing->fed)
		EP_TRY(ep_player_finish(player, err));
	playing->fed = false;
	EP_TRY(ep_player_start(player, err));
	playing->decoder_s = ep_clock_s();
	playing->map.size = 0;
	EP_TRY(ep_buffer_append(&playing->map, segment->map.url.at, segment->map.url.size, err));
	return is_mp4 ? play_part(playing, &segment->map, err) : EP_OK;
}

static enum ep_status
play_segment(struct playing *playing, const struct ep_hls_segment *segment, struct ep_error *err)
{
	EP_TRY(prepare(playing, segment, err));
	EP_TRY(play_part(playing, &segment->part, err));
	playing->transfer->station->segment++;
	playing->fed = playing->played = true;
	playing->gone = false;
	playing->news_s = ep_clock_s();
	return EP_OK;
}

/* Whether the server does not have the file any more that was asked for last. */
static bool
is_gone(const struct playing *playing)
{
	long status = ep_download_answer(playing->transfer->download)->status;
	return status == 404 || status == 410;
}

/* Passes over a segment that is gone. The first of several in a row is told. */
static enum ep_status
pass_over(struct playing *playing, const struct ep_hls_segment *segment, struct ep_error *err)
{
	struct ep_station *station = playing->transfer->station;
	struct ep_player *player = playing->transfer->player;
	char line[128];
	snprintf(line, sizeof line,
	         "segment %" PRIu64 " of its playlist is not on the server, and is passed over",
	         station->segment);
	station->segment++;
	if (!playing->gone)
		ep_station_tell_note(station, line);
	playing->gone = true;
	EP_TRY(break_off(playing, err));
	/* The decoder may have a map without any segment. */
	ep_player_end(player);
	ep_pace_skip(&player->pace, segment->duration_s);
	return EP_OK;
}

/* Goes on near the live edge where segments went before they were fetched, or too many wait: the
 * moments begin anew. */
static enum ep_status
keep_up(struct playing *playing, struct ep_error *err)
{
	struct ep_station *station = playing->transfer->station;
	const struct ep_hls *hls = &playing->hls;
	if (station->segment >= hls->sequence && behind_s(playing) <= patience_of(playing))
		return EP_OK;
	EP_TRY(break_off(playing, err));
	ep_station_tell_note(station,
	                     "it fell behind the playlist, and goes on with the newest segments");
	station->segment = ep_hls_begin(hls);
	ep_pace_begin(&playing->transfer->player->pace, true, 0);
	return EP_OK;
}

/* Plays all segments that are there and were not played. */
static enum ep_status
play_segments(struct playing *playing, struct ep_error *err)
{
	struct ep_station *station = playing->transfer->station;
	const struct ep_hls *hls = &playing->hls;
	EP_TRY(keep_up(playing, err));
	while (station->segment < hls->sequence + hls->count) {
		const struct ep_hls_segment *segment =
			&hls->segments[station->segment - hls->sequence];
		enum ep_status status = play_segment(playing, segment, err);
		if (status == EP_UNREACHABLE && is_gone(playing))
			status = pass_over(playing, segment, err);
		EP_TRY(status);
	}
	if (!playing->gone || playing->played)
		return EP_OK;
	/* It is not at its end: the next attempt is from the beginning. */
	station->has_segment = !hls->ended;
	return ep_fail(err, EP_UNREACHABLE, "no segment of its HLS playlist is on the server");
}

/* Waits until the playlist may be asked for again: its target duration after the last time, or half
 * of that where it had nothing new (section 6.3.4). */
static enum ep_status
wait_for_news(struct playing *playing, bool had_news, struct ep_error *err)
{
	double target = target_of(playing);
	double now = ep_clock_s();
	if (now - playing->news_s > patience_of(playing))
		return ep_fail(err, EP_UNREACHABLE, "the HLS playlist had nothing new for %.0f s",
		               patience_of(playing));
	/* The playlist of the wait's start is the old one. */
	double next = playing->read_s + (had_news ? target : target / 2);
	return ep_transfer_pass(playing->transfer, next - now, err);
}

static enum ep_status
play_ended(struct playing *playing, struct ep_error *err)
{
	EP_TRY(break_off(playing, err));
	return playing->transfer->station->is_live
	               ? ep_fail(err, EP_UNREACHABLE, "the HLS stream has ended")
	               : EP_OK;
}

static enum ep_status
play(struct playing *playing, struct ep_error *err)
{
	struct ep_station *station = playing->transfer->station;
	EP_TRY(find_media(playing, err));
	playing->news_s = ep_clock_s();
	choose_begin(playing);
	for (;;) {
		uint64_t before = station->segment;
		EP_TRY(play_segments(playing, err));
		if (playing->hls.ended)
			return play_ended(playing, err);
		EP_TRY(wait_for_news(playing, station->segment != before, err));
		EP_TRY(reload(playing, err));
		/* A server that begins anew counts anew. */
		if (station->segment > playing->hls.sequence + playing->hls.count) {
			station->segment = ep_hls_begin(&playing->hls);
			playing->transfer->player->joined = false;
		}
	}
}

enum ep_status
ep_hls_stream_play(struct ep_transfer *transfer, const char *url, struct ep_text text,
                   struct ep_error *err)
{
	struct playing playing = { .transfer = transfer, .url = strdup(url) };
	playing.text.max = EP_PLAYLIST_MAX;
	playing.read_s = ep_clock_s();
	enum ep_status status = playing.url ? ep_hls_read(&playing.hls, text, err)
	                                    : ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (status == EP_OK)
		status = play(&playing, err);
	ep_hls_free(&playing.hls);
	ep_buffer_free(&playing.text);
	ep_buffer_free(&playing.map);
	free(playing.url);
	return status;
}
