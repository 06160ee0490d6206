/* listen.h - songs recognised in a stream of samples without end
 *
 *     samples -> the last EP_LISTEN_WINDOW_S seconds, every EP_LISTEN_STEP_S -> codes -> answer
 *       -> which song plays (playing.h)
 *
 * Each window is coded by itself, from its first sample on: what a code generator would remember of
 * hours, such as a long silence, plays no part. Memory is that of a window and a step.
 */
#ifndef EP_MATCH_LISTEN_H
#define EP_MATCH_LISTEN_H

#include "generator/generator.h"
#include "match/playing.h"

#define EP_LISTEN_WINDOW_S 30
#define EP_LISTEN_STEP_S 5

/* The first window of a stream may be as short as this. */
#define EP_LISTEN_WINDOW_MIN_S 10

/* Whom the listener asks and tells; all with context. */
struct ep_listen_calls {
	/* Answers pairs, which may be changed, by trying first the speed at which the last windows
	 * were found. The answer's texts are good until the next call. */
	enum ep_status (*match)(void *context, struct ep_answer *answer, struct ep_pairs *pairs,
	                        double speed, struct ep_error *err);
	/* Told every window from begin_s to end_s of the stream, and its answer; may be NULL. */
	enum ep_status (*on_window)(void *context, double begin_s, double end_s,
	                            const struct ep_answer *answer, struct ep_error *err);
	/* Fills the texts of an answer by the track at a position of the log, as match does.
	 * EP_NOT_FOUND  it is gone. */
	enum ep_status (*name)(void *context, struct ep_answer *answer, uint64_t position,
	                       struct ep_error *err);
	/* Told a song that was recognised when the stream was at end_s. The answer has its texts,
	 * and need not be a match: that windows agree may say more than their scores. */
	enum ep_status (*on_song)(void *context, const struct ep_play *play, double end_s,
	                          const struct ep_answer *answer, struct ep_error *err);
	/* Told that a song is over, which ended when the stream was at about end_s; may be NULL. By
	 * now it may be better known where it began. Each song that was told ends, at the latest
	 * with the stream. */
	enum ep_status (*on_end)(void *context, const struct ep_play *play, double end_s,
	                         struct ep_error *err);
	void *context;
};

struct ep_listener;

/* Makes a listener. calls is copied. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_listener_new(struct ep_listener **out,
                                           const struct ep_listen_calls *calls,
                                           struct ep_error *err);
void ep_listener_free(struct ep_listener *listener);
EP_DEFINE_OWNED(struct ep_listener, ep_listener_free)

/* Takes the next samples, EP_SAMPLE_RATE a second. EP_NO_MEMORY, and what the calls fail with. */
EP_MUST_USE enum ep_status ep_listener_feed(struct ep_listener *listener, const int16_t *samples,
                                            size_t count, struct ep_error *err);

/* The song that was recognised and is not over, or NULL: the last window that agrees ended at
 * last_s. Good until samples come. */
const struct ep_play *ep_listener_now(const struct ep_listener *listener);

/* Asks for what came since the last window, and ends the song that plays, at the end of the stream.
 * As ep_listener_feed. */
EP_MUST_USE enum ep_status ep_listener_finish(struct ep_listener *listener, struct ep_error *err);

#endif
