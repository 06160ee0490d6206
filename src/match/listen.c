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

/* Asks for the window as it is, and tells what that says. */
static enum ep_status
ask(struct ep_listener *listener, struct ep_error *err)
{
	const struct ep_listen_calls *calls = &listener->calls;
	double begin_s = (double)(listener->end - listener->count) / EP_SAMPLE_RATE;
	double end_s = (double)listener->end / EP_SAMPLE_RATE;
	struct ep_answer answer = { 0 };
	bool named;
	listener->fresh = 0;
	listener->pairs.count = 0;
	ep_generator_start(listener->generator, 0);
	EP_TRY(ep_generator_feed(listener->generator,
	                         listener->samples + listener->here - listener->count,
	                         listener->count, err));
	EP_TRY(ep_generator_finish(&listener->pairs, listener->generator, err));
	EP_TRY(calls->match(calls->context, &answer, &listener->pairs, err));
	if (calls->on_window)
		EP_TRY(calls->on_window(calls->context, begin_s, end_s, &answer, err));
	EP_TRY(ep_playing_hear(&named, &listener->playing, begin_s, end_s, &answer, err));
	return named ? calls->on_song(calls->context, &listener->playing.now, end_s, &answer, err)
	             : EP_OK;
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
	return listener->fresh > 0 ? ask(listener, err) : EP_OK;
}
