#include "node/members.h"

#include "base/time.h"
#include "node/node_name.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_PORT 8070

/* ---- adding ---- */

/* The address that slaves are told: what was given, now or before, else a guess. */
static enum ep_status
find_url(char url[EP_URL_MAX + 1], struct ep_log_write *write, const char *given,
         struct ep_error *err)
{
	struct ep_bytes known;
	char host[EP_SOURCE_NAME_MAX + 1];
	if (given && strlen(given) > EP_URL_MAX)
		return ep_fail(err, EP_USAGE, "the URL is longer than %d bytes", EP_URL_MAX);
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

enum ep_status
ep_node_add_member(struct ep_invitation *invitation, bool *replaced, struct ep_node *node,
                   const struct ep_new_member *wanted, struct ep_error *err)
{
	struct ep_log *log = ep_node_log(node);
	const char *name = wanted->name;
	const struct ep_key *key = wanted->key;
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
		               "source %s already exists; to give its name to another node, "
		               "remove it first",
		               name);
	snprintf(peer.name, sizeof peer.name, "%s", name);
	*invitation = (struct ep_invitation){ .key = keys.key };
	snprintf(invitation->name, sizeof invitation->name, "%s", name);
	EP_TRY(find_url(invitation->url, write, wanted->url, err));
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

/* ---- removing ---- */

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

enum ep_status
ep_node_remove_member(uint64_t *deleted, struct ep_node *node, const char *name, bool with_tracks,
                      struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_peer peer;
	uint32_t number;
	EP_TRY(ep_log_write_begin(&write, ep_node_log(node), err));
	EP_TRY(ep_peer_load(&peer, ep_log_inside(write), name, err));
	EP_TRY(ep_peer_remove(write, name, err));
	EP_TRY(ep_log_source(&number, write, ep_text_of(name), err));
	if (with_tracks)
		EP_TRY(delete_tracks(deleted, write, number, err));
	return ep_log_commit(&write, err);
}

/* ---- limits ---- */

enum ep_status
ep_node_limit_member(struct ep_peer *peer, struct ep_node *node, const char *name,
                     uint64_t tracks_max, uint64_t bytes_max, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, ep_node_log(node), err));
	EP_TRY(ep_peer_load(peer, ep_log_inside(write), name, err));
	if (!tracks_max && !bytes_max)
		return EP_OK;
	if (tracks_max)
		peer->tracks_max = tracks_max;
	if (bytes_max)
		peer->bytes_max = bytes_max;
	EP_TRY(ep_peer_store(write, peer, err));
	return ep_log_commit(&write, err);
}
