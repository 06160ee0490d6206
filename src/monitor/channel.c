#include "monitor/channel_internal.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the calls of its stream ---- */

static void
copy_string(char *to, size_t size, struct ep_text text)
{
	if (text.size > size - 1)
		text.size = size - 1;
	if (text.size)
		memcpy(to, text.at, text.size);
	to[text.size] = '\0';
}

static enum ep_status
on_samples(void *context, double at, bool joined, const int16_t *samples, size_t count,
           struct ep_error *err)
{
	struct ep_channel *channel = context;
	pthread_mutex_lock(&channel->mutex);
	enum ep_status status = ep_channel_hear(channel, at, joined, samples, count, err);
	pthread_mutex_unlock(&channel->mutex);
	return status;
}

static enum ep_status
take_state(struct ep_channel *channel, enum ep_stream_state state, const char *why,
           struct ep_error *err)
{
	if (state == EP_STREAM_ENDED)
		return ep_channel_finish(channel, err);
	if (state == EP_STREAM_WAITING)
		return ep_channel_lose(
			channel, channel->heard_at > 0 ? channel->heard_at : channel->added_at, why,
			err);
	return EP_OK;
}

/* Takes over the reason, which is told until the stream plays again; gives whether it is new. */
static bool
take_why(struct ep_channel *channel, enum ep_stream_state state, const char *why)
{
	char old[WHY_MAX];
	memcpy(old, channel->why, sizeof old);
	if (*why || state == EP_STREAM_PLAYING)
		copy_string(channel->why, sizeof channel->why, ep_text_of(why));
	return strcmp(old, channel->why) != 0;
}

static void
say(const struct ep_channel *channel, const char *why)
{
	char line[EP_STREAM_NAME_MAX + WHY_MAX + 32];
	snprintf(line, sizeof line, "stream \"%s\": %s", channel->name,
	         *why ? why : "it is heard again");
	channel->options.on_line(channel->options.context, line);
}

static void
on_state(void *context, enum ep_stream_state state, const char *why, double retry_s)
{
	struct ep_channel *channel = context;
	struct ep_error err = { 0 };
	pthread_mutex_lock(&channel->mutex);
	if (take_state(channel, state, why, &err) != EP_OK)
		why = err.text;
	if (state != channel->state)
		channel->state_at = ep_time_exact();
	channel->state = state;
	channel->retry_at = ep_time_exact() + retry_s;
	bool is_new = take_why(channel, state, why);
	pthread_mutex_unlock(&channel->mutex);
	if (is_new)
		say(channel, why);
}

static void
on_title(void *context, struct ep_text title)
{
	struct ep_channel *channel = context;
	pthread_mutex_lock(&channel->mutex);
	copy_string(channel->title, sizeof channel->title, title);
	pthread_mutex_unlock(&channel->mutex);
}

static void
on_note(void *context, const char *text)
{
	say(context, text);
}

const struct ep_stream_calls ep_channel_calls = {
	.on_samples = on_samples, .on_state = on_state, .on_title = on_title, .on_note = on_note
};

static enum ep_status
note(struct ep_channel *channel, struct ep_error *err)
{
	struct ep_under_way *play = &channel->play;
	if (play->track_id.size && play->apart &&
	    ep_time_exact() - play->end_at > EP_CHANNEL_LOST_S)
		EP_TRY(ep_channel_end_play(channel, play->end_at, err));
	if (channel->heard_at <= channel->noted_at)
		return EP_OK;
	channel->noted_at = channel->heard_at;
	if (play->track_id.size)
		EP_TRY(ep_channel_add(channel, EP_CHANGE_HEAR, play->end_at, "", err));
	return ep_channel_add(channel, EP_CHANGE_HEARD, channel->heard_at, "", err);
}

enum ep_status
ep_channel_tick(struct ep_channel *channel, struct ep_error *err)
{
	pthread_mutex_lock(&channel->mutex);
	enum ep_status status = note(channel, err);
	pthread_mutex_unlock(&channel->mutex);
	return status;
}

bool
ep_channel_ended(struct ep_channel *channel)
{
	pthread_mutex_lock(&channel->mutex);
	bool ended = channel->state == EP_STREAM_ENDED;
	pthread_mutex_unlock(&channel->mutex);
	return ended;
}

