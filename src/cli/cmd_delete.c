#include "cli/open_node.h"
#include "node/by_hand.h"

#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

static void
on_left(const char *why)
{
	ep_say("%s", why);
}

static enum ep_status
delete_tracks(struct ep_deletion *deletion, const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	return ep_node_delete(deletion, node, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	struct ep_deletion result = { .ids = call->arguments,
		                      .count = call->argument_count,
		                      .on_left = on_left };
	if (call->argument_count == 0)
		return ep_bad_usage(call->command, "give at least one TRACK_ID");
	if (delete_tracks(&result, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	enum ep_exit exit = EP_EXIT_DONE;
	uint64_t missing = result.count - result.deleted;
	if (missing)
		exit = result.deleted ? EP_EXIT_PARTLY : EP_EXIT_FAILED;
	if (call->json)
		return ep_print_json(json_pack("{s:I, s:I, s:I}", "deleted",
		                               (json_int_t)result.deleted, "missing",
		                               (json_int_t)missing, "position",
		                               (json_int_t)result.position),
		                     exit);
	printf("%s deleted, position %s\n", ep_counted(result.deleted, "track"),
	       ep_grouped(result.position));
	return exit;
}

const struct ep_command ep_cmd_delete = {
	.name = "delete",
	.synopsis = "TRACK_ID...",
	.summary = "Delete tracks, here and on the other nodes",
	.details = "A deleted track leaves a tombstone in the log. CSV files cannot carry "
		   "deletions; a\n"
		   "dump reports their number. A slave cannot delete tracks that came from its "
		   "master.\n"
		   "Exit status: 3 some tracks do not exist, or belong to the master; 1 none was "
		   "deleted.\n",
	.options = options,
	.run = run,
};
