#include "cli/cli.h"
#include "peer/peer.h"

#include <inttypes.h>
#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

static enum ep_status
promote(struct ep_epoch *epoch, const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_open(&log, call->folder, EP_LOG_WRITE, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_promote(epoch, write, err));
	EP_TRY(ep_master_forget(write, err));
	return ep_log_commit(&write, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_epoch epoch;
	struct ep_error err;
	if (call->argument_count)
		return ep_bad_usage(call->command, "promote takes no arguments");
	if (promote(&epoch, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:I}", "epoch", (json_int_t)epoch.number),
		                     EP_EXIT_DONE);
	printf("this node is the master now, in epoch %" PRIu64 "\n", epoch.number);
	ep_say("invite the other slaves with `echoprint source add NAME`; each of them says "
	       "`echoprint "
	       "join` and keeps all that it has");
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_promote = {
	.name = "promote",
	.synopsis = "",
	.summary = "Make this slave the master when the old master and its key are lost",
	.details = "All that this slave has becomes the new master's, in a new epoch; owners stay, "
		   "but\n"
		   "what the lost master owned is this node's. The other slaves join it anew, keep "
		   "all\n"
		   "that they have, and give back what this one lacked. A lost master whose data\n"
		   "folder can be restored from a copy, with its key, needs no promotion: restore "
		   "it,\n"
		   "and begin a new epoch there (`publish --new-epoch`).\n",
	.options = options,
	.run = run,
};
