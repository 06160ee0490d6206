/* playing.h - which song a stream plays, from the answers to its windows
 *
 *     answer -> track and beginning -> one of the plays that are heard -> now, when recognised
 *       -> before, when it is over
 *
 * A window's answer says which track it is most likely from, and by the offset when that track
 * began in the stream. Windows overlap and move with the stream: if it plays the track, all give
 * one beginning, to a few hundredths of a second. Two tracks that only sound alike give beginnings
 * that differ. So windows that agree are strong evidence together, also those whose score alone is
 * too low to name a track.
 */
#ifndef EP_MATCH_PLAYING_H
#define EP_MATCH_PLAYING_H

#include "base/buffer.h"
#include "match/match.h"

/* Beginnings so near to the last one of a play, in seconds, agree with it. */
#define EP_PLAYING_AGREE_S 0.15

/* A window whose score is less than this says nothing. */
#define EP_PLAYING_SCORE_MIN 25

/* How strong a play is: what the scores of its windows have above EP_SCORE_ACCEPTED, summed up, and
 * EP_PLAYING_SPAN_WORTH for each second from the end of its first window to that of its last.
 * Windows that overlap have sound in common, and may agree on a false beginning; so may two that
 * music with a strict beat fits. Three are needed, and the less sound they have in common, the less
 * strong they need be: within 20 s, they need be no matches. A play that is so strong by so many
 * windows is recognised. */
#define EP_PLAYING_SPAN_WORTH 5
#define EP_PLAYING_STRENGTH 100
#define EP_PLAYING_WINDOWS 3

/* The track that plays, beginning again, needs so many: loops look like that for a while. */
#define EP_PLAYING_AGAIN_WINDOWS 4

/* A play that was not heard for this long, in seconds, is forgotten if it is not recognised. */
#define EP_PLAYING_GAP_S 40

/* The song that plays is over if it was not heard for this long, in seconds. */
#define EP_PLAYING_OVER_S 60

/* The last window that agrees has about this much of the song, in seconds: less is too little. */
#define EP_PLAYING_REST_S 22

/* Plays that are heard at once; with a window every 5 s there are never more. */
#define EP_PLAYING_HEARD 16

/* A track that begins somewhere in the stream. */
struct ep_play {
	struct ep_buffer track_id; /* empty until it is named */
	uint64_t position; /* of the track in the log; 0: no play */
	double start_s; /* where in the stream it begins, by the window of the best score */
	double newest_s; /* the same by the last window that agrees */
	double first_s; /* the end of the first window that agrees */
	double last_s; /* of the last one */
	double last_begin_s; /* where that begins */
	double speed; /* how many times as fast as the track the stream plays it, by that */
	uint32_t length_s; /* of the track, once it is named; 0: not known */
	int windows;
	int score; /* the best of them */
	int scores; /* what they have above EP_SCORE_ACCEPTED */
};

/* When a play ended of which windows tell that it was heard until heard_s: no later than its track
 * does. */
double ep_play_end(const struct ep_play *play, double heard_s);

/* Zeroed: nothing was heard yet. */
struct ep_playing {
	struct ep_play now; /* that was recognised last, and is not over */
	struct ep_play before; /* that is over */
	struct ep_play heard[EP_PLAYING_HEARD]; /* that are not recognised */
};
void ep_playing_free(struct ep_playing *playing);
#define EP_PLAYING __attribute__((cleanup(ep_playing_free)))

/* What an answer changes. */
struct ep_playing_news {
	bool over; /* playing->before is over, since over_s */
	double over_s;
	bool named; /* playing->now was recognised; its track_id is empty, and its length 0 */
};

/* Takes the answer to the window of the stream from begin_s to end_s; windows come in order. */
void ep_playing_hear(struct ep_playing_news *news, struct ep_playing *playing, double begin_s,
                     double end_s, const struct ep_answer *answer);

/* The speed of the song that plays or else of what was heard last, to be tried first; 1: unknown.
 */
double ep_playing_speed(const struct ep_playing *playing);

/* The stream ends at end_s, and so does the song that plays. */
void ep_playing_end(struct ep_playing_news *news, struct ep_playing *playing, double end_s);

#endif
