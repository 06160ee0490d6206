#include "base/time.h"
#include "cli/open_node.h"
#include "code/pairs.h"
#include "format/csv.h"
#include "node/track_json.h"

#include <stdio.h>

enum { OPTION_CSV };

static const struct ep_option options[] = {
	[OPTION_CSV] = { "csv", 0, NULL, "print the documents as rows of a dump" },
	{ 0 },
};

static enum ep_status
print_csv(const struct ep_track_view *view, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer id = { 0 };
	EP_BUFFER struct ep_buffer out = { 0 };
	const struct ep_track *track = &view->decoded.track;
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		if (!ep_track_view_has(view, row))
			continue;
		EP_TRY(ep_track_view_id(&id, view, row, err));
		struct ep_text fields[EP_CSV_COLUMNS] = {
			{ .at = (const char *)id.data, .size = id.size },
			row->codever,
			row->codes,
			row->length,
			row->artist,
			row->release,
			row->track,
		};
		out.size = 0;
		EP_TRY(ep_csv_append_row(&out, fields, EP_CSV_COLUMNS, err));
		fwrite(out.data, 1, out.size, stdout);
	}
	return EP_OK;
}

static void
print_field(const char *name, struct ep_text text)
{
	if (text.size == 0)
		return;
	printf("  %-8s ", name);
	ep_print_text(text);
	printf("\n");
}

static void
print_row(const struct ep_track_view *view, const struct ep_document *row, struct ep_pairs *pairs)
{
	pairs->count = 0;
	if (ep_pairs_parse(pairs, row->codes, NULL) != EP_OK)
		pairs->count = 0;
	ep_print_text(view->entry.id);
	ep_print_text(row->suffix);
	printf(": %s", ep_counted(pairs->count, "pair"));
	if (pairs->count)
		printf(", times %u to %u", (unsigned)pairs->items[0].time,
		       (unsigned)pairs->items[pairs->count - 1].time);
	printf("\n");
	print_field("artist", row->artist);
	print_field("release", row->release);
	print_field("track", row->track);
	print_field("length", row->length);
	print_field("codever", row->codever);
}

static void
print_track_fields(const struct ep_fields *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		printf("field ");
		ep_print_text(fields->items[i].key);
		printf("=");
		ep_print_text(fields->items[i].value);
		printf("\n");
	}
}

static void
print_words(const struct ep_track_view *view)
{
	const struct ep_track *track = &view->decoded.track;
	char date[EP_TIME_TEXT];
	ep_time_print(date, view->entry.import_date);
	printf("track ");
	ep_print_text(track->id);
	printf(": %s, position %s, source %s%s, imported %s\n",
	       ep_counted(track->count, "document"), ep_grouped(view->entry.position), view->source,
	       view->confirmed ? " (confirmed by the master)" : "", date);
	if (view->state == EP_LINK_IN_FORCE) {
		printf("copy of ");
		ep_print_text(view->link.original);
		printf(", which queries find instead\n");
	}
	print_track_fields(&track->fields);
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (size_t i = 0; i < track->count; i++) {
		if (ep_track_view_has(view, &track->documents[i]))
			print_row(view, &track->documents[i], &pairs);
	}
}

static enum ep_status
show(const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_TRACK_VIEW struct ep_track_view view = { 0 };
	EP_TRY(ep_open_log(&log, call, EP_LOG_READ, err));
	EP_TRY(ep_track_view_open(&view, log, ep_text_of(call->arguments[0]), err));
	if (call->values[OPTION_CSV])
		return print_csv(&view, err);
	if (call->json) {
		json_t *json;
		EP_TRY(ep_track_json(&json, &view, err));
		(void)ep_print_json(json, EP_EXIT_DONE);
		return EP_OK;
	}
	print_words(&view);
	return EP_OK;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give one TRACK_ID");
	if (call->json && call->values[OPTION_CSV])
		return ep_bad_usage(call->command, "--csv and --json exclude each other");
	return show(call, &err) == EP_OK ? EP_EXIT_DONE : ep_give_up(call, &err);
}

const struct ep_command ep_cmd_show = {
	.name = "show",
	.synopsis = "[--csv] TRACK_ID",
	.summary = "Show a track's documents and fields",
	.details =
		"The id of a document, such as TRABC-3, shows that document alone. The fields of a "
		"track,\n"
		"such as isrc=USRC17607839, belong to all of its documents; rows of a dump do not "
		"have them.\n",
	.options = options,
	.run = run,
};
