#include "node/play_json.h"

#include "base/time.h"
#include "format/json_text.h"
#include "node/fields_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int64_t
seconds_of(int64_t moment_ms)
{
	return moment_ms >= 0 ? moment_ms / 1000 : -((999 - moment_ms) / 1000);
}

void
ep_play_moment(char text[EP_TIME_TEXT], int64_t moment_ms)
{
	ep_time_print(text, seconds_of(moment_ms));
}

bool
ep_play_moment_read(int64_t *moment_ms, const char *text)
{
	char whole[] = "0000-01-01T00:00:00Z";
	int64_t seconds;
	size_t size = strlen(text);
	if (size != 10 && size != 13 && size != 16 && size != 19 && size != 20)
		return false;
	for (size_t i = 0; i < size; i++)
		whole[i] = text[i];
	if (whole[10] == ' ')
		whole[10] = 'T';
	if (!ep_time_parse(&seconds, ep_text_of(whole)))
		return false;
	*moment_ms = seconds * 1000;
	return true;
}

static json_t *
moment(int64_t moment_ms)
{
	char text[EP_TIME_TEXT];
	ep_play_moment(text, moment_ms);
	return json_string(text);
}

/* What the user says of a stream. */
static json_t *
tags_of(const struct ep_logged_stream *stream)
{
	json_t *tags =
		stream->tags.size ? json_loadb(stream->tags.at, stream->tags.size, 0, NULL) : NULL;
	return tags ? tags : json_object();
}

json_t *
ep_play_fields(const struct ep_logged_play *play)
{
	return play->fields.size ? ep_fields_json_of(play->fields) : json_object();
}

const char *
ep_play_field(const json_t *fields, const char *key)
{
	const char *value = json_string_value(json_object_get(fields, key));
	return value ? value : "";
}

json_t *
ep_play_json(const struct ep_logged_play *play, const struct ep_logged_stream *stream,
             enum ep_play_told told)
{
	json_t *fields = ep_play_fields(play);
	bool begun = told == EP_PLAY_TOLD_BEGUN;
	double length_s = (double)(play->end_ms - play->start_ms) / 1000;
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:i, s:o, s:o, s:o, s:s, s:o, s:o}",
	                 "play", (json_int_t)play->number, "stream", ep_json_text(stream->name),
	                 "track_id", ep_json_text(play->track_id), "start", moment(play->start_ms),
	                 "end", play->ended && !begun ? moment(play->end_ms) : json_null(),
	                 "duration_s", begun ? json_null() : json_real(length_s), "offset_s",
	                 (double)play->offset_ms / 1000, "score", (int)play->score, "artist",
	                 ep_json_text(play->artist), "release", ep_json_text(play->release),
	                 "track", ep_json_text(play->track), "isrc",
	                 ep_play_field(fields, EP_FIELD_ISRC), "fields", fields, "tags",
	                 tags_of(stream));
}

json_t *
ep_gap_json(const struct ep_gap *gap, const struct ep_logged_stream *stream)
{
	double length_s = (double)(gap->end_ms - gap->start_ms) / 1000;
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "stream", ep_json_text(stream->name), "start",
	                 moment(gap->start_ms), "end",
	                 gap->ended ? moment(gap->end_ms) : json_null(), "duration_s",
	                 gap->ended ? json_real(length_s) : json_null(), "reason",
	                 ep_json_text(gap->reason));
}

/* ---- an event ---- */

static json_t *
event_json(const struct ep_play_event *event, const struct ep_logged_play *play,
           const struct ep_logged_stream *stream, const char *log_id)
{
	bool begun = event->kind == EP_PLAY_BEGUN;
	char id[EP_TIME_TEXT + 64];
	snprintf(id, sizeof id, "%s-%" PRIu64, log_id, event->position);
	return json_pack("{s:s, s:s, s:o}", "id", id, "event", begun ? "begun" : "ended", "play",
	                 ep_play_json(play, stream, begun ? EP_PLAY_TOLD_BEGUN : EP_PLAY_TOLD_NOW));
}

enum ep_status
ep_play_event_text(char **text, const struct ep_plays_read *plays,
                   const struct ep_play_event *event, struct ep_error *err)
{
	struct ep_logged_play play;
	struct ep_logged_stream stream;
	char id[EP_PLAYS_ID_TEXT];
	EP_TRY(ep_plays_play(&play, plays, event->play, err));
	EP_TRY(ep_plays_stream(&stream, plays, play.stream, err));
	EP_TRY(ep_plays_id(id, plays, err));
	json_t *json = event_json(event, &play, &stream, id);
	char *made = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a play");
	*text = made;
	return EP_OK;
}
