#include "cli/open_node.h"
#include "net/access.h"
#include "net/serve_lock.h"
#include "node/members.h"
#include "node/standing.h"
#include "peer/contact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_URL, OPTION_WITH_TRACKS, OPTION_YES, OPTION_TRACKS, OPTION_BYTES };

static const struct ep_option options[] = {
	[OPTION_URL] = { "url", 0, "URL",
	                 "address of this master for the invitation; it is remembered" },
	[OPTION_WITH_TRACKS] = { "with-tracks", 0, NULL,
	                         "remove: delete the source's tracks, on all nodes" },
	[OPTION_YES] = { "yes", 0, NULL, "remove: do not ask before tracks are deleted" },
	[OPTION_TRACKS] = { "tracks", 0, "N",
	                    "limit: maximum number of tracks, including deleted ones" },
	[OPTION_BYTES] = { "bytes", 0, "N", "limit: maximum number of bytes in the log" },
	{ 0 },
};

/* ---- add ---- */

/* Warns of an address at which nobody else finds this node. */
static void
warn_of_url(const char *url, const char *folder)
{
	bool http = strncmp(url, "http", 4) == 0;
	if (http && ep_host_is_loopback(ep_host_of(url)))
		ep_say("warning: %s is reached from this machine alone; --url sets the address "
		       "that slaves on other machines use",
		       url);
	else if (http && ep_serve_is_local(folder))
		ep_say("warning: `serve` listens for this machine alone, so slaves on others reach "
		       "it only through a proxy; to open it, run it with --listen 0.0.0.0:8070");
}

static enum ep_exit
run_add(const struct ep_call *call)
{
	const char *name = call->arguments[1];
	const char *key = call->argument_count > 2 ? call->arguments[2] : NULL;
	struct ep_invitation invitation;
	struct ep_key parsed;
	bool replaced = false;
	struct ep_error err;
	char text[EP_INVITATION_TEXT];
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	if (!ep_slave_name_ok(ep_text_of(name)))
		return ep_bad_usage(call->command,
		                    "\"%s\" is not a valid NAME: it must have 1 to %d of A-Z a-z "
		                    "0-9 . _ - and not be local or master",
		                    name, EP_SOURCE_NAME_MAX);
	if (key && !ep_key_parse(&parsed, ep_text_of(key)))
		return ep_bad_usage(call->command,
		                    "\"%s\" is not a KEY: give the %d hex digits that `status` "
		                    "shows on the slave",
		                    key, 2 * EP_KEY_SIZE);
	struct ep_new_member wanted = { .name = name,
		                        .key = key ? &parsed : NULL,
		                        .url = call->values[OPTION_URL] };
	if (ep_open_node(&node, call, EP_LOG_MAKE, false, &err) != EP_OK ||
	    ep_node_add_member(&invitation, &replaced, node, &wanted, &err) != EP_OK)
		return err.status == EP_USAGE ? ep_bad_usage(call->command, "%s", err.text)
		                              : ep_give_up(call, &err);
	if (replaced)
		ep_say("the previous invitation of %s is no longer valid", name);
	ep_invitation_print(text, &invitation);
	if (!key)
		warn_of_url(invitation.url, call->folder);
	if (call->json)
		return ep_print_json(key ? json_pack("{s:s}", "name", name)
		                         : json_pack("{s:s, s:s, s:s}", "name", name, "url",
		                                     invitation.url, "invitation", text),
		                     EP_EXIT_DONE);
	if (key) {
		printf("source %s may contribute\n", name);
		return EP_EXIT_DONE;
	}
	printf("%s\n", text);
	ep_say("run on the slave: echoprint join 'INVITATION', with the line above");
	return EP_EXIT_DONE;
}

/* ---- list ---- */

static void
print_peer(const struct ep_peer *peer)
{
	char key[EP_KEY_TEXT];
	char contact[EP_TIME_TEXT];
	ep_key_print(key, &peer->key);
	ep_time_print(contact, peer->contact);
	printf("%-16s %-8s %s", peer->name, ep_peer_word(peer, ep_time_now()),
	       peer->contact ? contact : "never seen");
	if (peer->has_key)
		printf("  %s", key);
	if (peer->error[0]) {
		fputs("  last refused: ", stdout);
		ep_print_text(ep_text_of(peer->error));
	}
	putchar('\n');
}

static enum ep_status
load_peers(struct ep_peer **peers, size_t *count, uint64_t *position, const struct ep_call *call,
           struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_open_log(&log, call, EP_LOG_READ, err));
	EP_TRY(ep_log_read_begin(&read, log, err));
	struct ep_log_state state;
	ep_log_state(&state, read);
	*position = state.position;
	EP_TRY(ep_peers(peers, count, read, err));
	ep_contacts_of_peers(*peers, *count, ep_log_folder(log));
	return EP_OK;
}

