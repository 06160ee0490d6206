#include "net/stream/hls_stream.h"

#include "base/time.h"
#include "net/stream/hls.h"
#include "net/stream/playlist.h"

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
};

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

/* Chooses where to begin: where the connection before ended, if that is still there. */
static void
choose_begin(struct playing *playing)
{
	struct ep_station *station = playing->transfer->station;
	const struct ep_hls *hls = &playing->hls;
	if (!station->has_segment || station->segment < hls->sequence ||
	    station->segment > hls->sequence + hls->count)
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

/* Starts a decoder where the one before cannot take this segment: it plays to its end first. */
static enum ep_status
prepare(struct playing *playing, const struct ep_hls_segment *segment, struct ep_error *err)
{
	struct ep_player *player = playing->transfer->player;
	bool is_mp4 = segment->map.url.size > 0;
	bool is_old = is_mp4 && ep_clock_s() - playing->decoder_s > DECODER_MAX_S;
	if (player->live && !segment->discontinuity && has_map(playing, segment) && !is_old)
		return EP_OK;
	EP_TRY(ep_player_finish(player, err));
	EP_TRY(ep_player_start(player, err));
	playing->decoder_s = ep_clock_s();
	playing->map.size = 0;
	EP_TRY(ep_buffer_append(&playing->map, segment->map.url.at, segment->map.url.size, err));
	return is_mp4 ? play_part(playing, &segment->map, err) : EP_OK;
}

/* Segments that went before they were fetched leave a gap: the moments begin anew. */
static void
note_gap(struct playing *playing)
{
	struct ep_station *station = playing->transfer->station;
	struct ep_player *player = playing->transfer->player;
	if (station->segment >= playing->hls.sequence)
		return;
	station->segment = playing->hls.sequence;
	player->joined = false;
	ep_pace_begin(&player->pace, true, 0);
}

/* Plays all segments that are there and were not played. */
static enum ep_status
play_segments(struct playing *playing, struct ep_error *err)
{
	struct ep_station *station = playing->transfer->station;
	const struct ep_hls *hls = &playing->hls;
	note_gap(playing);
	while (station->segment < hls->sequence + hls->count) {
		const struct ep_hls_segment *segment =
			&hls->segments[station->segment - hls->sequence];
		EP_TRY(prepare(playing, segment, err));
		EP_TRY(play_part(playing, &segment->part, err));
		station->segment++;
		playing->news_s = ep_clock_s();
	}
	return EP_OK;
}

/* Waits until the playlist may be asked for again: its target duration after the last time, or half
 * of that where it had nothing new (section 6.3.4). */
static enum ep_status
wait_for_news(struct playing *playing, bool had_news, struct ep_error *err)
{
	double target = playing->hls.target_s < TARGET_MAX_S ? playing->hls.target_s : TARGET_MAX_S;
	double patience = STALE_TARGETS * target > STALE_S ? STALE_TARGETS * target : STALE_S;
	double now = ep_clock_s();
	if (now - playing->news_s > patience)
		return ep_fail(err, EP_UNREACHABLE, "the HLS playlist had nothing new for %.0f s",
		               patience);
	/* The playlist of the wait's start is the old one. */
	double next = playing->read_s + (had_news ? target : target / 2);
	return ep_transfer_pass(playing->transfer, next - now, err);
}

static enum ep_status
play_ended(struct playing *playing, struct ep_error *err)
{
	EP_TRY(ep_player_finish(playing->transfer->player, err));
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
