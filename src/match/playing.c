#include "match/playing.h"

#include <math.h>
#include <string.h>

/* Copies of one song are cut at their beginnings by a little, and are one to who listens. */
#define COPIES_S 2.5

void
ep_playing_free(struct ep_playing *playing)
{
	ep_buffer_free(&playing->now.track_id);
	ep_buffer_free(&playing->next.track_id);
	*playing = (struct ep_playing){ 0 };
}

static bool
is_track(const struct ep_play *play, struct ep_text id)
{
	return id.size > 0 && play->track_id.size == id.size &&
	       memcmp(play->track_id.data, id.at, id.size) == 0;
}

static bool
begins_at(const struct ep_play *play, double start_s, double within_s)
{
	return play->track_id.size > 0 && fabs(play->start_s - start_s) <= within_s;
}

/* Whether what begins at start_s is what is playing: the same track, unless it begins again behind
 * where it was last heard (loops fit at several places before that), or a copy of it. */
static bool
is_now(const struct ep_play *now, struct ep_text id, double start_s)
{
	if (begins_at(now, start_s, COPIES_S))
		return true;
	return is_track(now, id) && start_s < now->last_s - EP_PLAYING_GAP_S;
}

static void
add(struct ep_play *play, double start_s, double end_s, int score)
{
	if (score > play->score) {
		play->score = score;
		play->start_s = start_s;
	}
	play->strength = play->strength * EP_PLAYING_KEPT + score - EP_SCORE_ACCEPTED;
	play->windows++;
	play->last_s = end_s;
}

static enum ep_status
begin(struct ep_play *play, struct ep_text id, struct ep_error *err)
{
	struct ep_buffer kept = play->track_id;
	kept.size = 0;
	*play = (struct ep_play){ .track_id = kept };
	return ep_buffer_append(&play->track_id, id.at, id.size, err);
}

static bool
is_recognised(const struct ep_play *play, bool again)
{
	return play->windows >= (again ? EP_PLAYING_AGAIN_WINDOWS : EP_PLAYING_WINDOWS) &&
	       play->strength >= EP_PLAYING_STRENGTH;
}

enum ep_status
ep_playing_hear(bool *named, struct ep_playing *playing, double begin_s, double end_s,
                const struct ep_answer *answer, struct ep_error *err)
{
	struct ep_play *now = &playing->now;
	struct ep_play *next = &playing->next;
	double start_s = begin_s - answer->offset_s;
	*named = false;
	if (!answer->match)
		return EP_OK;
	if (is_now(now, answer->track_id, start_s)) {
		now->last_s = end_s;
		next->track_id.size = 0;
		return EP_OK;
	}
	if (!is_track(next, answer->track_id) || !begins_at(next, start_s, EP_PLAYING_AGREE_S) ||
	    end_s - next->last_s > EP_PLAYING_GAP_S)
		EP_TRY(begin(next, answer->track_id, err));
	add(next, start_s, end_s, answer->score);
	if (!is_recognised(next, is_track(now, answer->track_id)))
		return EP_OK;
	struct ep_play old = *now;
	*now = *next;
	*next = old;
	next->track_id.size = 0;
	*named = true;
	return EP_OK;
}
