#include "cli/standing.h"

#include "format/json_text.h"
#include "peer/contact.h"
#include "sync/master/feed_writer.h"
#include "sync/slave/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static json_t *
error_json(const char *error)
{
	return *error ? ep_json_text(ep_text_of(error)) : json_null();
}

/* Changes that a slave has not fetched. The log may be an older copy than what it has. */
static uint64_t
behind(const struct ep_peer *peer, uint64_t position)
{
	return position > peer->fetched ? position - peer->fetched : 0;
}

json_t *
ep_peer_json(const struct ep_peer *peer, uint64_t position)
{
	char key[EP_KEY_TEXT];
	ep_key_print(key, &peer->key);
	json_t *lag =
		peer->fetched_at ? json_integer((json_int_t)behind(peer, position)) : json_null();
	return json_pack(
		"{s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I}", "name", peer->name,
		"state", ep_peer_state(peer), "key", peer->has_key ? json_string(key) : json_null(),
		"contributed", (json_int_t)peer->position, "fetched", (json_int_t)peer->fetched,
		"lag", lag, "fetched_at", ep_moment_json(peer->fetched_at), "contact",
		ep_moment_json(peer->contact), "error", error_json(peer->error), "tracks_max",
		(json_int_t)(peer->tracks_max ? peer->tracks_max : EP_PEER_TRACKS_MAX), "bytes_max",
		(json_int_t)(peer->bytes_max ? peer->bytes_max : EP_PEER_BYTES_MAX));
}

/* Up to where the feed has been seen: while it is applied anew, it may be seen less far. */
static uint64_t
seen_position(const struct ep_master *master)
{
	return master->seen.position > master->position ? master->seen.position : master->position;
}

static json_t *
master_json(const struct ep_log_read *read, const char *folder)
{
	struct ep_master master;
	char key[EP_KEY_TEXT];
	struct ep_pending pending;
	if (ep_master_load(&master, read, NULL) != EP_OK ||
	    ep_sync_pending(&pending, read, NULL) != EP_OK)
		return json_null();
	ep_contact_of_master(&master, folder);
	ep_key_print(key, &master.key);
	uint64_t seen = seen_position(&master);
	return json_pack(
		"{s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
		"url", ep_json_text(ep_text_of(master.url)), "mirror", error_json(master.mirror),
		"source", master.source, "key", key, "epoch", (json_int_t)master.epoch.number,
		"position", (json_int_t)master.position, "seen", (json_int_t)seen, "lag",
		(json_int_t)(seen - master.position), "pending",
		(json_int_t)(pending.unsent + pending.sent), "refused", (json_int_t)pending.refused,
		"full", (json_int_t)pending.full, "conflicts", (json_int_t)master.conflicts,
		"rejected", (json_int_t)master.rejected, "feed_time",
		ep_moment_json(master.feed_time), "contact", ep_moment_json(master.contact),
		"error", error_json(master.error));
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

json_t *
ep_standing_json(const struct ep_log_read *read, const char *folder)
{
	EP_FREE struct ep_peer *peers = NULL;
	size_t count = 0;
	uint64_t published = 0;
	char key[EP_KEY_TEXT];
	struct ep_log_state state;
	if (ep_peers(&peers, &count, read, NULL) != EP_OK ||
	    ep_feed_published(&published, read, NULL) != EP_OK)
		return NULL;
	ep_contacts_of_peers(peers, count, folder);
	ep_log_state(&state, read);
	read_key(key, folder);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, ep_peer_json(&peers[i], state.position));
	return json_pack("{s:o, s:I, s:o, s:o}", "key", error_json(key), "published",
	                 (json_int_t)published, "master", master_json(read, folder), "peers", list);
}

static void
print_master(const struct ep_log_read *read, const char *folder)
{
	struct ep_master master;
	struct ep_pending pending;
	char contact[EP_TIME_TEXT];
	if (ep_master_load(&master, read, NULL) != EP_OK ||
	    ep_sync_pending(&pending, read, NULL) != EP_OK)
		return;
	ep_contact_of_master(&master, folder);
	ep_time_print(contact, master.contact);
	/* Who joined by the master's key alone has no name from it. */
	printf("master       %s%s%s: followed to position %s", master.url,
	       master.source[0] ? ", as " : "", master.source, ep_grouped(master.position));
	if (master.seen.position > master.position)
		printf(" of %s", ep_grouped(master.seen.position));
	printf(", %s to contribute; last reached %s\n",
	       ep_counted(pending.unsent + pending.sent, "track"),
	       master.contact ? contact : "never");
	if (pending.refused)
		printf("             it refuses %s of this node\n",
		       ep_counted(pending.refused, "track"));
	if (pending.full)
		printf("             %s go beyond its limit for this node (`source limit` there)\n",
		       ep_counted(pending.full, "track"));
	if (master.conflicts + master.rejected)
		printf("             it did not take %s in conflict, %s rejected\n",
		       ep_counted(master.conflicts, "track"), ep_grouped(master.rejected));
	if (master.error[0]) {
		fputs("             last failure: ", stdout);
		ep_print_text(ep_text_of(master.error));
		putchar('\n');
	}
}

static void
print_peer(const struct ep_peer *peer, uint64_t position)
{
	char contact[EP_TIME_TEXT];
	ep_time_print(contact, peer->contact);
	printf("slave        %s: %s, contributed up to position %s", peer->name,
	       ep_peer_state(peer), ep_grouped(peer->position));
	if (peer->fetched_at)
		printf(", %s behind", ep_grouped(behind(peer, position)));
	printf("; last heard of %s\n", peer->contact ? contact : "never");
	if (peer->error[0]) {
		fputs("             last refusal: ", stdout);
		ep_print_text(ep_text_of(peer->error));
		putchar('\n');
	}
}

void
ep_print_standing(const struct ep_log_read *read, const char *folder)
{
	EP_FREE struct ep_peer *peers = NULL;
	size_t count = 0;
	uint64_t published = 0;
	char key[EP_KEY_TEXT];
	struct ep_log_state state;
	ep_log_state(&state, read);
	read_key(key, folder);
	if (key[0])
		printf("key          %s\n", key);
	if (ep_feed_published(&published, read, NULL) == EP_OK && published)
		printf("feed         position %s, %s to publish\n", ep_grouped(published),
		       ep_counted(state.position - published, "change"));
	print_master(read, folder);
	if (ep_peers(&peers, &count, read, NULL) != EP_OK)
		return;
	ep_contacts_of_peers(peers, count, folder);
	for (size_t i = 0; i < count; i++)
		print_peer(&peers[i], state.position);
}
