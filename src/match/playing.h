/* playing.h - which song a stream plays, from the answers to its windows
 *
 * A window's answer says which track it is from, and by the offset when that began in the stream.
 * Windows overlap and move with the stream: if it plays the track, they all give one beginning. One
 * answer to unknown music in forty is wrong, and may come again as the next window has most of the
 * same sound; but such answers are weak. So a song is named when windows agree and are strong
 * enough together.
 */
#ifndef EP_MATCH_PLAYING_H
#define EP_MATCH_PLAYING_H

#include "base/buffer.h"
#include "match/match.h"

/* Beginnings so near each other, in seconds, are one. */
#define EP_PLAYING_AGREE_S 0.5

/* Each window that agrees adds its score above EP_SCORE_ACCEPTED to the strength of a play, of
 * which so much was kept of what the ones before gave. A play that is so strong by so many windows
 * is recognised. So of good windows two are enough, of middling ones four are needed, and of those
 * that are just accepted any number is too few. */
#define EP_PLAYING_KEPT 0.8
#define EP_PLAYING_STRENGTH 50
#define EP_PLAYING_WINDOWS 2

/* The track that plays, beginning again, needs so many: loops look like that for a while. */
#define EP_PLAYING_AGAIN_WINDOWS 4

/* If a song was not heard for this long, in seconds, it must be recognised again. */
#define EP_PLAYING_GAP_S 15

/* A track that begins somewhere in the stream. */
struct ep_play {
	struct ep_buffer track_id; /* empty: none */
	double start_s; /* where in the stream it begins, by the window of the best score */
	double last_s; /* the end of the last window that agrees */
	int windows;
	int score; /* the best of them */
	double strength;
};

/* Zeroed: nothing was heard yet. */
struct ep_playing {
	struct ep_play now; /* that was named last */
	struct ep_play next; /* that is not recognised yet */
};
void ep_playing_free(struct ep_playing *playing);
#define EP_PLAYING __attribute__((cleanup(ep_playing_free)))

/* Takes the answer to the window of the stream from begin_s to end_s; windows come in order.
 *
 * named  set true where by this answer a song is recognised which was not playing before: it is
 *        playing->now, and the answer has its texts; else false.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_playing_hear(bool *named, struct ep_playing *playing, double begin_s,
                                           double end_s, const struct ep_answer *answer,
                                           struct ep_error *err);

#endif
