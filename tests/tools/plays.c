/* A log of plays for the test that crashes it.
 *
 * usage: plays write FOLDER STEPS   makes so many changes, a commit each: the same every time
 *        plays read FOLDER          prints all that the log has
 *        plays fill FOLDER          notes what standard input names, a line each, with tabs
 * between: stream, start and end in ms, and track id, artist and title of a play, or "-" and the
 * reason of a gap
 */
#include "plays/plays.h"

#include "tests/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One day of two streams: plays that begin, go on and end, gaps, and a follower. */
static void
change(struct ep_plays_write *write, int step)
{
	char id[32];
	uint32_t stream;
	int64_t at = 1000000000000 + step * INT64_C(10000);
	const char *name = step % 2 ? "radio one" : "radio two";
	snprintf(id, sizeof id, "TRACK%d", step);
	needs(ep_plays_add_stream(&stream, write, ep_text_of(name), ep_text_of("{\"a\":\"b\"}"),
	                          NULL));
	struct ep_logged_play play = { .stream = stream,
		                       .start_ms = at - 30000,
		                       .end_ms = at,
		                       .score = 100,
		                       .track_id = ep_text_of(id),
		                       .artist = ep_text_of("an artist"),
		                       .track = ep_text_of("a title") };
	switch (step / 2 % 6) {
	case 0:
		needs(ep_plays_begin(write, &play, NULL));
		break;
	case 1:
		needs(ep_plays_hear(write, stream, at, NULL));
		needs(ep_plays_heard(write, stream, at, NULL));
		break;
	case 2:
		needs(ep_plays_lose(write, stream, at, ep_text_of("a reason"), NULL));
		break;
	case 3:
		needs(ep_plays_regain(write, stream, at, NULL));
		break;
	case 4:
		needs(ep_plays_end(write, stream, at, NULL));
		break;
	default:
		needs(ep_plays_move(write, "test", (uint64_t)step, NULL));
		break;
	}
}

static void
write_steps(const char *folder, int steps)
{
	struct ep_plays *plays;
	struct ep_plays_write *write;
	needs(ep_plays_open(&plays, folder, true, 0, NULL));
	for (int step = 0; step < steps; step++) {
		needs(ep_plays_write_begin(&write, plays, NULL));
		change(write, step);
		needs(ep_plays_commit(write, NULL));
		printf("%d\n", step + 1);
		must(fflush(stdout) == 0);
	}
	ep_plays_close(plays);
}

static void
note(struct ep_plays_write *write, char *line)
{
	char *fields[6] = { 0 };
	uint32_t stream;
	for (size_t i = 0; i < 6 && line; i++)
		fields[i] = strsep(&line, "\t\n");
	must(fields[4] != NULL);
	needs(ep_plays_add_stream(&stream, write, ep_text_of(fields[0]), ep_text_of(""), NULL));
	int64_t start_ms = strtoll(fields[1], NULL, 10);
	int64_t end_ms = strtoll(fields[2], NULL, 10);
	if (strcmp(fields[3], "-") == 0) {
		needs(ep_plays_lose(write, stream, start_ms, ep_text_of(fields[4]), NULL));
		needs(ep_plays_regain(write, stream, end_ms, NULL));
		return;
	}
	must(fields[5] != NULL);
	struct ep_logged_play play = { .stream = stream,
		                       .start_ms = start_ms,
		                       .end_ms = end_ms,
		                       .score = 100,
		                       .track_id = ep_text_of(fields[3]),
		                       .artist = ep_text_of(fields[4]),
		                       .track = ep_text_of(fields[5]) };
	needs(ep_plays_add(write, &play, NULL));
}

static void
fill(const char *folder)
{
	struct ep_plays *plays;
	struct ep_plays_write *write;
	char *line = NULL;
	size_t room = 0;
	needs(ep_plays_open(&plays, folder, true, 0, NULL));
	needs(ep_plays_write_begin(&write, plays, NULL));
	while (getline(&line, &room, stdin) > 0)
		note(write, line);
	needs(ep_plays_commit(write, NULL));
	free(line);
	ep_plays_close(plays);
}

static enum ep_status
print_play(void *context, const struct ep_logged_play *play, struct ep_error *err)
{
	(void)context, (void)err;
	printf("play %" PRIu64 " of %" PRIu32 ": %.*s %" PRId64 " to %" PRId64 "%s\n", play->number,
	       play->stream, ep_text_print_size(play->track_id), play->track_id.at, play->start_ms,
	       play->end_ms, play->ended ? "" : ", under way");
	return EP_OK;
}

static enum ep_status
print_gap(void *context, const struct ep_gap *gap, struct ep_error *err)
{
	(void)context, (void)err;
	printf("gap %" PRIu64 " of %" PRIu32 ": %" PRId64 " to %" PRId64 "%s, %.*s\n", gap->number,
	       gap->stream, gap->start_ms, gap->end_ms, gap->ended ? "" : ", under way",
	       ep_text_print_size(gap->reason), gap->reason.at);
	return EP_OK;
}

static enum ep_status
print_stream(void *context, const struct ep_logged_stream *stream, struct ep_error *err)
{
	(void)context, (void)err;
	printf("stream %" PRIu32 " %.*s %.*s: play %" PRIu64 ", gap %" PRIu64 ", heard %" PRId64
	       "\n",
	       stream->number, ep_text_print_size(stream->name), stream->name.at,
	       ep_text_print_size(stream->tags), stream->tags.at, stream->play, stream->gap,
	       stream->heard_ms);
	return EP_OK;
}

static enum ep_status
print_all(const struct ep_plays_read *read, struct ep_error *err)
{
	struct ep_plays_range all = { .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	struct ep_play_event event = { 0 };
	uint64_t watermark;
	EP_TRY(ep_plays_each_stream(read, print_stream, NULL, err));
	EP_TRY(ep_plays_each_play(read, &all, print_play, NULL, err));
	EP_TRY(ep_plays_each_gap(read, &all, print_gap, NULL, err));
	enum ep_status status;
	while ((status = ep_plays_next_event(&event, read, event.position, err)) == EP_OK)
		printf("event %" PRIu64 ": %d of play %" PRIu64 "\n", event.position, event.kind,
		       event.play);
	if (status != EP_NOT_FOUND)
		return status;
	status = ep_plays_watermark(&watermark, read, "test", err);
	if (status == EP_OK)
		printf("watermark %" PRIu64 "\n", watermark);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static int
print_folder(const char *folder)
{
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = NULL;
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	struct ep_error err;
	enum ep_status status = ep_plays_open(&plays, folder, false, 0, &err);
	if (status == EP_OK)
		status = ep_plays_read_begin(&read, plays, &err);
	if (status == EP_OK)
		status = print_all(read, &err);
	if (status == EP_NOT_FOUND)
		printf("absent\n");
	else if (status != EP_OK)
		printf("failed: %s\n", err.text);
	return status == EP_OK || status == EP_NOT_FOUND ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "write") == 0) {
		write_steps(argv[2], atoi(argv[3]));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "read") == 0)
		return print_folder(argv[2]);
	if (argc == 3 && strcmp(argv[1], "fill") == 0) {
		fill(argv[2]);
		return 0;
	}
	fprintf(stderr, "usage: plays write FOLDER STEPS | read FOLDER | fill FOLDER\n");
	return 2;
}
