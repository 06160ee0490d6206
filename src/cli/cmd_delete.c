#include "cli/open_db.h"

#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

static void
on_left(void *context, const char *id, int status, const char *why)
{
	(void)context, (void)id, (void)status;
	ep_say("%s", why);
}

static enum ep_exit
run(const struct ep_call *call)
{
	EP_OWNED(echoprint_close)
	struct echoprint_db *db = NULL;
	struct echoprint_deletion done = { .size = sizeof done, .on_left = on_left };
	struct echoprint_error err;
	size_t count = call->argument_count;
	if (count == 0)
		return ep_bad_usage(call->command, "give at least one TRACK_ID");
	if (ep_open_db(&db, call, ECHOPRINT_WRITE, &err) != ECHOPRINT_OK ||
	    echoprint_delete_tracks(&done, db, call->arguments, count, &err) != ECHOPRINT_OK)
		return ep_give_up_db(call, &err);
	enum ep_exit exit = EP_EXIT_DONE;
	uint64_t missing = count - done.deleted;
	if (missing)
		exit = done.deleted ? EP_EXIT_PARTLY : EP_EXIT_FAILED;
	if (call->json)
		return ep_print_json(
			json_pack("{s:I, s:I, s:I}", "deleted", (json_int_t)done.deleted, "missing",
		                  (json_int_t)missing, "position", (json_int_t)done.position),
			exit);
	printf("%s deleted, position %s\n", ep_counted(done.deleted, "track"),
	       ep_grouped(done.position));
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
