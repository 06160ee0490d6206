#include "library/library_internal.h"

#include "match/listen.h"

#include <stdlib.h>
#include <string.h>

/* A play that waits to be taken. */
struct told {
	struct told *next;
	struct echoprint_play play;
	struct ep_arena texts;
};

struct echoprint_listener {
	struct echoprint_db *db;
	struct ep_listener *listener;
	struct ep_arena texts; /* of the last answer */
	struct ep_arena names; /* has those of the song that was recognised last: */
	struct ep_text artist;
	struct ep_text release;
	struct ep_text track;
	struct told *first; /* that waits */
	struct told **end; /* where the next one goes */
	struct told *taken; /* that the caller looks at */
};

static void
free_told(struct told *told)
{
	if (told)
		ep_arena_free(&told->texts);
	free(told);
}
EP_DEFINE_OWNED(struct told, free_told)

/* ---- what the listener asks ---- */

static enum ep_status
match(void *context, struct ep_answer *answer, struct ep_pairs *pairs, double speed,
      struct ep_error *err)
{
	struct echoprint_listener *listener = context;
	struct ep_place *place = listener->db->place;
	struct ep_match_speeds speeds = ep_match_speeds_from(speed);
	struct ep_query_service *queries;
	if (atomic_load(ep_place_stop(place)))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	ep_arena_reset(&listener->texts);
	EP_TRY(ep_place_queries(&queries, place, err));
	return ep_query_service_match(answer, queries, &listener->texts, pairs, &speeds, err);
}

static enum ep_status
name(void *context, struct ep_answer *answer, uint64_t position, struct ep_error *err)
{
	struct echoprint_listener *listener = context;
	struct ep_query_service *queries;
	EP_TRY(ep_place_queries(&queries, listener->db->place, err));
	return ep_query_service_name(answer, queries, &listener->texts, position, err);
}

/* ---- what it tells ---- */

static enum ep_status
new_told(struct told **out, const struct echoprint_listener *listener, const struct ep_play *play,
         double end_s, struct ep_error *err)
{
	EP_OWNED(free_told)
	struct told *told = calloc(1, sizeof *told);
	struct ep_text id = { (const char *)play->track_id.data, play->track_id.size };
	if (!told)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	told->play = (struct echoprint_play){ .size = sizeof told->play,
		                              .start_s = play->start_s,
		                              .end_s = end_s,
		                              .score = play->score };
	EP_TRY(ep_keep_text(&told->play.track_id, &told->texts, id, err));
	EP_TRY(ep_keep_text(&told->play.artist, &told->texts, listener->artist, err));
	EP_TRY(ep_keep_text(&told->play.release, &told->texts, listener->release, err));
	EP_TRY(ep_keep_text(&told->play.track, &told->texts, listener->track, err));
	*out = EP_TAKE(told);
	return EP_OK;
}

static void
append(struct echoprint_listener *listener, struct told *told)
{
	*listener->end = told;
	listener->end = &told->next;
}

static enum ep_status
on_song(void *context, const struct ep_play *play, double end_s, const struct ep_answer *answer,
        struct ep_error *err)
{
	struct echoprint_listener *listener = context;
	struct told *told = NULL;
	ep_arena_reset(&listener->names);
	EP_TRY(ep_arena_text(&listener->artist, &listener->names, answer->artist, err));
	EP_TRY(ep_arena_text(&listener->release, &listener->names, answer->release, err));
	EP_TRY(ep_arena_text(&listener->track, &listener->names, answer->track, err));
	EP_TRY(new_told(&told, listener, play, end_s, err));
	append(listener, told);
	return EP_OK;
}

/* The song that was recognised last. */
static enum ep_status
on_end(void *context, const struct ep_play *play, double end_s, struct ep_error *err)
{
	struct told *told = NULL;
	EP_TRY(new_told(&told, context, play, end_s, err));
	told->play.over = 1;
	append(context, told);
	return EP_OK;
}

/* ---- the door ---- */

static enum ep_status
listen(struct echoprint_listener **out, struct echoprint_db *db, struct ep_error *err)
{
	EP_TRY(ep_db_check(db, false, err));
	struct echoprint_listener *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct ep_listen_calls calls = {
		.match = match, .name = name, .on_song = on_song, .on_end = on_end, .context = made
	};
	made->db = db;
	made->end = &made->first;
	enum ep_status status = ep_listener_new(&made->listener, &calls, err);
	if (status == EP_OK)
		*out = made;
	else
		free(made);
	return status;
}

enum echoprint_status
echoprint_listen(struct echoprint_listener **out, struct echoprint_db *db,
                 struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, listen(out, db, &why), &why);
}

static enum ep_status
check(const struct echoprint_listener *listener, struct ep_error *err)
{
	if (!listener)
		return ep_fail(err, EP_USAGE, "the listener is NULL");
	return ep_db_check(listener->db, false, err);
}

enum echoprint_status
echoprint_listen_feed(struct echoprint_listener *listener, const int16_t *samples, size_t count,
                      struct echoprint_error *err)
{
	struct ep_error why;
	enum ep_status status = check(listener, &why);
	if (status == EP_OK && count && !samples)
		status = ep_fail(&why, EP_USAGE, "samples is NULL, but count is %zu", count);
	if (status == EP_OK && count)
		status = ep_listener_feed(listener->listener, samples, count, &why);
	return ep_told(err, status, &why);
}

enum echoprint_status
echoprint_listen_end(struct echoprint_listener *listener, struct echoprint_error *err)
{
	struct ep_error why;
	enum ep_status status = check(listener, &why);
	if (status == EP_OK)
		status = ep_listener_finish(listener->listener, &why);
	return ep_told(err, status, &why);
}

const struct echoprint_play *
echoprint_listen_next(struct echoprint_listener *listener)
{
	free_told(EP_TAKE(listener->taken));
	struct told *told = listener->first;
	if (!told)
		return NULL;
	listener->first = told->next;
	if (!told->next)
		listener->end = &listener->first;
	listener->taken = told;
	return &told->play;
}

void
echoprint_listen_close(struct echoprint_listener *listener)
{
	if (!listener)
		return;
	while (echoprint_listen_next(listener))
		continue;
	ep_listener_free(listener->listener);
	ep_arena_free(&listener->texts);
	ep_arena_free(&listener->names);
	free(listener);
}
