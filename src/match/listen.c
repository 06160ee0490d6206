#include "match/listen.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW ((size_t)EP_LISTEN_WINDOW_S * EP_SAMPLE_RATE)
#define WINDOW_MIN ((size_t)EP_LISTEN_WINDOW_MIN_S * EP_SAMPLE_RATE)
#define STEP ((size_t)EP_LISTEN_STEP_S * EP_SAMPLE_RATE)

struct ep_listener {
	struct ep_listen_calls calls;
	struct ep_generator *generator;
	struct ep_pairs pairs;
	struct ep_playing playing;
	uint64_t end; /* of the stream so far, in samples */
	size_t fresh; /* samples since the last window */
	size_t count; /* of the window: the newest samples of those that are here */
	size_t here;
	int16_t samples[WINDOW + STEP];
};

enum ep_status
ep_listener_new(struct ep_listener **out, const struct ep_listen_calls *calls, struct ep_error *err)
{
	EP_OWNED(ep_listener_free)
	struct ep_listener *listener = calloc(1, sizeof *listener);
	if (!listener)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	listener->calls = *calls;
	EP_TRY(ep_generator_new(&listener->generator, ep_generator_best(), err));
	*out = EP_TAKE(listener);
	return EP_OK;
}

void
ep_listener_free(struct ep_listener *listener)
{
	if (!listener)
		return;
	ep_generator_free(listener->generator);
	ep_pairs_free(&listener->pairs);
	ep_playing_free(&listener->playing);
	free(listener);
}

/* Names the play that was recognised and tells it, unless its track has gone from the log. */
static enum ep_status
tell_song(struct ep_listener *listener, double end_s, struct ep_answer *answer,
          struct ep_error *err)
{
	const struct ep_listen_calls *calls = &listener->calls;
	struct ep_play *now = &listener->playing.now;
	if (!answer->match) {
		enum ep_status status = calls->name(calls->context, answer, now->position, err);
		if (status == EP_NOT_FOUND)
			now->position = 0;
		if (status != EP_OK)
			return status == EP_NOT_FOUND ? EP_OK : status;
	}
	now->length_s = answer->length_s;
	EP_TRY(ep_buffer_append(&now->track_id, answer->track_id.at, answer->track_id.size, err));
	return calls->on_song(calls->context, now, end_s, answer, err);
}

static enum ep_status
tell(struct ep_listener *listener, const struct ep_playing_news *news, double end_s,
     struct ep_answer *answer, struct ep_error *err)
{
	const struct ep_listen_calls *calls = &listener->calls;
	if (news->over && calls->on_end)
		EP_TRY(calls->on_end(calls->context, &listener->playing.before, news->over_s, err));
	return news->named ? tell_song(listener, end_s, answer, err) : EP_OK;
}

/* Asks for the window as it is, and tells what that says. */
static enum ep_status
ask(struct ep_listener *listener, struct ep_error *err)
{
	const struct ep_listen_calls *calls = &listener->calls;
	double begin_s = (double)(listener->end - listener->count) / EP_SAMPLE_RATE;
	double end_s = (double)listener->end / EP_SAMPLE_RATE;
	struct ep_answer answer = { 0 };
	struct ep_playing_news news;
	listener->fresh = 0;
	listener->pairs.count = 0;
	ep_generator_start(listener->generator, 0);
	EP_TRY(ep_generator_feed(listener->generator,
	                         listener->samples + listener->here - listener->count,
	                         listener->count, err));
	EP_TRY(ep_generator_finish(&listener->pairs, listener->generator, err));
	EP_TRY(calls->match(calls->context, &answer, &listener->pairs,
	                    ep_playing_speed(&listener->playing), err));
	if (calls->on_window)
		EP_TRY(calls->on_window(calls->context, begin_s, end_s, &answer, err));
	ep_playing_hear(&news, &listener->playing, begin_s, end_s, &answer);
	return tell(listener, &news, end_s, &answer, err);
}

/* Puts count samples, at most a step, behind the window, of which the oldest make room. What stays
 * is moved once a step, however few samples come at a time. */
static void
push(struct ep_listener *listener, const int16_t *samples, size_t count)
{
	size_t kept = listener->count < WINDOW - count ? listener->count : WINDOW - count;
	if (listener->here + count > WINDOW + STEP) {
		memmove(listener->samples, listener->samples + listener->here - kept,
		        kept * sizeof *samples);
		listener->here = kept;
	}
	memcpy(listener->samples + listener->here, samples, count * sizeof *samples);
	listener->here += count;
	listener->count = kept + count;
	listener->fresh += count;
	listener->end += count;
}

enum ep_status
ep_listener_feed(struct ep_listener *listener, const int16_t *samples, size_t count,
                 struct ep_error *err)
{
	while (count > 0) {
		size_t wanted = STEP - listener->fresh % STEP;
		size_t part = count < wanted ? count : wanted;
		push(listener, samples, part);
		samples += part;
		count -= part;
		if (listener->fresh % STEP == 0 && listener->count >= WINDOW_MIN)
			EP_TRY(ask(listener, err));
	}
	return EP_OK;
}

enum ep_status
ep_listener_finish(struct ep_listener *listener, struct ep_error *err)
{
	double end_s = (double)listener->end / EP_SAMPLE_RATE;
	struct ep_playing_news news;
	if (listener->fresh > 0)
		EP_TRY(ask(listener, err));
	ep_playing_end(&news, &listener->playing, end_s);
	return tell(listener, &news, end_s, NULL, err);
}

const struct ep_play *
ep_listener_now(const struct ep_listener *listener)
{
	const struct ep_play *now = &listener->playing.now;
	return now->position > 0 ? now : NULL;
}
