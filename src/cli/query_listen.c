#include "cli/query_listen.h"

#include "cli/open_node.h"
#include "format/json_text.h"
#include "node/fields_json.h"
#include "node/hear.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

struct session {
	const struct ep_call *call;
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
		ep_say("%.1f to %.1f s: %.*s, score %d, position %" PRIu64 " at %.2f s, speed %.4g",
		       begin_s, end_s, answer->match ? ep_text_print_size(answer->track_id) : 1,
		       answer->match ? answer->track_id.at : "-", answer->score,
		       answer->best_position, answer->best_offset_s, answer->speed);
	if (ep_shows_progress(session->call))
		ep_show_progress(&session->shown, "listening, %s, %s", until,
		                 ep_counted(session->named, "song"));
	return EP_OK;
}

/* NULL: no memory. */
static json_t *
song_json(const struct ep_play *play, double end_s, const struct ep_answer *answer)
{
	json_t *json =
		json_pack("{s:f, s:f, s:o, s:i, s:o, s:o, s:o}", "start_s", play->start_s,
	                  "heard_s", end_s, "track_id", ep_json_text(answer->track_id), "score",
	                  play->score, "artist", ep_json_text(answer->artist), "release",
	                  ep_json_text(answer->release), "track", ep_json_text(answer->track));
	if (json && answer->fields.size)
		json_object_set_new(json, "fields", ep_fields_json_of(answer->fields));
	return json;
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

/* With -v the end of a song is told, too. */
static enum ep_status
on_end(void *context, const struct ep_play *play, double end_s, struct ep_error *err)
{
	(void)err;
	struct session *session = context;
	struct ep_text id = { (const char *)play->track_id.data, play->track_id.size };
	if (session->call->verbose)
		ep_say("%.*s, which began at %.1f s, is over at %.1f s", ep_text_print_size(id),
		       id.at, play->start_s, end_s);
	return EP_OK;
}

static enum ep_status
listen(struct session *session, struct ep_error *err)
{
	struct ep_listen_calls calls = {
		.on_window = on_window, .on_song = on_song, .on_end = on_end, .context = session
	};
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, session->call, EP_LOG_READ, false, err));
	return ep_node_listen(node, STDIN_FILENO, &calls, err);
}

enum ep_exit
ep_listen(const struct ep_call *call)
{
	struct session session = { .call = call };
	struct ep_error err = { 0 };
	enum ep_status status = listen(&session, &err);
	ep_show_progress(&session.shown, "%s", "");
	if (status != EP_OK)
		return ep_give_up(call, &err);
	return session.named ? EP_EXIT_DONE : EP_EXIT_PARTLY;
}
