#include "cli/cli.h"
#include "cli/standing.h"
#include "peer/contact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_URL, OPTION_WITH_TRACKS, OPTION_TRACKS, OPTION_BYTES };

static const struct ep_option options[] = {
	[OPTION_URL] = { "url", 0, "URL", "address of this master for the invitation; remembered" },
	[OPTION_WITH_TRACKS] = { "with-tracks", 0, NULL,
	                         "remove: delete what the source brought, at all nodes" },
	[OPTION_TRACKS] = { "tracks", 0, "N", "limit: so many tracks, deleted ones too" },
	[OPTION_BYTES] = { "bytes", 0, "N", "limit: so many bytes in the log" },
	{ 0 },
};

#define DEFAULT_PORT 8070

/* ---- add ---- */

/* The address that slaves are told: what was given, now or before, else a guess. */
static enum ep_status
find_url(char url[EP_URL_MAX + 1], struct ep_log_write *write, const char *given,
         struct ep_error *err)
{
	struct ep_bytes known;
	char host[EP_SOURCE_NAME_MAX + 1];
	if (given && strlen(given) > EP_URL_MAX)
		return ep_fail(err, EP_USAGE, "the URL has over %d bytes", EP_URL_MAX);
	if (given) {
		snprintf(url, EP_URL_MAX + 1, "%s", given);
		return ep_log_set_value(write, EP_URL_VALUE, ep_bytes_of_text(ep_text_of(given)),
		                        err);
	}
	enum ep_status status = ep_log_value(&known, ep_log_inside(write), EP_URL_VALUE, err);
	if (status == EP_OK && known.size <= EP_URL_MAX) {
		memcpy(url, known.at, known.size);
		url[known.size] = '\0';
		return EP_OK;
	}
	ep_host_name(host);
	snprintf(url, EP_URL_MAX + 1, "http://%s:%d/", host, DEFAULT_PORT);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* Makes an invitation, of which the log gets what it takes to know it again. */
static void
invite(struct ep_invitation *invitation, struct ep_peer *peer)
{
	struct ep_keys keys;
	randombytes_buf(invitation->secret, sizeof invitation->secret);
	ep_invitation_keys(&keys, invitation->secret);
	peer->invited = true;
	peer->invitation = keys.key;
	sodium_memzero(&keys, sizeof keys);
}

/* Lets a key in, or makes an invitation where none (NULL) is given. *replaced says that there was
 * an open one, which is good no longer. */
static enum ep_status
add(struct ep_invitation *invitation, bool *replaced, struct ep_log *log, const char *name,
    const struct ep_key *key, const char *url, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_peer peer = { 0 };
	struct ep_keys keys;
	uint32_t number;
	EP_TRY(ep_keys_open(&keys, ep_log_folder(log), err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_peer_check_new(ep_log_inside(write), name, key, &keys.key, err));
	EP_TRY(ep_log_source(&number, write, ep_text_of(name), err));
	enum ep_status status = ep_peer_load(&peer, ep_log_inside(write), name, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	if (peer.has_key)
		return ep_fail(err, EP_BAD_INPUT,
		               "the source %s is in already; remove it first, to let another node "
		               "have the name",
		               name);
	snprintf(peer.name, sizeof peer.name, "%s", name);
	*invitation = (struct ep_invitation){ .key = keys.key };
	snprintf(invitation->name, sizeof invitation->name, "%s", name);
	EP_TRY(find_url(invitation->url, write, url, err));
	*replaced = peer.invited;
	peer.has_key = key != NULL;
	peer.invited = false;
	peer.invitation = (struct ep_key){ 0 };
	if (key)
		peer.key = *key;
	else
		invite(invitation, &peer);
	EP_TRY(ep_peer_store(write, &peer, err));
	if (peer.has_key)
		EP_TRY(ep_peer_name_key(write, &peer, err));
	return ep_log_commit(&write, err);
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
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	if (!ep_slave_name_ok(ep_text_of(name)))
		return ep_bad_usage(
			call->command,
			"\"%s\" is no NAME: 1 to %d of A-Z a-z 0-9 . _ -, and not local "
			"or master",
			name, EP_SOURCE_NAME_MAX);
	if (key && !ep_key_parse(&parsed, ep_text_of(key)))
		return ep_bad_usage(
			call->command,
			"\"%s\" is no KEY: %d hex digits, as `status` on the slave shows", key,
			2 * EP_KEY_SIZE);
	if (ep_log_open(&log, call->folder, EP_LOG_MAKE, &err) != EP_OK ||
	    add(&invitation, &replaced, log, name, key ? &parsed : NULL, call->values[OPTION_URL],
	        &err) != EP_OK)
		return err.status == EP_USAGE ? ep_bad_usage(call->command, "%s", err.text)
		                              : ep_give_up(call, &err);
	if (replaced)
		ep_say("the invitation that %s had no longer works", name);
	ep_invitation_print(text, &invitation);
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
	ep_say("on the slave: echoprint join %s 'INVITATION', with the line above", invitation.url);
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
	printf("%-16s %-8s %s", peer->name, ep_peer_state(peer),
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
	EP_TRY(ep_log_open(&log, call->folder, EP_LOG_READ, err));
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
delete_tracks(uint64_t *deleted, struct ep_log_write *write, uint32_t number, struct ep_error *err)
{
	for (uint64_t after = 0;;) {
		EP_OWNED(ep_log_cursor_close)
		struct ep_log_cursor *cursor = NULL;
		struct ep_entry entry;
		char id[256];
		enum ep_status status;
		EP_TRY(ep_log_cursor_open(&cursor, ep_log_inside(write), after, number, err));
		while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK &&
		       entry.operation != EP_PUT)
			continue;
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		after = entry.position;
		struct ep_text copy = { id, entry.id.size };
		memcpy(id, entry.id.at, entry.id.size);
		ep_log_cursor_close(EP_TAKE(cursor));
		EP_TRY(ep_log_delete(write, copy, ep_time_now(), err));
		++*deleted;
	}
}

static enum ep_status
remove_source(uint64_t *deleted, const struct ep_call *call, const char *name, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_peer peer;
	uint32_t number;
	EP_TRY(ep_log_open(&log, call->folder, EP_LOG_WRITE, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_peer_load(&peer, ep_log_inside(write), name, err));
	EP_TRY(ep_peer_remove(write, name, err));
	EP_TRY(ep_log_source(&number, write, ep_text_of(name), err));
	if (call->values[OPTION_WITH_TRACKS])
		EP_TRY(delete_tracks(deleted, write, number, err));
	return ep_log_commit(&write, err);
}

static enum ep_exit
run_remove(const struct ep_call *call)
{
	const char *name = call->arguments[1];
	uint64_t deleted = 0;
	struct ep_error err;
	if (remove_source(&deleted, call, name, &err) != EP_OK)
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
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_open(&log, call->folder, EP_LOG_WRITE, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_peer_load(peer, ep_log_inside(write), name, err));
	if (call->values[OPTION_TRACKS])
		EP_TRY(ep_option_number(&peer->tracks_max, "--tracks", call->values[OPTION_TRACKS],
		                        1, INT64_MAX, err));
	if (call->values[OPTION_BYTES])
		EP_TRY(ep_option_number(&peer->bytes_max, "--bytes", call->values[OPTION_BYTES], 1,
		                        INT64_MAX, err));
	EP_TRY(ep_peer_store(write, peer, err));
	return ep_log_commit(&write, err);
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
	printf("source %s may have %s and %s in the log\n", name, ep_counted(tracks, "track"),
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
	return ep_bad_usage(call->command,
	                    "give: add NAME [KEY], list, limit NAME, or remove NAME");
}

const struct ep_command ep_cmd_source = {
	.name = "source",
	.synopsis = "add NAME [KEY] | list | limit NAME | remove NAME",
	.summary = "On the master: say who may contribute",
	.details =
		"add prints an invitation, one line for one slave, which `join` takes there; with\n"
		"the KEY of a slave, it is let in at once. A slave that was removed contributes "
		"no\n"
		"more; what it brought stays, unless --with-tracks is given: then it is deleted "
		"at\n"
		"all nodes, that slave's own too. limit sets how much a slave may have, and shows\n"
		"it; what is beyond stays at the slave, which is told.\n",
	.options = options,
	.run = run,
};
