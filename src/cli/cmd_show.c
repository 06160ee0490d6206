#include "base/time.h"
#include "cli/open_db.h"
#include "code/pairs.h"
#include "format/csv.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_CSV };

static const struct ep_option options[] = {
	[OPTION_CSV] = { "csv", 0, NULL, "print the documents as rows of a dump" },
	{ 0 },
};

/* Whether a document was asked for: by the track, by its id, or by an id that has "-" and, behind
 * it, the documents' numbers. */
static bool
is_asked(const struct echoprint_document *row, const struct echoprint_track *track, const char *id)
{
	size_t size = strlen(id);
	return strcmp(id, track->track_id) == 0 ||
	       (strncmp(row->document_id, id, size) == 0 &&
	        (row->document_id[size] == '\0' || row->document_id[size] == '-'));
}

static enum ep_status
print_csv(struct ep_buffer *out, const struct echoprint_document *row, struct ep_error *err)
{
	const struct ep_text fields[EP_CSV_COLUMNS] = {
		ep_text_of(row->document_id), ep_text_of(row->codever), ep_text_of(row->codes),
		ep_text_of(row->length),      ep_text_of(row->artist),  ep_text_of(row->release),
		ep_text_of(row->track),
	};
	out->size = 0;
	EP_TRY(ep_csv_append_row(out, fields, EP_CSV_COLUMNS, err));
	fwrite(out->data, 1, out->size, stdout);
	return EP_OK;
}

static enum ep_exit
print_all_csv(const struct ep_call *call, const struct echoprint_track *track)
{
	EP_BUFFER struct ep_buffer out = { 0 };
	struct ep_error err;
	for (size_t i = 0; i < track->documents_size; i++) {
		const struct echoprint_document *row = &track->documents[i];
		if (is_asked(row, track, call->arguments[0]) && print_csv(&out, row, &err) != EP_OK)
			return ep_give_up(call, &err);
	}
	return EP_EXIT_DONE;
}

static void
print_field(const char *name, const char *text)
{
	if (!*text)
		return;
	printf("  %-8s ", name);
	ep_print_text(ep_text_of(text));
	printf("\n");
}

static void
print_row(const struct echoprint_document *row, struct ep_pairs *pairs)
{
	pairs->count = 0;
	if (ep_pairs_parse(pairs, ep_text_of(row->codes), NULL) != EP_OK)
		pairs->count = 0;
	ep_print_text(ep_text_of(row->document_id));
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
print_words(const struct echoprint_track *track, const char *id)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	char date[EP_TIME_TEXT];
	ep_time_print(date, track->import_date);
	printf("track ");
	ep_print_text(ep_text_of(track->track_id));
	printf(": %s, position %s, source %s%s, imported %s\n",
	       ep_counted(track->documents_size, "document"), ep_grouped(track->position),
	       track->source, track->confirmed ? " (confirmed by the master)" : "", date);
	if (*track->copy_of) {
		printf("copy of ");
		ep_print_text(ep_text_of(track->copy_of));
		printf(", which queries find instead\n");
	}
	for (size_t i = 0; i < track->field_count; i++) {
		printf("field ");
		ep_print_text(ep_text_of(track->fields[i].key));
		printf("=");
		ep_print_text(ep_text_of(track->fields[i].value));
		printf("\n");
	}
	for (size_t i = 0; i < track->documents_size; i++) {
		if (is_asked(&track->documents[i], track, id))
			print_row(&track->documents[i], &pairs);
	}
}

static enum ep_exit
print_json(const struct ep_call *call, struct echoprint_db *db)
{
	struct echoprint_error err;
	char *json;
	if (echoprint_track_json(&json, db, call->arguments[0], &err) != ECHOPRINT_OK)
		return ep_give_up_db(call, &err);
	puts(json);
	echoprint_text_free(json);
	return EP_EXIT_DONE;
}

static enum ep_exit
show(const struct ep_call *call)
{
	EP_OWNED(echoprint_close)
	struct echoprint_db *db = NULL;
	EP_OWNED(echoprint_track_free)
	struct echoprint_track *track = NULL;
	struct echoprint_error err;
	const char *id = call->arguments[0];
	if (ep_open_db(&db, call, ECHOPRINT_READ, &err) != ECHOPRINT_OK)
		return ep_give_up_db(call, &err);
	if (call->json)
		return print_json(call, db);
	if (echoprint_find_track(&track, db, id, &err) != ECHOPRINT_OK)
		return ep_give_up_db(call, &err);
	if (call->values[OPTION_CSV])
		return print_all_csv(call, track);
	print_words(track, id);
	return EP_EXIT_DONE;
}

static enum ep_exit
run(const struct ep_call *call)
{
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give one TRACK_ID");
	if (call->json && call->values[OPTION_CSV])
		return ep_bad_usage(call->command, "--csv and --json exclude each other");
	return show(call);
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
