#include "cli/cli.h"
#include "cli/open_node.h"
#include "node/edit.h"
#include "node/track_json.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPTION_ARTIST, OPTION_RELEASE, OPTION_TRACK, OPTION_FIELD };

static const struct ep_option options[] = {
	[OPTION_ARTIST] = { "artist", 0, "TEXT", "the artist" },
	[OPTION_RELEASE] = { "release", 0, "TEXT", "the release, such as an album" },
	[OPTION_TRACK] = { "track", 0, "TEXT", "the title" },
	[OPTION_FIELD] = { "field", 0, "KEY=VALUE",
	                   "a field, or KEY= to remove it; may be repeated" },
	{ 0 },
};

static struct ep_text
text_of(const struct ep_call *call, size_t option)
{
	const char *value = call->values[option];
	return value ? ep_text_of(value) : (struct ep_text){ 0 };
}

/* Prints the track as it is now. */
static enum ep_status
print_track(const struct ep_call *call, bool changed, struct ep_node *node, struct ep_error *err)
{
	EP_TRACK_VIEW struct ep_track_view view = { 0 };
	json_t *json;
	struct ep_text id = ep_text_of(call->arguments[0]);
	EP_TRY(ep_track_view_open(&view, ep_node_log(node), id, err));
	if (call->json) {
		EP_TRY(ep_track_json(&json, &view, err));
		(void)ep_print_json(json, EP_EXIT_DONE);
		return EP_OK;
	}
	printf("track ");
	ep_print_text(id);
	if (changed)
		printf(": changed, position %s\n", ep_grouped(view.entry.position));
	else
		printf(": nothing to change\n");
	return EP_OK;
}

static enum ep_status
edit(const struct ep_call *call, const struct ep_field *fields, struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	bool changed;
	const struct ep_edit wanted = { .artist = text_of(call, OPTION_ARTIST),
		                        .release = text_of(call, OPTION_RELEASE),
		                        .track = text_of(call, OPTION_TRACK),
		                        .fields = fields,
		                        .field_count = call->repeated_count };
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	EP_TRY(ep_node_edit(&changed, node, ep_text_of(call->arguments[0]), &wanted, err));
	return print_track(call, changed, node, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	bool any = call->repeated_count > 0;
	for (size_t i = OPTION_ARTIST; i <= OPTION_TRACK; i++)
		any |= call->values[i] != NULL;
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give one TRACK_ID");
	if (!any)
		return ep_bad_usage(call->command,
		                    "nothing to change: give --artist, --release, --track or "
		                    "--field");
	EP_FREE struct ep_field *fields = calloc(call->repeated_count + 1, sizeof *fields);
	if (!fields) {
		(void)ep_fail(&err, EP_NO_MEMORY, "out of memory for the fields");
		return ep_give_up(call, &err);
	}
	for (size_t i = 0; i < call->repeated_count; i++) {
		if (ep_field_parse(&fields[i], ep_text_of(call->repeated[i]), &err) != EP_OK)
			return ep_bad_usage(call->command, "--field: %s", err.text);
	}
	return edit(call, fields, &err) == EP_OK ? EP_EXIT_DONE : ep_give_up(call, &err);
}

const struct ep_command ep_cmd_edit = {
	.name = "edit",
	.synopsis = "[--artist TEXT] [--release TEXT] [--track TEXT] [--field KEY=VALUE]... "
		    "TRACK_ID",
	.summary = "Change a track's names and fields",
	.details = "Names change in all documents of the track, in one revision that goes to the "
		   "other\n"
		   "nodes; codes stay as they are. A field is a key of a-z 0-9 _ . - with a value, "
		   "such\n"
		   "as isrc=USRC17607839. A track may have 64 of them. If nothing changes, nothing "
		   "is\n"
		   "written. A slave cannot edit tracks that came from its master.\n",
	.options = options,
	.repeated = "field",
	.run = run,
};
