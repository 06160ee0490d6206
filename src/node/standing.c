#include "node/standing.h"

#include "format/json_text.h"
#include "peer/contact.h"
#include "sync/master/feed_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

json_t *
ep_moment_json(int64_t moment)
{
	char text[EP_TIME_TEXT];
	ep_time_print(text, moment);
	return moment ? json_string(text) : json_null();
}

const char *
ep_peer_state(const struct ep_peer *peer)
{
	return peer->has_key ? "in" : "invited";
}

const char *
ep_peer_word(const struct ep_peer *peer, int64_t now)
{
	bool silent = peer->has_key && peer->contact && now - peer->contact > EP_PEER_SILENT_S;
	return silent ? "silent" : ep_peer_state(peer);
}

static json_t *
error_json(const char *error)
{
	return *error ? ep_json_text(ep_text_of(error)) : json_null();
}

uint64_t
ep_peer_behind(const struct ep_peer *peer, uint64_t position)
{
	return position > peer->fetched ? position - peer->fetched : 0;
}

json_t *
ep_peer_json(const struct ep_peer *peer, uint64_t position)
{
	char key[EP_KEY_TEXT];
	ep_key_print(key, &peer->key);
	json_t *lag = peer->fetched_at ? json_integer((json_int_t)ep_peer_behind(peer, position))
	                               : json_null();
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:s?, s:b, s:o, s:o, s:I, s:I}",
	                 "name", peer->name, "state", ep_peer_state(peer), "key",
	                 peer->has_key ? json_string(key) : json_null(), "contributed",
	                 (json_int_t)peer->position, "fetched", (json_int_t)peer->fetched, "lag",
	                 lag, "fetched_at", ep_moment_json(peer->fetched_at), "digest",
	                 *peer->state.digest ? peer->state.digest : NULL, "mirror",
	                 peer->state.mirrors, "contact", ep_moment_json(peer->contact), "error",
	                 error_json(peer->error), "tracks_max",
	                 (json_int_t)(peer->tracks_max ? peer->tracks_max : EP_PEER_TRACKS_MAX),
	                 "bytes_max",
	                 (json_int_t)(peer->bytes_max ? peer->bytes_max : EP_PEER_BYTES_MAX));
}

uint64_t
ep_master_seen(const struct ep_master *master)
{
	return master->seen.position > master->position ? master->seen.position : master->position;
}

static json_t *
master_json(const struct ep_standing *standing)
{
	const struct ep_master *master = &standing->master;
	const struct ep_pending *pending = &standing->pending;
	char key[EP_KEY_TEXT];
	if (!standing->has_master)
		return json_null();
	ep_key_print(key, &master->key);
	uint64_t seen = ep_master_seen(master);
	return json_pack(
		"{s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
		"url", ep_json_text(ep_text_of(master->url)), "mirror", error_json(master->mirror),
		"source", master->source, "key", key, "epoch", (json_int_t)master->epoch.number,
		"position", (json_int_t)master->position, "seen", (json_int_t)seen, "lag",
		(json_int_t)(seen - master->position), "pending",
		(json_int_t)(pending->unsent + pending->sent), "refused",
		(json_int_t)pending->refused, "full", (json_int_t)pending->full, "conflicts",
		(json_int_t)master->conflicts, "rejected", (json_int_t)master->rejected,
		"feed_time", ep_moment_json(master->feed_time), "contact",
		ep_moment_json(master->contact), "error", error_json(master->error));
}

/* The node's key as text; empty where it has none yet. */
static void
read_key(char text[EP_KEY_TEXT], const char *folder)
{
	struct ep_keys keys;
	char path[4096];
	snprintf(path, sizeof path, "%s/key", folder);
	text[0] = '\0';
	if (eaccess(path, R_OK) == 0 && ep_keys_open(&keys, folder, NULL) == EP_OK)
		ep_key_print(text, &keys.key);
}

void
ep_standing_read(struct ep_standing *standing, const struct ep_log_read *read, const char *folder)
{
	struct ep_log_state state;
	*standing = (struct ep_standing){ 0 };
	ep_log_state(&state, read);
	standing->position = state.position;
	read_key(standing->key, folder);
	standing->has_published = ep_feed_published(&standing->published, read, NULL) == EP_OK;
	standing->has_master = ep_master_load(&standing->master, read, NULL) == EP_OK &&
	                       ep_sync_pending(&standing->pending, read, NULL) == EP_OK;
	if (standing->has_master)
		ep_contact_of_master(&standing->master, folder);
	standing->has_peers =
		ep_peers(&standing->peers, &standing->peer_count, read, NULL) == EP_OK;
	if (standing->has_peers)
		ep_contacts_of_peers(standing->peers, standing->peer_count, folder);
}

void
ep_standing_done(struct ep_standing *standing)
{
	free(standing->peers);
	*standing = (struct ep_standing){ 0 };
}

json_t *
ep_standing_json(const struct ep_standing *standing)
{
	if (!standing->has_peers || !standing->has_published)
		return NULL;
	json_t *list = json_array();
	for (size_t i = 0; i < standing->peer_count; i++)
		json_array_append_new(list, ep_peer_json(&standing->peers[i], standing->position));
	return json_pack("{s:o, s:I, s:o, s:o}", "key", error_json(standing->key), "published",
	                 (json_int_t)standing->published, "master", master_json(standing), "peers",
	                 list);
}
