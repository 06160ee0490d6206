#include "cli/open_node.h"
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
	EP_TRY(ep_open_log(&log, call, EP_LOG_WRITE, err));
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
	printf("this node is now the master, in epoch %" PRIu64 "\n", epoch.number);
	ep_say("invite the other slaves with `echoprint source add NAME`; each runs `echoprint "
	       "join` and keeps everything that it has");
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_promote = {
	.name = "promote",
	.synopsis = "",
	.summary = "Make this slave the master when the old master and its key are lost",
	.details = "Everything that this slave has becomes the new master's data, in a new epoch. "
		   "Owners\n"
		   "stay, but tracks of the lost master become this node's. The other slaves must "
		   "join\n"
		   "this node; they keep everything, and send what it lacked. If the data folder "
		   "of the\n"
		   "lost master can be restored from a copy, with its key, do not promote: restore "
		   "it,\n"
		   "and begin a new epoch there (`publish --new-epoch`).\n",
	.options = options,
	.run = run,
};
