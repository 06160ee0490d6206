#include "cli/cli.h"
#include "cli/open_node.h"
#include "node/tracks.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_SOURCE, OPTION_SINCE, OPTION_LIMIT };

static const struct ep_option options[] = {
	[OPTION_SOURCE] = { "source", 's', "SOURCE", "of this source only" },
	[OPTION_SINCE] = { "since", 0, "POSITION", "changed behind this position" },
	[OPTION_LIMIT] = { "limit", 'n', "N", "at most so many" },
	{ 0 },
};

/* Tracks are read page by page, and printed between two pages: who reads the output slowly holds no
 * snapshot of the log. */
#define PAGE_TRACKS 500
#define PAGE_BYTES ((size_t)1 << 20)

struct printing {
	const struct ep_call *call;
	uint64_t count;
	char place[EP_TRACKS_PLACE_TEXT]; /* of the last one */
};

static void
print_texts(const struct ep_text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ep_print_text(texts[i].size ? texts[i] : ep_text_of("-"));
		putchar(i + 1 < count ? '\t' : '\n');
	}
}

static enum ep_status
on_track(void *context, const struct ep_track_row *row, struct ep_error *err)
{
	struct printing *printing = context;
	printing->count++;
	memcpy(printing->place, row->place, sizeof printing->place);
	if (atomic_load(printing->call->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (printing->call->json) {
		(void)ep_print_json(ep_track_row_json(row), EP_EXIT_DONE);
		return EP_OK;
	}
	const struct ep_text texts[] = { row->id, row->artist, row->track, row->release,
		                         ep_text_of(row->source) };
	print_texts(texts, sizeof texts / sizeof *texts);
	return EP_OK;
}

/* Prints all pages; *more: --limit has left some out. */
static enum ep_status
print_pages(bool *more, struct printing *printing, struct ep_log *log,
            struct ep_catalogue *catalogue, const struct ep_tracks_query *query,
            struct ep_error *err)
{
	struct ep_tracks_query page = *query;
	char after[EP_TRACKS_PLACE_TEXT];
	*more = true;
	while (*more && (!query->limit || printing->count < query->limit)) {
		uint64_t left = query->limit ? query->limit - printing->count : PAGE_TRACKS;
		page.limit = left < PAGE_TRACKS ? left : PAGE_TRACKS;
		EP_TRY(ep_tracks_each(more, log, catalogue, &page, on_track, printing, err));
		if (fflush(stdout) != 0)
			break; /* which is told at the end */
		memcpy(after, printing->place, sizeof after);
		page.after = after;
	}
	return EP_OK;
}

static enum ep_status
list(struct printing *printing, const struct ep_tracks_query *query, struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_OWNED(ep_catalogue_free)
	struct ep_catalogue *catalogue = NULL;
	bool searches = query->text.size != 0;
	bool more;
	EP_TRY(ep_open_node(&node, printing->call, searches ? EP_LOG_WRITE : EP_LOG_READ, false,
	                    err));
	EP_TRY(ep_catalogue_new(&catalogue, ep_node_log(node), err));
	if (searches)
		EP_TRY(ep_node_follow_catalogue(node, catalogue, err));
	enum ep_status status =
		print_pages(&more, printing, ep_node_log(node), catalogue, query, err);
	/* A damaged catalogue is found while it is searched: once more, with a new one. */
	if (status == EP_NOT_FOUND && searches && !printing->count) {
		EP_TRY(ep_node_follow_catalogue(node, catalogue, err));
		status = print_pages(&more, printing, ep_node_log(node), catalogue, query, err);
	}
	EP_TRY(status);
	if (ferror(stdout))
		return EP_OK;
	if (more)
		ep_say("there are more; --limit is %s", ep_grouped(query->limit));
	else if (!printing->count)
		ep_say("no track was found");
	return EP_OK;
}

static enum ep_status
read_options(struct ep_tracks_query *query, const struct ep_call *call, struct ep_error *err)
{
	const char *since = call->values[OPTION_SINCE];
	const char *limit = call->values[OPTION_LIMIT];
	query->source = call->values[OPTION_SOURCE];
	if (since)
		EP_TRY(ep_option_number(&query->since, "--since", since, 0, UINT64_MAX, err));
	if (limit)
		EP_TRY(ep_option_number(&query->limit, "--limit", limit, 1, UINT64_MAX, err));
	return EP_OK;
}

/* The words of all arguments: quotes around them may be left out. */
static enum ep_status
join_words(struct ep_buffer *text, const struct ep_call *call, struct ep_error *err)
{
	for (size_t i = 0; i < call->argument_count; i++) {
		struct ep_text word = ep_text_of(call->arguments[i]);
		EP_TRY(ep_buffer_append(text, word.at, word.size, err));
		EP_TRY(ep_buffer_append(text, " ", 1, err));
	}
	return EP_OK;
}

static enum ep_exit
run(const struct ep_call *call)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	struct ep_tracks_query query = { 0 };
	struct printing printing = { .call = call };
	struct ep_error err;
	if (read_options(&query, call, &err) != EP_OK)
		return ep_bad_usage(call->command, "%s", err.text);
	if (join_words(&text, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	query.text = ep_buffer_text(&text);
	setvbuf(stdout, NULL, _IOFBF, PAGE_BYTES);
	enum ep_status status = list(&printing, &query, &err);
	return status == EP_OK ? ep_finish(EP_EXIT_DONE) : ep_give_up(call, &err);
}

const struct ep_command ep_cmd_tracks = {
	.name = "tracks",
	.synopsis = "[TEXT...] [--source SOURCE] [--since POSITION] [--limit N]",
	.summary = "List tracks, or search their names",
	.details =
		"Without TEXT, all tracks are listed, in the order of their positions. With TEXT,\n"
		"those are listed whose artist, release, title, id or fields have all of its\n"
		"words: first those with the words as they are, then those with words that begin\n"
		"so. Case and accents do not matter.\n\n"
		"Each track is one line, with tabs: track id, artist, title, release, source.\n"
		"--json prints one object per line.\n",
	.options = options,
	.run = run,
};
