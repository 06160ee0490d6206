#include "cli/open_node.h"
#include "format/json_text.h"
#include "net/slave.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_MIRROR };

static const struct ep_option options[] = {
	[OPTION_MIRROR] = { "mirror", 0, "URL",
	                    "fetch the feed from this URL instead of the master's" },
	{ 0 },
};

/* Reads the arguments: an invitation, which may stand alone, or the bare key of the master. */
static enum ep_status
read_arguments(struct ep_invitation *invitation, bool *secret, const struct ep_call *call,
               struct ep_error *err)
{
	const char *last = call->arguments[call->argument_count - 1];
	*invitation = (struct ep_invitation){ 0 };
	*secret = !ep_key_parse(&invitation->key, ep_text_of(last));
	if (*secret)
		EP_TRY(ep_invitation_parse(invitation, ep_text_of(last), err));
	const char *url = call->argument_count > 1 ? call->arguments[0] : invitation->url;
	if (strlen(url) > EP_URL_MAX)
		return ep_fail(err, EP_USAGE, "the URL is longer than %d bytes", EP_URL_MAX);
	if (url != invitation->url)
		snprintf(invitation->url, sizeof invitation->url, "%s", url);
	return invitation->url[0] ? EP_OK
	                          : ep_fail(err, EP_USAGE, "give the URL of the master as well");
}

static enum ep_status
join(bool *waits, char key[EP_KEY_TEXT], struct ep_invitation *invitation, bool secret,
     const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	struct ep_keys keys;
	EP_TRY(ep_open_log(&log, call, EP_LOG_MAKE, err));
	EP_TRY(ep_keys_open(&keys, call->folder, err));
	ep_key_print(key, &keys.key);
	return ep_slave_join(waits, log, invitation, secret, call->values[OPTION_MIRROR],
	                     call->stop, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_invitation invitation;
	struct ep_error err;
	char key[EP_KEY_TEXT];
	bool secret;
	bool waits = false;
	if (call->argument_count < 1 || call->argument_count > 2)
		return ep_bad_usage(call->command,
		                    "give the invitation that `source add` printed on the master");
	if (read_arguments(&invitation, &secret, call, &err) != EP_OK)
		return ep_bad_usage(call->command, "%s", err.text);
	if (join(&waits, key, &invitation, secret, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:o, s:s, s:s, s:b}", "url",
		                               ep_json_text(ep_text_of(invitation.url)), "source",
		                               invitation.name, "key", key, "waits", waits),
		                     EP_EXIT_DONE);
	if (secret)
		printf("joined %s as %s\n", invitation.url, invitation.name);
	else
		printf("joined %s; if the master does not know this node yet, run there: echoprint "
		       "source add NAME %s\n",
		       invitation.url, key);
	if (waits)
		printf("the request stays there until the master publishes\n");
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_join = {
	.name = "join",
	.synopsis = "[--mirror URL] [URL] INVITATION",
	.summary = "Make this node a slave of a master",
	.details =
		"INVITATION is the line that `source add` printed on the master. It contains the\n"
		"address and the key of the master. The key is stored, and nothing signed with "
		"another\n"
		"key is accepted from then on. URL replaces the address: http://, https://, "
		"file:// or a\n"
		"folder, for example on a USB stick. INVITATION may also be just the master's "
		"key, from\n"
		"its `status`; URL is needed then. This node can contribute once\n"
		"`source add NAME KEY` has been run on the master.\n",
	.options = options,
	.run = run,
};