static enum ep_exit
run_list(const struct ep_call *call)
{
	EP_FREE struct ep_peer *peers = NULL;
	size_t count = 0;
	uint64_t position;
	struct ep_error err;
	if (load_peers(&peers, &count, &position, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	json_t *list = call->json ? json_array() : NULL;
	for (size_t i = 0; i < count; i++) {
		if (call->json)
			json_array_append_new(list, ep_peer_json(&peers[i], position));
		else
			print_peer(&peers[i]);
	}
	return call->json ? ep_print_json(json_pack("{s:o}", "sources", list), EP_EXIT_DONE)
	                  : EP_EXIT_DONE;
}

/* ---- remove ---- */

static enum ep_status
count_tracks(uint64_t *tracks, struct ep_log *log, const char *name, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	struct ep_peer peer;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_peer_load(&peer, read, name, err));
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	for (size_t i = 0; i < count; i++)
		*tracks += strcmp(sources[i].name, name) == 0 ? sources[i].tracks : 0;
	return EP_OK;
}

/* Says what would go, and whether the user wants that: by --yes, or at a terminal by "yes". */
static bool
is_wanted(const struct ep_call *call, const char *name, uint64_t tracks)
{
	char answer[8];
	if (call->values[OPTION_YES] || !tracks)
		return true;
	ep_say("this deletes %s of %s on all nodes, including %s itself",
	       ep_counted(tracks, "track"), name, name);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		ep_say("nothing was changed: add --yes to delete them, or leave out --with-tracks");
		return false;
	}
	fputs("type yes to delete them: ", stderr);
	if (fgets(answer, sizeof answer, stdin) && strcmp(answer, "yes\n") == 0)
		return true;
	ep_say("nothing was changed");
	return false;
}

static enum ep_exit
run_remove(const struct ep_call *call)
{
	const char *name = call->arguments[1];
	bool with_tracks = call->values[OPTION_WITH_TRACKS] != NULL;
	uint64_t deleted = 0;
	uint64_t tracks = 0;
	struct ep_error err;
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	if (ep_open_node(&node, call, EP_LOG_WRITE, false, &err) != EP_OK ||
	    count_tracks(&tracks, ep_node_log(node), name, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (with_tracks && !is_wanted(call, name, tracks))
		return EP_EXIT_FAILED;
	if (ep_node_remove_member(&deleted, node, name, with_tracks, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(
			json_pack("{s:s, s:I}", "removed", name, "deleted", (json_int_t)deleted),
			EP_EXIT_DONE);
	printf("source %s removed; %s deleted\n", name, ep_counted(deleted, "track"));
	return EP_EXIT_DONE;
}

/* ---- limit ---- */

static enum ep_status
limit_source(struct ep_peer *peer, const struct ep_call *call, const char *name,
             struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	uint64_t tracks = 0;
	uint64_t bytes = 0;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	/* Who is not known is told before what is wrong with a number. */
	EP_TRY(ep_node_limit_member(peer, node, name, 0, 0, err));
	if (call->values[OPTION_TRACKS])
		EP_TRY(ep_option_number(&tracks, "--tracks", call->values[OPTION_TRACKS], 1,
		                        INT64_MAX, err));
	if (call->values[OPTION_BYTES])
		EP_TRY(ep_option_number(&bytes, "--bytes", call->values[OPTION_BYTES], 1, INT64_MAX,
		                        err));
	return ep_node_limit_member(peer, node, name, tracks, bytes, err);
}

static enum ep_exit
run_limit(const struct ep_call *call)
{
	const char *name = call->arguments[1];
	struct ep_peer peer;
	struct ep_error err;
	if (limit_source(&peer, call, name, &err) != EP_OK)
		return err.status == EP_USAGE ? ep_bad_usage(call->command, "%s", err.text)
		                              : ep_give_up(call, &err);
	uint64_t tracks = peer.tracks_max ? peer.tracks_max : EP_PEER_TRACKS_MAX;
	uint64_t bytes = peer.bytes_max ? peer.bytes_max : EP_PEER_BYTES_MAX;
	if (call->json)
		return ep_print_json(json_pack("{s:s, s:I, s:I}", "name", name, "tracks_max",
		                               (json_int_t)tracks, "bytes_max", (json_int_t)bytes),
		                     EP_EXIT_DONE);
	printf("source %s may own %s and use %s of the log\n", name, ep_counted(tracks, "track"),
	       ep_bytes_text(bytes));
	return EP_EXIT_DONE;
}

static enum ep_exit
run(const struct ep_call *call)
{
	const char *what = call->argument_count ? call->arguments[0] : "";
	size_t count = call->argument_count;
	if (strcmp(what, "add") == 0 && (count == 2 || count == 3))
		return run_add(call);
	if (strcmp(what, "list") == 0 && count == 1)
		return run_list(call);
	if (strcmp(what, "remove") == 0 && count == 2)
		return run_remove(call);
	if (strcmp(what, "limit") == 0 && count == 2)
		return run_limit(call);
	return ep_bad_usage(call->command, "give add NAME [KEY], list, limit NAME or remove NAME");
}

const struct ep_command ep_cmd_source = {
	.name = "source",
	.synopsis = "add NAME [KEY] [--url URL] | list |\n"
		    "                        limit NAME [--tracks N] [--bytes N] |\n"
		    "                        remove NAME [--with-tracks [--yes]]",
	.summary = "On the master: manage who may contribute",
	.details =
		"add prints an invitation, a line for one slave, to be used there with `join`. "
		"With\n"
		"the KEY of a slave, it admits that slave at once. remove stops a slave from\n"
		"contributing; its tracks stay. With --with-tracks, they are deleted on all "
		"nodes,\n"
		"including that slave: remove asks first, unless --yes is given. limit shows or "
		"sets\n"
		"how much a slave may own; whatever exceeds it stays on the slave, which reports "
		"it.\n",
	.options = options,
	.arguments = "add list remove limit",
	.run = run,
};
