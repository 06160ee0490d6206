#include "monitor/channel_internal.h"

#include "base/time.h"
#include "format/json_text.h"
#include "node/play_json.h"

#include <math.h>

/* A song that was not heard for so long plays no more, for who looks. */
#define PLAYING_S 60

static bool
plays_now(const struct ep_channel *channel)
{
	const struct ep_under_way *play = &channel->play;
	return channel->state == EP_STREAM_PLAYING && play->track_id.size > 0 && !play->apart &&
	       channel->heard_at - play->end_at <= PLAYING_S;
}

static bool
is_silent(const struct ep_channel *channel)
{
	return channel->quiet.silent_s >= EP_CHANNEL_SILENCE_S;
}

static const char *
state_name(const struct ep_channel *channel)
{
	switch (channel->state) {
	case EP_STREAM_CONNECTING:
		return "connecting";
	case EP_STREAM_WAITING:
		return "waiting";
	case EP_STREAM_ENDED:
		return "ended";
	case EP_STREAM_PLAYING:
		break;
	}
	if (is_silent(channel))
		return "silence";
	return plays_now(channel) ? "playing" : "unknown";
}

/* Since when it is as state_name says. */
static double
since(const struct ep_channel *channel)
{
	bool lost = channel->state == EP_STREAM_CONNECTING || channel->state == EP_STREAM_WAITING;
	if (lost)
		return channel->heard_at > 0 ? channel->heard_at : channel->added_at;
	if (channel->state == EP_STREAM_ENDED)
		return channel->state_at;
	if (is_silent(channel))
		return channel->heard_at - channel->quiet.silent_s;
	return plays_now(channel) ? channel->play.start_at
	                          : fmax(channel->state_at, channel->ended_at);
}

static json_t *
moment(double at)
{
	char text[EP_TIME_TEXT];
	ep_play_moment(text, ep_channel_ms(at));
	return at > 0 ? json_string(text) : json_null();
}

static json_t *
song_json(const struct ep_channel *channel)
{
	const struct ep_under_way *play = &channel->play;
	if (!plays_now(channel))
		return json_null();
	return json_pack(
		"{s:o, s:o, s:o, s:o}", "track_id", ep_json_text(ep_buffer_text(&play->track_id)),
		"artist", ep_json_text(ep_buffer_text(&play->artist)), "track",
		ep_json_text(ep_buffer_text(&play->track)), "start", moment(play->start_at));
}

json_t *
ep_channel_json(struct ep_channel *channel, struct ep_streams *streams)
{
	struct ep_stream_facts facts = { 0 };
	(void)!ep_streams_facts(&facts, streams, channel, NULL);
	pthread_mutex_lock(&channel->mutex);
	bool waits = channel->state == EP_STREAM_WAITING;
	json_t *json = json_pack(
		"{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:i}", "stream",
		ep_json_text(ep_text_of(channel->name)), "url",
		ep_json_text(ep_text_of(channel->shown_url)), "state", state_name(channel), "since",
		moment(since(channel)), "heard", moment(channel->heard_at), "playing",
		song_json(channel), "title", ep_json_text(ep_text_of(channel->title)), "why",
		ep_json_text(ep_text_of(channel->why)), "retry",
		waits ? moment(channel->retry_at) : json_null(), "bytes", (json_int_t)facts.bytes,
		"connections", (json_int_t)facts.connections, "codec", facts.codec, "bit_rate",
		(int)facts.bit_rate);
	pthread_mutex_unlock(&channel->mutex);
	return json;
}
