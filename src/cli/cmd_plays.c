#include "base/time.h"
#include "cli/open_node.h"
#include "format/csv.h"
#include "node/play_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_FROM, OPTION_TO, OPTION_STREAM, OPTION_FORMAT, OPTION_GAPS };

static const struct ep_option options[] = {
	[OPTION_FROM] = { "from", 0, "DATE", "what began at this moment or later" },
	[OPTION_TO] = { "to", 0, "DATE", "what began before this moment" },
	[OPTION_STREAM] = { "stream", 0, "NAME", "of this stream only" },
	[OPTION_FORMAT] = { "format", 0, "FORMAT", "text (default), csv, or json" },
	[OPTION_GAPS] = { "gaps", 0, NULL, "the times in which streams were not heard, and why" },
	{ 0 },
};
static const struct ep_choices choices[] = {
	{ "format", "text csv json" },
	{ 0 },
};

enum format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON };

struct session {
	const struct ep_call *call;
	enum format format;
	bool gaps;
	struct ep_plays_range range;
	const struct ep_plays_read *read;
	struct ep_buffer row;
};

/* ---- one line ---- */

#define DURATION_TEXT 32

/* "1:02:03", or seconds where other programs read it. */
static void
print_duration(char text[DURATION_TEXT], const struct session *session, int64_t start_ms,
               int64_t end_ms)
{
	int64_t seconds = (end_ms - start_ms + 500) / 1000;
	if (session->format == FORMAT_CSV)
		snprintf(text, DURATION_TEXT, "%" PRId64, seconds);
	else
		snprintf(text, DURATION_TEXT, "%" PRId64 ":%02" PRId64 ":%02" PRId64,
		         seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/* A row of CSV, or texts with tabs between them; "-" stands for what is not known in the latter. */
static enum ep_status
print_row(struct session *session, const struct ep_text *fields, size_t count, struct ep_error *err)
{
	if (session->format == FORMAT_CSV) {
		session->row.size = 0;
		EP_TRY(ep_csv_append_row(&session->row, fields, count, err));
		fwrite(session->row.data, 1, session->row.size, stdout);
		return EP_OK;
	}
	for (size_t i = 0; i < count; i++) {
		ep_print_text(fields[i].size ? fields[i] : ep_text_of("-"));
		putchar(i + 1 < count ? '\t' : '\n');
	}
	return EP_OK;
}

static enum ep_status
print_json(json_t *json, struct ep_error *err)
{
	return ep_print_json(json, EP_EXIT_DONE) == EP_EXIT_DONE
	               ? EP_OK
	               : ep_fail(err, EP_IO, "cannot print a play");
}

static enum ep_status
on_play(void *context, const struct ep_logged_play *play, struct ep_error *err)
{
	struct session *session = context;
	struct ep_logged_stream stream;
	char start[EP_TIME_TEXT];
	char end[EP_TIME_TEXT];
	char duration[DURATION_TEXT];
	char score[16];
	EP_TRY(ep_plays_stream(&stream, session->read, play->stream, err));
	if (session->format == FORMAT_JSON)
		return print_json(ep_play_json(play, &stream, EP_PLAY_TOLD_NOW), err);
	ep_play_moment(start, play->start_ms);
	ep_play_moment(end, play->end_ms);
	print_duration(duration, session, play->start_ms, play->end_ms);
	snprintf(score, sizeof score, "%" PRIu32, play->score);
	json_t *known = ep_play_fields(play);
	const struct ep_text fields[] = { stream.name,
		                          ep_text_of(start),
		                          ep_text_of(play->ended ? end : ""),
		                          ep_text_of(duration),
		                          play->artist,
		                          play->track,
		                          play->release,
		                          play->track_id,
		                          ep_text_of(ep_play_field(known, EP_FIELD_ISRC)),
		                          ep_text_of(score) };
	enum ep_status status = print_row(session, fields, sizeof fields / sizeof *fields, err);
	json_decref(known);
	return status;
}

static enum ep_status
on_gap(void *context, const struct ep_gap *gap, struct ep_error *err)
{
	struct session *session = context;
	struct ep_logged_stream stream;
	char start[EP_TIME_TEXT];
	char end[EP_TIME_TEXT];
	char duration[DURATION_TEXT];
	EP_TRY(ep_plays_stream(&stream, session->read, gap->stream, err));
	if (session->format == FORMAT_JSON)
		return print_json(ep_gap_json(gap, &stream), err);
	ep_play_moment(start, gap->start_ms);
	ep_play_moment(end, gap->end_ms);
	print_duration(duration, session, gap->start_ms, gap->end_ms);
	const struct ep_text fields[] = { stream.name, ep_text_of(start),
		                          ep_text_of(gap->ended ? end : ""),
		                          ep_text_of(gap->ended ? duration : ""), gap->reason };
	return print_row(session, fields, sizeof fields / sizeof *fields, err);
}

/* ---- all of them ---- */

static enum ep_status
print_heading(struct session *session, struct ep_error *err)
{
	static const char *const of_plays[] = { "stream", "start", "end",     "duration_s",
		                                "artist", "title", "release", "track_id",
		                                "isrc",   "score" };
	static const char *const of_gaps[] = { "stream", "start", "end", "duration_s", "reason" };
	const char *const *names = session->gaps ? of_gaps : of_plays;
	size_t count = session->gaps ? sizeof of_gaps / sizeof *of_gaps
	                             : sizeof of_plays / sizeof *of_plays;
	struct ep_text fields[sizeof of_plays / sizeof *of_plays];
	if (session->format != FORMAT_CSV)
		return EP_OK;
	for (size_t i = 0; i < count; i++)
		fields[i] = ep_text_of(names[i]);
	return print_row(session, fields, count, err);
}

static enum ep_status
find_stream(struct session *session, const char *name, struct ep_error *err)
{
	struct ep_logged_stream stream;
	if (!name)
		return EP_OK;
	enum ep_status status =
		ep_plays_stream_named(&stream, session->read, ep_text_of(name), err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_NOT_FOUND,
		               "the log of plays has no stream \"%s\"; `echoprint plays` shows "
		               "the names",
		               name);
	EP_TRY(status);
	session->range.stream = stream.number;
	return EP_OK;
}

static enum ep_status
print_all(struct session *session, struct ep_error *err)
{
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = NULL;
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	size_t map_size;
	EP_TRY(ep_map_size(&map_size, err));
	EP_TRY(ep_plays_open(&plays, session->call->folder, false, map_size, err));
	EP_TRY(ep_plays_read_begin(&read, plays, err));
	session->read = read;
	EP_TRY(find_stream(session, session->call->values[OPTION_STREAM], err));
	EP_TRY(print_heading(session, err));
	return session->gaps ? ep_plays_each_gap(read, &session->range, on_gap, session, err)
	                     : ep_plays_each_play(read, &session->range, on_play, session, err);
}

/* ---- options ---- */

static enum ep_status
read_date(int64_t *moment_ms, const char *option, const char *value, struct ep_error *err)
{
	if (!value || ep_play_moment_read(moment_ms, value))
		return EP_OK;
	return ep_fail(err, EP_USAGE, "%s is \"%s\", but must be " EP_PLAY_MOMENT_RULE, option,
	               value);
}

static enum ep_status
read_format(enum format *format, const struct ep_call *call, struct ep_error *err)
{
	static const char *const names[] = {
		[FORMAT_TEXT] = "text", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json"
	};
	const char *value = call->values[OPTION_FORMAT];
	*format = call->json ? FORMAT_JSON : FORMAT_TEXT;
	for (size_t i = 0; value && i < sizeof names / sizeof *names; i++) {
		if (strcmp(value, names[i]) == 0) {
			*format = (enum format)i;
			return EP_OK;
		}
	}
	return value ? ep_fail(err, EP_USAGE, "--format is \"%s\", but must be text, csv or json",
	                       value)
	             : EP_OK;
}

static enum ep_status
read_options(struct session *session, const struct ep_call *call, struct ep_error *err)
{
	session->range = (struct ep_plays_range){ .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	session->gaps = call->values[OPTION_GAPS] != NULL;
	EP_TRY(read_format(&session->format, call, err));
	EP_TRY(read_date(&session->range.from_ms, "--from", call->values[OPTION_FROM], err));
	return read_date(&session->range.to_ms, "--to", call->values[OPTION_TO], err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct session session = { .call = call };
	struct ep_error err;
	if (call->argument_count)
		return ep_bad_usage(call->command, "plays takes no arguments");
	if (read_options(&session, call, &err) != EP_OK)
		return ep_bad_usage(call->command, "%s", err.text);
	enum ep_status status = print_all(&session, &err);
	ep_buffer_free(&session.row);
	return status == EP_OK ? EP_EXIT_DONE : ep_give_up(call, &err);
}

const struct ep_command ep_cmd_plays = {
	.name = "plays",
	.synopsis = "[--from DATE] [--to DATE] [--stream NAME] [--format FORMAT] [--gaps]",
	.summary = "Print the log of plays that monitor keeps",
	.details =
		"One line per play, in the order in which they began: stream, start, end, "
		"duration,\n"
		"artist, title, release, track id, ISRC and score. A play that is under way has "
		"no\n"
		"end; its duration is that up to now. --format csv prints the same with a line of\n"
		"names, and durations in seconds; --format json, or --json, prints one object per\n"
		"line.\n\n"
		"DATE is in UTC: 2026-01-31, or 2026-01-31T18:30:00Z. A play belongs to the day on "
		"which it\n"
		"began. --gaps prints the times in which a stream was not heard instead: stream, "
		"start,\n"
		"end, duration, and why.\n",
	.options = options,
	.choices = choices,
	.run = run,
};
