#include "cli/open_db.h"

#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

static enum ep_exit
run(const struct ep_call *call)
{
	EP_OWNED(echoprint_close)
	struct echoprint_db *db = NULL;
	struct echoprint_state state = { .size = sizeof state };
	struct echoprint_error err;
	if (call->argument_count)
		return ep_bad_usage(call->command, "digest takes no arguments");
	if (ep_open_db(&db, call, ECHOPRINT_READ, &err) != ECHOPRINT_OK ||
	    echoprint_read_state(&state, db, &err) != ECHOPRINT_OK)
		return ep_give_up_db(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:s, s:I}", "digest", state.digest, "position",
		                               (json_int_t)state.position),
		                     EP_EXIT_DONE);
	printf("%s at position %llu\n", state.digest, (unsigned long long)state.position);
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_digest = {
	.name = "digest",
	.synopsis = "",
	.summary = "Print the state digest and its position",
	.details = "Nodes with equal digests hold the same tracks with the same rows.\n",
	.options = options,
	.run = run,
};
