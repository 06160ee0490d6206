#include "monitor/channel_internal.h"

#include <math.h>

/* Less than this between two pieces of sound, in seconds, is no gap. */
#define GAP_MIN_S 1.0

/* A song that was heard until a moment was heard so many seconds before that, too: what answered is
 * a window. */
#define HEARD_BEFORE_S (EP_LISTEN_WINDOW_S - EP_LISTEN_WINDOW_MIN_S)

int64_t
ep_channel_ms(double at)
{
	return (int64_t)llround(at * 1000);
}

/* ---- what is written ---- */

enum ep_status
ep_channel_add(struct ep_channel *channel, enum ep_change_kind kind, double at, const char *reason,
               struct ep_error *err)
{
	struct ep_change change = { .kind = kind,
		                    .stream = channel->number,
		                    .at_ms = ep_channel_ms(at),
		                    .reason = ep_text_of(reason) };
	return ep_recorder_add(channel->options.recorder, &change, err);
}

enum ep_status
ep_channel_lose(struct ep_channel *channel, double at, const char *reason, struct ep_error *err)
{
	if (channel->lost)
		return EP_OK;
	channel->lost = true;
	return ep_channel_add(channel, EP_CHANGE_LOSE, at, reason, err);
}

static enum ep_status
regain(struct ep_channel *channel, double at, struct ep_error *err)
{
	if (!channel->lost)
		return EP_OK;
	channel->lost = false;
	return ep_channel_add(channel, EP_CHANGE_REGAIN, at, "", err);
}

enum ep_status
ep_channel_end_play(struct ep_channel *channel, double end_at, struct ep_error *err)
{
	struct ep_under_way *play = &channel->play;
	if (play->track_id.size == 0)
		return EP_OK;
	play->track_id.size = 0;
	channel->ended_at = fmax(end_at, play->start_at);
	return ep_channel_add(channel, EP_CHANGE_END, channel->ended_at, "", err);
}

/* ---- what the listener says ---- */

/* When a moment of the listener's stream was. */
static double
moment_of(const struct ep_channel *channel, double at_s)
{
	return channel->piece_at + at_s - channel->piece_s;
}

