#include "base/time.h"
#include "cli/open_node.h"
#include "peer/peer.h"

#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

struct result {
	uint64_t deleted;
	uint64_t missing;
	uint64_t position;
};

/* Deletes all that can be, in one transaction. */
static enum ep_status
delete_tracks(struct result *result, const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_open_log(&log, call, EP_LOG_WRITE, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	int64_t now = ep_time_now();
	for (size_t i = 0; i < call->argument_count; i++) {
		struct ep_text id = ep_text_of(call->arguments[i]);
		struct ep_text track;
		struct ep_text suffix;
		ep_id_split(&track, &suffix, id);
		enum ep_status status = EP_NOT_FOUND;
		if (suffix.size == 0)
			status = ep_check_own(ep_log_inside(write), id, err);
		else
			(void)ep_fail(err, EP_NOT_FOUND,
			              "%.*s names a document; only the whole track, %.*s, can be "
			              "deleted",
			              ep_text_print_size(id), id.at, ep_text_print_size(track),
			              track.at);
		if (status == EP_OK)
			status = ep_log_delete(write, id, now, err);
		if (status == EP_NOT_FOUND || status == EP_BAD_INPUT)
			ep_say("%s", err->text);
		else if (status != EP_OK)
			return status;
		result->deleted += status == EP_OK;
		result->missing += status != EP_OK;
	}
	struct ep_log_state state;
	ep_log_state(&state, ep_log_inside(write));
	result->position = state.position;
	return result->deleted ? ep_log_commit(&write, err) : EP_OK;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	struct result result = { 0 };
	if (call->argument_count == 0)
		return ep_bad_usage(call->command, "give at least one TRACK_ID");
	if (delete_tracks(&result, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	enum ep_exit exit = EP_EXIT_DONE;
	if (result.missing)
		exit = result.deleted ? EP_EXIT_PARTLY : EP_EXIT_FAILED;
	if (call->json)
		return ep_print_json(json_pack("{s:I, s:I, s:I}", "deleted",
		                               (json_int_t)result.deleted, "missing",
		                               (json_int_t)result.missing, "position",
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
		   "Exit status 3: some tracks do not exist, or belong to the master.\n",
	.options = options,
	.run = run,
};
