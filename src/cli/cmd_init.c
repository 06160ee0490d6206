#include "cli/open_node.h"
#include "format/json_text.h"
#include "node/node_name.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_NAME };

static const struct ep_option options[] = {
	[OPTION_NAME] = { "name", 0, "NAME",
	                  "name of this node in file names and at the master (default: host "
	                  "name)" },
	{ 0 },
};

static enum ep_status
init(struct ep_log **log, char *name, const struct ep_call *call, struct ep_error *err)
{
	EP_TRY(ep_open_log(log, call, EP_LOG_MAKE, err));
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, *log, err));
	/* Without --name, a name that was given before stays. */
	if (call->values[OPTION_NAME])
		snprintf(name, EP_SOURCE_NAME_MAX + 1, "%s", call->values[OPTION_NAME]);
	else
		EP_TRY(ep_node_name(name, ep_log_inside(write), err));
	EP_TRY(ep_log_set_value(write, EP_NAME_VALUE, ep_bytes_of_text(ep_text_of(name)), err));
	return ep_log_commit(&write, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	if (call->argument_count)
		return ep_bad_usage(call->command,
		                    "init takes no arguments; --name names the node");
	const char *wanted = call->values[OPTION_NAME];
	if (wanted && !ep_slave_name_ok(ep_text_of(wanted)))
		return ep_bad_usage(call->command,
		                    "\"%s\" is not a valid node name: it must have 1 to %d of A-Z "
		                    "a-z 0-9 . _ - and not be local or master",
		                    wanted, EP_SOURCE_NAME_MAX);
	char name[EP_SOURCE_NAME_MAX + 1] = "";
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	if (init(&log, name, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:s, s:o}", "name", name, "data",
		                               ep_json_text(ep_text_of(call->folder))),
		                     EP_EXIT_DONE);
	printf("node %s has its data in %s\n", name, call->folder);
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_init = {
	.name = "init",
	.synopsis = "[--name NAME]",
	.summary = "Create the data folder of a node",
	.details =
		"Other commands create it too. Use init to name the node, or to rename it later.\n",
	.options = options,
	.run = run,
};
