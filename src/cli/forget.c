#include "cli/forget.h"

#include "cli/open_node.h"
#include "node/followers.h"

#include <stdio.h>

static enum ep_status
forget(bool *was, const struct ep_call *call, const char *follower, struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	return ep_follower_remove(was, ep_node_log(node), follower, err);
}

enum ep_exit
ep_forget(const struct ep_call *call, const char *front, const char *name)
{
	char follower[EP_FOLLOWER_NAME_MAX + 16];
	struct ep_error err;
	bool was;
	snprintf(follower, sizeof follower, "%s.%.100s", front, name);
	if (forget(&was, call, follower, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:s, s:b}", "follower", follower, "removed", was),
		                     EP_EXIT_DONE);
	printf(was ? "follower %s is no longer listed\n" : "there is no follower %s\n", follower);
	return EP_EXIT_DONE;
}
