#include "cli/query_listen.h"

#include "base/time.h"
#include "cli/index_progress.h"
#include "format/json_text.h"
#include "match/listen.h"
#include "sound/audio.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* How long, in seconds, the index stays as it is while the log changes. */
#define REFRESH_S 30

struct session {
	const struct ep_call *call;
	struct ep_log *log;
	struct ep_index *index;
	struct ep_matcher *matcher;
	uint64_t position; /* of the log for which the index was opened last */
	double opened_s;
	uint64_t named;
	double shown;
};

#define MOMENT_TEXT 32

/* "1:02:03" in the stream; "-0:00:05" is before it began. */
static void
print_moment(char text[MOMENT_TEXT], double at_s)
{
	long long seconds = llround(fabs(at_s));
	snprintf(text, MOMENT_TEXT, "%s%lld:%02lld:%02lld", at_s < -0.5 ? "-" : "", seconds / 3600,
	         seconds / 60 % 60, seconds % 60);
}

/* ---- the index, as the log changes ---- */

static enum ep_status
look_at_log(uint64_t *position, const struct session *session, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, session->log, err));
	ep_log_state(&state, read);
	*position = state.position;
	return EP_OK;
}

/* Opens the index anew where the log has changed. While what changed it, a large ingest, is still
 * at it, the index stays as it was. */
static enum ep_status
refresh(struct session *session, struct ep_error *err)
{
	uint64_t position;
	struct ep_index *index = NULL;
	if (ep_clock_s() - session->opened_s < REFRESH_S)
		return EP_OK;
	session->opened_s = ep_clock_s();
	EP_TRY(look_at_log(&position, session, err));
	bool same = position == session->position;
	if (same && !ep_index_is_old(session->index))
		return EP_OK;
	enum ep_status status = EP_NOT_FOUND;
	if (same)
		status = ep_index_renew(session->index, session->log, err);
	if (status != EP_NOT_FOUND)
		return status;
	status = ep_index_open(&index, session->log, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	ep_index_close(session->index);
	session->index = index;
	session->position = position;
	return EP_OK;
}

/* ---- what the listener asks and tells ---- */

static enum ep_status
match(void *context, struct ep_answer *answer, struct ep_pairs *pairs, struct ep_error *err)
{
	struct session *session = context;
	EP_TRY(refresh(session, err));
	return ep_match(answer, session->matcher, session->index, pairs, err);
}

/* With -v every window is told; on a terminal, how far the stream is. */
static enum ep_status
on_window(void *context, double begin_s, double end_s, const struct ep_answer *answer,
          struct ep_error *err)
{
	(void)err;
	struct session *session = context;
	char until[MOMENT_TEXT];
	print_moment(until, end_s);
	if (session->call->verbose)
		ep_say("%.1f to %.1f s: %.*s, score %d, at %.1f s", begin_s, end_s,
		       answer->match ? ep_text_print_size(answer->track_id) : 1,
		       answer->match ? answer->track_id.at : "-", answer->score, answer->offset_s);
	if (ep_shows_progress(session->call))
		ep_show_progress(&session->shown, "listening, %s, %s", until,
		                 ep_counted(session->named, "song"));
	return EP_OK;
}

static json_t *
song_json(const struct ep_play *play, double end_s, const struct ep_answer *answer)
{
	return json_pack("{s:f, s:f, s:o, s:i, s:o, s:o, s:o}", "start_s", play->start_s, "heard_s",
	                 end_s, "track_id", ep_json_text(answer->track_id), "score", play->score,
	                 "artist", ep_json_text(answer->artist), "release",
	                 ep_json_text(answer->release), "track", ep_json_text(answer->track));
}

static void
print_song(const struct ep_play *play, const struct ep_answer *answer)
{
	const struct ep_text texts[] = { answer->artist, answer->track };
	char start[MOMENT_TEXT];
	print_moment(start, play->start_s);
	printf("%s\t", start);
	ep_print_text(answer->track_id);
	printf("\t%d", play->score);
	for (int i = 0; i < 2; i++) {
		printf("\t");
		ep_print_text(texts[i]);
	}
	printf("\n");
}

static enum ep_status
on_song(void *context, const struct ep_play *play, double end_s, const struct ep_answer *answer,
        struct ep_error *err)
{
	struct session *session = context;
	bool good = true;
	session->named++;
	if (session->call->json)
		good = ep_print_json(song_json(play, end_s, answer), EP_EXIT_DONE) == EP_EXIT_DONE;
	else
		print_song(play, answer);
	return good && fflush(stdout) == 0 ? EP_OK
	                                   : ep_fail(err, EP_IO, "cannot write to standard output");
}

/* ---- the whole ---- */

static enum ep_status
feed(void *context, const int16_t *samples, size_t count, struct ep_error *err)
{
	return ep_listener_feed(context, samples, count, err);
}

static enum ep_status
listen_to_end(struct session *session, struct ep_error *err)
{
	EP_OWNED(ep_listener_free)
	struct ep_listener *listener = NULL;
	struct ep_listen_calls calls = {
		.match = match, .on_window = on_window, .on_song = on_song, .context = session
	};
	EP_TRY(ep_listener_new(&listener, &calls, err));
	enum ep_status status =
		ep_audio_stream(STDIN_FILENO, session->call->stop, feed, listener, err);
	/* Ctrl-C is how a stream without end ends. */
	if (status != EP_OK && status != EP_INTERRUPTED)
		return status;
	return ep_listener_finish(listener, err);
}

static enum ep_status
open_all(struct session *session, struct ep_error *err)
{
	EP_TRY(ep_log_open(&session->log, session->call->folder, EP_LOG_READ, err));
	EP_TRY(ep_open_index(&session->index, &session->log, session->call, err));
	EP_TRY(look_at_log(&session->position, session, err));
	session->opened_s = ep_clock_s();
	return ep_matcher_new(&session->matcher, err);
}

enum ep_exit
ep_listen(const struct ep_call *call)
{
	struct session session = { .call = call };
	struct ep_error err = { 0 };
	enum ep_status status = open_all(&session, &err);
	if (status == EP_OK)
		status = listen_to_end(&session, &err);
	ep_show_progress(&session.shown, "%s", "");
	ep_matcher_free(session.matcher);
	ep_index_close(session.index);
	ep_log_close(session.log);
	if (status != EP_OK)
		return ep_give_up(call, &err);
	return session.named ? EP_EXIT_DONE : EP_EXIT_PARTLY;
}
