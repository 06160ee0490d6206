#include "cli/open_node.h"
#include "format/json_text.h"
#include "node/by_hand.h"
#include "node/listing.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPTION_ACCEPT, OPTION_DROP, OPTION_VERSION };

static const struct ep_option options[] = {
	[OPTION_ACCEPT] = { "accept", 0, "ID",
	                    "replace the track with the version that was set aside" },
	[OPTION_DROP] = { "drop", 0, "ID",
	                  "discard the versions of the track that were set aside" },
	[OPTION_VERSION] = { "version", 0, "N", "the N-th version listed for the track" },
	{ 0 },
};

struct listing {
	const struct ep_call *call;
	struct ep_source_info *sources;
	size_t source_count;
	json_t *conflicts;
	char id[256]; /* of the track at hand */
	uint64_t version; /* of it, as --version counts them */
};

static enum ep_status
list_one(void *context, const struct ep_entry *entry, struct ep_error *err)
{
	struct listing *listing = context;
	const char *source =
		ep_source_name(listing->sources, listing->source_count, entry->source, "?");
	char date[EP_TIME_TEXT];
	ep_time_print(date, entry->import_date);
	bool deletion = entry->operation == EP_DELETE;
	bool same = ep_text_equal(ep_text_of(listing->id), entry->id);
	listing->version = same ? listing->version + 1 : 1;
	snprintf(listing->id, sizeof listing->id, "%.*s", ep_text_print_size(entry->id),
	         entry->id.at);
	if (!listing->call->json) {
		ep_print_text(entry->id);
		printf("\t%s\t%s\t%s\tversion %s\n", source,
		       deletion ? "deletion" : ep_counted(entry->document_count, "document"), date,
		       ep_grouped(listing->version));
		return EP_OK;
	}
	json_t *item;
	EP_TRY(ep_conflict_json(&item, entry, source, listing->version, err));
	return ep_json_add(listing->conflicts, item, "the list of conflicts", err);
}

static enum ep_status
list_all(struct listing *listing, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_log_sources(&listing->sources, &listing->source_count, read, err));
	return ep_log_conflicts(read, list_one, listing, err);
}

static enum ep_status
settle(const struct ep_call *call, struct ep_node *node, struct ep_error *err)
{
	const char *accepted = call->values[OPTION_ACCEPT];
	const char *id = accepted ? accepted : call->values[OPTION_DROP];
	uint64_t version = 0;
	if (call->values[OPTION_VERSION])
		EP_TRY(ep_option_number(&version, "--version", call->values[OPTION_VERSION], 1,
		                        1000, err));
	return ep_node_settle_conflict(node, id, accepted != NULL, (size_t)version, err);
}

static enum ep_status
act(struct listing *listing, struct ep_error *err)
{
	const struct ep_call *call = listing->call;
	bool writes = call->values[OPTION_ACCEPT] || call->values[OPTION_DROP];
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, writes ? EP_LOG_WRITE : EP_LOG_READ, false, err));
	return writes ? settle(call, node, err) : list_all(listing, ep_node_log(node), err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err = { 0 };
	if (call->argument_count)
		return ep_bad_usage(call->command, "conflicts takes no arguments");
	if (call->values[OPTION_ACCEPT] && call->values[OPTION_DROP])
		return ep_bad_usage(call->command, "--accept and --drop exclude each other");
	struct listing listing = { .call = call, .conflicts = json_array() };
	enum ep_status status = act(&listing, &err);
	free(listing.sources);
	if (status != EP_OK) {
		json_decref(listing.conflicts);
		return ep_give_up(call, &err);
	}
	if (call->json)
		return ep_print_json(json_pack("{s:o}", "conflicts", listing.conflicts),
		                     EP_EXIT_DONE);
	json_decref(listing.conflicts);
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_conflicts = {
	.name = "conflicts",
	.synopsis = "[--accept ID | --drop ID] [--version N]",
	.summary = "Show versions of tracks that were set aside, and accept or drop them",
	.details =
		"A source may change only its own tracks, and only states that it knew. Other\n"
		"versions of a track are set aside. Each line shows one, with its source,\n"
		"documents and date. --accept replaces the track with its version; if there are\n"
		"several, --version selects one by its number in the list. --drop discards them.\n"
		"A slave can accept only versions of its own tracks.\n",
	.options = options,
	.run = run,
};
