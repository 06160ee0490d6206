#include "match/playing.h"

#include <math.h>
#include <string.h>

/* Copies of one song are cut at their beginnings by a little, and are one to who listens. */
#define COPIES_S 2.5

/* A track that begins again does so at most this long before it was last heard, in seconds. */
#define AGAIN_S 15

void
ep_playing_free(struct ep_playing *playing)
{
	ep_buffer_free(&playing->now.track_id);
	ep_buffer_free(&playing->before.track_id);
	*playing = (struct ep_playing){ 0 };
}

/* Where in the stream the track begins that a window from begin_s on is of. */
static double
start_of(double begin_s, const struct ep_answer *answer)
{
	return begin_s - answer->best_offset_s / answer->speed;
}

static bool
begins_at(const struct ep_play *play, double start_s, double within_s)
{
	return play->position != 0 && fabs(play->newest_s - start_s) <= within_s;
}

static bool
agrees(const struct ep_play *play, uint64_t position, double start_s)
{
	return play->position == position && begins_at(play, start_s, EP_PLAYING_AGREE_S);
}

static double
strength(const struct ep_play *play)
{
	return play->scores + EP_PLAYING_SPAN_WORTH * (play->last_s - play->first_s);
}

double
ep_play_end(const struct ep_play *play, double heard_s)
{
	double end_s = play->start_s + play->length_s / play->speed;
	/* What is heard after the end has a wrong length. */
	bool known = play->length_s > 0 && end_s > play->last_begin_s;
	return known ? fmin(heard_s, end_s) : heard_s;
}

static void
add(struct ep_play *play, double begin_s, double end_s, const struct ep_answer *answer)
{
	double start_s = start_of(begin_s, answer);
	if (play->windows == 0 || answer->score > play->score) {
		play->score = answer->score;
		play->start_s = start_s;
	}
	if (answer->score > EP_SCORE_ACCEPTED)
		play->scores += answer->score - EP_SCORE_ACCEPTED;
	if (play->windows++ == 0)
		play->first_s = end_s;
	play->newest_s = start_s;
	play->last_begin_s = begin_s;
	play->last_s = end_s;
	play->speed = answer->speed;
}

/* The play among those heard that a window agrees with, or a new one, in the place of the one that
 * was heard longest ago. */
static struct ep_play *
find_heard(struct ep_playing *playing, uint64_t position, double start_s)
{
	struct ep_play *oldest = &playing->heard[0];
	for (int i = 0; i < EP_PLAYING_HEARD; i++) {
		struct ep_play *play = &playing->heard[i];
		if (agrees(play, position, start_s))
			return play;
		if (play->position == 0 || (oldest->position != 0 && play->last_s < oldest->last_s))
			oldest = play;
	}
	*oldest = (struct ep_play){ .position = position, .newest_s = start_s };
	return oldest;
}

static void
forget(struct ep_playing *playing, double end_s)
{
	for (int i = 0; i < EP_PLAYING_HEARD; i++) {
		if (end_s - playing->heard[i].last_s > EP_PLAYING_GAP_S)
			playing->heard[i].position = 0;
	}
}

/* Ends the song that plays, if there is one. What followed it begins at next_s: if that is about
 * where its last window ends, it is when the song ended. */
static void
end_now(struct ep_playing_news *news, struct ep_playing *playing, double next_s)
{
	struct ep_play *before = &playing->before;
	struct ep_buffer kept = before->track_id;
	if (playing->now.position == 0)
		return;
	*before = playing->now;
	playing->now = (struct ep_play){ .track_id = kept };
	playing->now.track_id.size = 0;
	bool follows = next_s > before->last_begin_s && next_s < before->last_s + AGAIN_S;
	news->over = true;
	news->over_s =
		ep_play_end(before, follows ? next_s : before->last_begin_s + EP_PLAYING_REST_S);
}

/* Takes what is known of where the track that plays begins: by loops it fits at several places, and
 * the strongest is the right one. */
static void
correct(struct ep_play *now, struct ep_play *heard)
{
	if (strength(heard) <= strength(now))
		return;
	struct ep_play other = *now;
	struct ep_buffer track_id = now->track_id;
	*now = *heard;
	now->track_id = track_id;
	now->length_s = other.length_s;
	now->last_begin_s = fmax(now->last_begin_s, other.last_begin_s);
	*heard = other;
	heard->track_id = (struct ep_buffer){ 0 };
	heard->length_s = 0;
}

static bool
is_recognised(const struct ep_play *play, bool again)
{
	return play->windows >= (again ? EP_PLAYING_AGAIN_WINDOWS : EP_PLAYING_WINDOWS) &&
	       strength(play) >= EP_PLAYING_STRENGTH;
}

/* Takes a window that does not agree with what plays. */
static void
hear_other(struct ep_playing_news *news, struct ep_playing *playing, double begin_s, double end_s,
           const struct ep_answer *answer)
{
	struct ep_play *now = &playing->now;
	double start_s = start_of(begin_s, answer);
	struct ep_play *heard = find_heard(playing, answer->best_position, start_s);
	bool same = now->position == answer->best_position;
	add(heard, begin_s, end_s, answer);
	if (same && start_s < now->last_s - AGAIN_S) {
		if (answer->match)
			now->last_s = end_s;
		correct(now, heard);
		return;
	}
	if (!is_recognised(heard, same))
		return;
	end_now(news, playing, start_s);
	struct ep_buffer track_id = now->track_id;
	*now = *heard;
	now->track_id = track_id;
	heard->position = 0;
	news->named = true;
}

void
ep_playing_hear(struct ep_playing_news *news, struct ep_playing *playing, double begin_s,
                double end_s, const struct ep_answer *answer)
{
	struct ep_play *now = &playing->now;
	double start_s = start_of(begin_s, answer);
	*news = (struct ep_playing_news){ 0 };
	forget(playing, end_s);
	if (end_s - now->last_s > EP_PLAYING_OVER_S)
		end_now(news, playing, INFINITY);
	if (answer->best_position == 0 || answer->score < EP_PLAYING_SCORE_MIN)
		return;
	if (agrees(now, answer->best_position, start_s))
		add(now, begin_s, end_s, answer);
	else if (answer->match && begins_at(now, start_s, COPIES_S))
		now->last_s = end_s;
	else
		hear_other(news, playing, begin_s, end_s, answer);
}

double
ep_playing_speed(const struct ep_playing *playing)
{
	const struct ep_play *last = &playing->now;
	for (int i = 0; i < EP_PLAYING_HEARD && playing->now.position == 0; i++) {
		const struct ep_play *heard = &playing->heard[i];
		if (heard->position && (!last->position || heard->last_s > last->last_s))
			last = heard;
	}
	return last->position ? last->speed : 1;
}

void
ep_playing_end(struct ep_playing_news *news, struct ep_playing *playing, double end_s)
{
	*news = (struct ep_playing_news){ 0 };
	end_now(news, playing, end_s);
}