/* ---- from first to last ---- */

/* What the log has of the play and the gap that are under way. */
static enum ep_status
take_up(struct ep_channel *channel, const struct ep_plays_read *read, struct ep_error *err)
{
	struct ep_logged_stream stream;
	struct ep_logged_play logged;
	struct ep_under_way *play = &channel->play;
	EP_TRY(ep_plays_stream(&stream, read, channel->number, err));
	channel->heard_at = channel->noted_at = (double)stream.heard_ms / 1000;
	channel->lost = stream.gap != 0;
	if (stream.play == 0)
		return EP_OK;
	EP_TRY(ep_plays_play(&logged, read, stream.play, err));
	EP_TRY(ep_channel_set_text(&play->track_id, logged.track_id, err));
	EP_TRY(ep_channel_set_text(&play->artist, logged.artist, err));
	EP_TRY(ep_channel_set_text(&play->track, logged.track, err));
	play->start_at = (double)logged.start_ms / 1000;
	play->zero_at = play->start_at - (double)logged.offset_ms / 1000;
	play->end_at = (double)logged.end_ms / 1000;
	play->apart = true;
	return EP_OK;
}

static enum ep_status
register_stream(struct ep_channel *channel, struct ep_error *err)
{
	EP_OWNED(ep_plays_abort)
	struct ep_plays_write *write = NULL;
	EP_TRY(ep_plays_write_begin(&write, channel->options.plays, err));
	EP_TRY(ep_plays_add_stream(&channel->number, write, ep_text_of(channel->name),
	                           ep_text_of(channel->tags), err));
	EP_TRY(take_up(channel, ep_plays_inside(write), err));
	EP_TRY(ep_plays_commit(EP_TAKE(write), err));
	return channel->heard_at > 0 ? ep_channel_lose(channel, channel->heard_at,
	                                               "the stream was not monitored", err)
	                             : EP_OK;
}

static char *
string_of(struct ep_text text)
{
	return text.size ? strndup(text.at, text.size) : strdup("");
}

enum ep_status
ep_channel_new(struct ep_channel **out, const struct ep_channel_options *options,
               struct ep_error *err)
{
	struct ep_channel *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_mutex_init(&made->mutex, NULL);
	EP_OWNED(ep_channel_free)
	struct ep_channel *channel = made;
	channel->options = *options;
	channel->name = string_of(options->config->name);
	channel->url = strdup(options->config->url);
	channel->shown_url = string_of(options->config->shown_url);
	channel->tags = string_of(options->config->tags);
	channel->added_at = channel->state_at = ep_time_exact();
	if (!channel->name || !channel->url || !channel->shown_url || !channel->tags)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(register_stream(channel, err));
	*out = EP_TAKE(channel);
	return EP_OK;
}

void
ep_channel_free(struct ep_channel *channel)
{
	if (!channel)
		return;
	ep_listener_free(channel->listener);
	ep_arena_free(&channel->texts);
	ep_buffer_free(&channel->play.track_id);
	ep_buffer_free(&channel->play.artist);
	ep_buffer_free(&channel->play.track);
	ep_unknown_free(&channel->unknown);
	pthread_mutex_destroy(&channel->mutex);
	free(channel->name);
	free(channel->url);
	free(channel->shown_url);
	free(channel->tags);
	free(channel);
}

void
ep_channel_retire(struct ep_channel *channel)
{
	(void)!ep_channel_end_play(channel, channel->play.end_at, NULL);
	if (channel->heard_at > 0)
		(void)!ep_channel_lose(channel, channel->heard_at,
		                       "the stream is no longer monitored", NULL);
}

bool
ep_channel_is(const struct ep_channel *channel, const struct ep_stream_config *config)
{
	return strcmp(channel->url, config->url) == 0 &&
	       ep_text_equal(ep_text_of(channel->tags), config->tags) &&
	       ep_text_equal(ep_text_of(channel->name), config->name);
}

struct ep_text
ep_channel_name(const struct ep_channel *channel)
{
	return ep_text_of(channel->name);
}

const char *
ep_channel_url(const struct ep_channel *channel)
{
	return channel->url;
}