static enum ep_status
match(void *context, struct ep_answer *answer, struct ep_pairs *pairs, double speed,
      struct ep_error *err)
{
	struct ep_channel *channel = context;
	struct ep_match_speeds speeds = ep_match_speeds_from(speed);
	ep_arena_reset(&channel->texts);
	enum ep_status status = ep_query_service_match(answer, channel->options.queries,
	                                               &channel->texts, pairs, &speeds, err);
	/* While the index is made anew, nothing is recognised. */
	if (status == EP_NOT_FOUND)
		*answer = (struct ep_answer){ 0 };
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static enum ep_status
name(void *context, struct ep_answer *answer, uint64_t position, struct ep_error *err)
{
	struct ep_channel *channel = context;
	return ep_query_service_name(answer, channel->options.queries, &channel->texts, position,
	                             err);
}

enum ep_status
ep_channel_set_text(struct ep_buffer *to, struct ep_text text, struct ep_error *err)
{
	to->size = 0;
	return ep_buffer_append(to, text.at, text.size, err);
}

static bool
goes_on(const struct ep_under_way *play, struct ep_text track_id, double zero_at)
{
	return play->apart && ep_text_equal(ep_buffer_text(&play->track_id), track_id) &&
	       fabs(play->zero_at - zero_at) <= EP_CHANNEL_AGREE_S;
}

/* Since when the song can have been heard: no earlier than the first window with it began, and no
 * earlier than the song before can have ended. A station may leave out the beginning of a song. */
static double
first_at(const struct ep_channel *channel, const struct ep_play *song)
{
	const struct ep_under_way *before = &channel->play;
	double ended_at = before->track_id.size ? before->end_at : channel->ended_at;
	double window_at = moment_of(channel, song->first_s - EP_LISTEN_WINDOW_S);
	return fmax(channel->begin_at, fmax(window_at, ended_at - HEARD_BEFORE_S));
}

static enum ep_status
begin_play(struct ep_channel *channel, const struct ep_play *song, const struct ep_answer *answer,
           struct ep_error *err)
{
	struct ep_under_way *play = &channel->play;
	double zero_at = moment_of(channel, song->start_s);
	double start_at = fmax(zero_at, first_at(channel, song));
	EP_TRY(ep_channel_learn_end(channel, start_at, err));
	EP_TRY(ep_channel_end_play(channel, fmin(play->end_at, start_at), err));
	EP_TRY(ep_channel_set_text(&play->artist, answer->artist, err));
	EP_TRY(ep_channel_set_text(&play->track, answer->track, err));
	EP_TRY(ep_channel_set_text(&play->track_id, answer->track_id, err));
	play->zero_at = zero_at;
	play->start_at = start_at;
	play->end_at = moment_of(channel, ep_play_end(song, song->last_s));
	struct ep_change change = { .kind = EP_CHANGE_BEGIN,
		                    .play = { .stream = channel->number,
		                              .start_ms = ep_channel_ms(start_at),
		                              .end_ms = ep_channel_ms(play->end_at),
		                              .offset_ms =
		                                      (int32_t)ep_channel_ms(start_at - zero_at),
		                              .score = (uint32_t)song->score,
		                              .track_id = answer->track_id,
		                              .artist = answer->artist,
		                              .release = answer->release,
		                              .track = answer->track,
		                              .fields = answer->fields } };
	return ep_recorder_add(channel->options.recorder, &change, err);
}

static enum ep_status
on_song(void *context, const struct ep_play *song, double end_s, const struct ep_answer *answer,
        struct ep_error *err)
{
	(void)end_s;
	struct ep_channel *channel = context;
	struct ep_under_way *play = &channel->play;
	if (goes_on(play, answer->track_id, moment_of(channel, song->start_s)))
		play->end_at = moment_of(channel, ep_play_end(song, song->last_s));
	else
		EP_TRY(begin_play(channel, song, answer, err));
	play->apart = false;
	play->over = false;
	return EP_OK;
}

static enum ep_status
on_end(void *context, const struct ep_play *song, double end_s, struct ep_error *err)
{
	(void)song, (void)err;
	struct ep_channel *channel = context;
	if (channel->play.apart)
		return EP_OK;
	channel->play.end_at = moment_of(channel, end_s);
	channel->play.over = true;
	return EP_OK;
}

/* ---- sound ---- */

/* What was heard so far is apart from what comes. */
static enum ep_status
break_off(struct ep_channel *channel, struct ep_error *err)
{
	EP_OWNED(ep_listener_free)
	struct ep_listener *listener = EP_TAKE(channel->listener);
	if (!listener)
		return EP_OK;
	enum ep_status status = ep_listener_finish(listener, err);
	enum ep_status learnt =
		ep_channel_learn_end(channel, INFINITY, status == EP_OK ? err : NULL);
	/* Also where that failed: else the play under way would never end. */
	channel->play.apart = true;
	channel->play.over = false;
	return status == EP_OK ? learnt : status;
}

static enum ep_status
begin_listening(struct ep_channel *channel, double at, struct ep_error *err)
{
	struct ep_listen_calls calls = { .match = match,
		                         .name = name,
		                         .on_song = on_song,
		                         .on_end = on_end,
		                         .context = channel };
	EP_TRY(break_off(channel, err));
	if (channel->heard_at > 0 && at - channel->heard_at > GAP_MIN_S)
		EP_TRY(ep_channel_lose(channel, channel->heard_at, "the stream was interrupted",
		                       err));
	channel->begin_at = at;
	channel->fed_s = 0;
	channel->quiet = (struct ep_quiet){ 0 };
	return ep_listener_new(&channel->listener, &calls, err);
}

/* Takes over what the listener knows by now. */
static enum ep_status
look(struct ep_channel *channel, struct ep_error *err)
{
	struct ep_under_way *play = &channel->play;
	const struct ep_play *now = ep_listener_now(channel->listener);
	if (play->over || (play->apart && channel->fed_s > EP_CHANNEL_HEARD_S))
		EP_TRY(ep_channel_end_play(channel, play->end_at, err));
	else if (now && !play->apart)
		play->end_at = moment_of(channel, ep_play_end(now, now->last_s));
	if (now && !play->apart)
		ep_unknown_drop(&channel->unknown,
		                moment_of(channel,
		                          ep_play_end(now, now->last_begin_s + EP_PLAYING_REST_S)));
	play->over = false;
	return EP_OK;
}

enum ep_status
ep_channel_hear(struct ep_channel *channel, double at, bool joined, const int16_t *samples,
                size_t count, struct ep_error *err)
{
	if (!joined || !channel->listener)
		EP_TRY(begin_listening(channel, at, err));
	EP_TRY(regain(channel, at, err));
	channel->piece_at = at;
	channel->piece_s = channel->fed_s;
	channel->fed_s += (double)count / EP_SAMPLE_RATE;
	channel->heard_at = at + (double)count / EP_SAMPLE_RATE;
	ep_quiet_feed(&channel->quiet, samples, count);
	EP_TRY(ep_channel_learn(channel, at, samples, count, err));
	EP_TRY(ep_listener_feed(channel->listener, samples, count, err));
	return look(channel, err);
}

/* A stream at its end has ended what it played. */
enum ep_status
ep_channel_finish(struct ep_channel *channel, struct ep_error *err)
{
	EP_TRY(break_off(channel, err));
	EP_TRY(ep_channel_end_play(channel, channel->play.end_at, err));
	return channel->heard_at > 0 ? ep_channel_lose(channel, channel->heard_at,
	                                               "the stream was at its end", err)
	                             : EP_OK;
}
