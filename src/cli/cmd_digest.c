#include "cli/open_node.h"

#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

static enum ep_status
read_digest(char text[EP_HASH_TEXT], struct ep_log_state *state, const struct ep_call *call,
            struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_open_log(&log, call, EP_LOG_READ, err));
	EP_TRY(ep_log_read_begin(&read, log, err));
	struct ep_digest digest;
	struct ep_hash name;
	EP_TRY(ep_log_digest(&digest, read, err));
	ep_digest_name(&name, &digest);
	ep_hash_print(text, &name);
	ep_log_state(state, read);
	return EP_OK;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	if (call->argument_count)
		return ep_bad_usage(call->command, "digest takes no arguments");
	char text[EP_HASH_TEXT];
	struct ep_log_state state;
	if (read_digest(text, &state, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:s, s:I}", "digest", text, "position",
		                               (json_int_t)state.position),
		                     EP_EXIT_DONE);
	printf("%s at position %llu\n", text, (unsigned long long)state.position);
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
