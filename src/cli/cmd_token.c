#include "cli/open_node.h"
#include "peer/tokens.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_ROLE };

static const struct ep_option options[] = {
	[OPTION_ROLE] = { "role", 0, "ROLE", "add: query, ingest or admin" },
	{ 0 },
};
static const struct ep_choices choices[] = {
	{ "role", "query ingest admin" },
	{ 0 },
};

/* ---- add ---- */

static enum ep_exit
run_add(const struct ep_call *call)
{
	const char *name = call->arguments[1];
	const char *role = call->values[OPTION_ROLE];
	char text[EP_TOKEN_TEXT];
	struct ep_error err;
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	if (!role || ep_role_of_name(role) == EP_ROLE_NONE)
		return ep_bad_usage(call->command,
		                    "give the role of the token: --role query, ingest or admin");
	if (!ep_source_name_ok(ep_text_of(name)))
		return ep_bad_usage(call->command,
		                    "\"%s\" is not a valid NAME: it must have 1 to %d of A-Z a-z "
		                    "0-9 . _ -",
		                    name, EP_SOURCE_NAME_MAX);
	if (ep_open_node(&node, call, EP_LOG_MAKE, false, &err) != EP_OK ||
	    ep_token_add(text, ep_node_log(node), name, ep_role_of_name(role), &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(
			json_pack("{s:s, s:s, s:s}", "name", name, "role", role, "token", text),
			EP_EXIT_DONE);
	printf("%s\n", text);
	ep_say("this is the only time that the token is shown; use it as: Authorization: Bearer "
	       "TOKEN");
	return EP_EXIT_DONE;
}

/* ---- list ---- */

static enum ep_status
load_tokens(struct ep_token **tokens, size_t *count, const struct ep_call *call,
            struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_open_log(&log, call, EP_LOG_READ, err));
	EP_TRY(ep_log_read_begin(&read, log, err));
	return ep_tokens(tokens, count, read, err);
}

static enum ep_exit
run_list(const struct ep_call *call)
{
	EP_FREE struct ep_token *tokens = NULL;
	size_t count = 0;
	struct ep_error err;
	if (load_tokens(&tokens, &count, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	json_t *list = call->json ? json_array() : NULL;
	for (size_t i = 0; i < count; i++) {
		const char *role = ep_role_name(tokens[i].role);
		char created[EP_TIME_TEXT];
		ep_time_print(created, tokens[i].created);
		if (call->json)
			json_array_append_new(list,
			                      json_pack("{s:s, s:s, s:s}", "name", tokens[i].name,
			                                "role", role, "created", created));
		else
			printf("%-16s %-8s %s\n", tokens[i].name, role, created);
	}
	return call->json ? ep_print_json(json_pack("{s:o}", "tokens", list), EP_EXIT_DONE)
	                  : EP_EXIT_DONE;
}

/* ---- remove ---- */

static enum ep_exit
run_remove(const struct ep_call *call)
{
	const char *name = call->arguments[1];
	struct ep_error err;
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	if (ep_open_node(&node, call, EP_LOG_WRITE, false, &err) != EP_OK ||
	    ep_token_remove(ep_node_log(node), name, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:s}", "removed", name), EP_EXIT_DONE);
	printf("token %s removed\n", name);
	return EP_EXIT_DONE;
}

static enum ep_exit
run(const struct ep_call *call)
{
	const char *what = call->argument_count ? call->arguments[0] : "";
	size_t count = call->argument_count;
	if (strcmp(what, "add") == 0 && count == 2)
		return run_add(call);
	if (strcmp(what, "list") == 0 && count == 1)
		return run_list(call);
	if (strcmp(what, "remove") == 0 && count == 2)
		return run_remove(call);
	return ep_bad_usage(call->command, "give add NAME --role ROLE, list or remove NAME");
}

const struct ep_command ep_cmd_token = {
	.name = "token",
	.synopsis = "add NAME --role query|ingest|admin | list | remove NAME",
	.summary = "Manage who may use the HTTP interface",
	.details =
		"add prints a new token, once: only its hash is kept. A program sends it with "
		"each\n"
		"request to `serve`, as Authorization: Bearer TOKEN. query may identify music and "
		"read\n"
		"the feed, the catalogue, its changes, sources, copies, conflicts and the state; "
		"ingest may\n"
		"also put tracks; admin may also edit and delete them, invite and remove sources, "
		"link\n"
		"and release copies, and settle conflicts. A removed token is refused from the "
		"next\n"
		"request on.\n",
	.options = options,
	.choices = choices,
	.arguments = "add list remove",
	.run = run,
};
