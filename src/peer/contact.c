#include "peer/contact.h"

#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)16 << 20)
#define LINE_MAX_SIZE (EP_KEY_TEXT + 5 * 21 + EP_PEER_ERROR)
#define MIRROR "mirror"

struct contacts {
	struct ep_contact *items;
	size_t count;
	size_t capacity;
};

/* The contact with a key; one is made where there is none. NULL: out of memory. */
static struct ep_contact *
find(struct contacts *contacts, const struct ep_key *key)
{
	for (size_t i = 0; i < contacts->count; i++) {
		if (ep_key_equal(&contacts->items[i].key, key))
			return &contacts->items[i];
	}
	if (contacts->count == contacts->capacity) {
		size_t wanted = contacts->capacity ? contacts->capacity * 2 : 16;
		struct ep_contact *items = realloc(contacts->items, wanted * sizeof *items);
		if (!items)
			return NULL;
		contacts->items = items;
		contacts->capacity = wanted;
	}
	struct ep_contact *made = &contacts->items[contacts->count++];
	*made = (struct ep_contact){ .key = *key };
	return made;
}

/* ---- the file ---- */

/* Reads a line; false where it is none. */
static bool
read_line(struct ep_contact *contact, const char *line)
{
	struct ep_contact read = { 0 };
	int used = 0;
	if (strlen(line) < EP_KEY_TEXT ||
	    !ep_key_parse(&read.key, (struct ep_text){ line, EP_KEY_TEXT - 1 }))
		return false;
	if (sscanf(line + EP_KEY_TEXT - 1,
	           " %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", &read.position,
	           &read.position_at, &read.at, &read.noted, &read.feed_time, &used) != 5)
		return false;
	const char *error = line + EP_KEY_TEXT - 1 + used;
	snprintf(read.error, sizeof read.error, "%s", error + (*error == ' '));
	*contact = read;
	return true;
}

void
ep_contact_state_read(struct ep_contact_state *state, const char *text)
{
	size_t size = EP_HASH_TEXT - 1;
	*state = (struct ep_contact_state){ 0 };
	if (*text != ' ' || strspn(++text, "0123456789abcdef") != size)
		return;
	memcpy(state->digest, text, size);
	state->mirrors = strcmp(text + size, " " MIRROR) == 0;
}

/* Reads a line that says more of one that an earlier line is about; false where it does not. */
static bool
read_state(struct contacts *contacts, const char *line)
{
	struct ep_key key;
	if (strlen(line) < EP_KEY_TEXT + 1 || strncmp(line + EP_KEY_TEXT - 1, " =", 2) != 0 ||
	    !ep_key_parse(&key, (struct ep_text){ line, EP_KEY_TEXT - 1 }))
		return false;
	struct ep_contact *kept = find(contacts, &key);
	if (kept)
		ep_contact_state_read(&kept->state, line + EP_KEY_TEXT + 1);
	return true;
}

static void
read_file(struct contacts *contacts, const char *folder)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FREE char *path = ep_path_join(folder, EP_CONTACTS_FILE);
	if (!path || ep_read_file(&text, path, FILE_MAX, NULL) != EP_OK ||
	    ep_buffer_append(&text, "", 1, NULL) != EP_OK)
		return;
	char *rest = (char *)text.data;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		struct ep_contact read;
		if (read_state(contacts, line))
			continue;
		struct ep_contact *kept = read_line(&read, line) ? find(contacts, &read.key) : NULL;
		if (kept)
			*kept = read;
	}
}

/* Replaces the file. It need not survive power loss, so that nothing is synced. */
static void
write_file(const struct contacts *contacts, const char *folder)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FREE char *path = ep_path_join(folder, EP_CONTACTS_FILE);
	EP_FREE char *part = ep_path_join(folder, EP_CONTACTS_FILE ".part");
	if (!path || !part)
		return;
	for (size_t i = 0; i < contacts->count; i++) {
		const struct ep_contact *contact = &contacts->items[i];
		char key[EP_KEY_TEXT];
		char line[LINE_MAX_SIZE + 8];
		const struct ep_contact_state *state = &contact->state;
		ep_key_print(key, &contact->key);
		int size = snprintf(line, sizeof line,
		                    "%s %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
		                    " %s\n",
		                    key, contact->position, contact->position_at, contact->at,
		                    contact->noted, contact->feed_time, contact->error);
		if (ep_buffer_append(&text, line, (size_t)size, NULL) != EP_OK)
			return;
		size = snprintf(line, sizeof line, "%s = %s%s\n", key, state->digest,
		                state->mirrors ? " " MIRROR : "");
		if (*state->digest && ep_buffer_append(&text, line, (size_t)size, NULL) != EP_OK)
			return;
	}
	EP_FD int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || ep_write_all(fd, text.data, text.size, part, NULL) != EP_OK ||
	    rename(part, path) != 0)
		(void)unlink(part);
}

/* ---- noting ---- */

/* A moment that moves is worth the file only after a while; one that goes back is, too. */
static bool
moves(int64_t *kept, int64_t news)
{
	if (!news || news == *kept)
		return false;
	bool far = news < *kept || news - *kept >= EP_CONTACT_PAUSE_S;
	*kept = news;
	return far;
}

/* Merges what is new of a contact; whether it is worth the file. */
static bool
merge(struct ep_contact *kept, const struct ep_contact *news)
{
	char error[EP_PEER_ERROR];
	snprintf(error, sizeof error, "%s", news->error);
	for (char *at = error; *at; at++)
		*at = (unsigned char)*at < ' ' ? ' ' : *at;
	bool worth = false;
	if (news->position_at) {
		worth |= kept->position != news->position ||
		         strcmp(kept->state.digest, news->state.digest) != 0 ||
		         kept->state.mirrors != news->state.mirrors;
		kept->position = news->position;
		kept->state = news->state;
	}
	if (news->noted) {
		worth |= strcmp(kept->error, error) != 0;
		memcpy(kept->error, error, sizeof error);
	}
	worth |= moves(&kept->position_at, news->position_at);
	worth |= moves(&kept->at, news->at);
	worth |= moves(&kept->noted, news->noted);
	return moves(&kept->feed_time, news->feed_time) || worth;
}

void
ep_contacts_note(const char *folder, const struct ep_contact *contacts, size_t count)
{
	struct contacts kept = { 0 };
	bool worth = false;
	EP_FD int fd = -1;
	if (count == 0 || ep_lock_file(&fd, folder, EP_CONTACTS_FILE ".lock", NULL) != EP_OK)
		return;
	read_file(&kept, folder);
	for (size_t i = 0; i < count; i++) {
		struct ep_contact *contact = find(&kept, &contacts[i].key);
		worth |= contact && merge(contact, &contacts[i]);
	}
	if (worth)
		write_file(&kept, folder);
	free(kept.items);
}

/* ---- asking ---- */

/* What the log says of the contact and what the file says: the later one of each. */
static void
overlay(int64_t *at, char error[EP_PEER_ERROR], const struct ep_contact *contact)
{
	if (contact->noted && contact->noted >= *at)
		memcpy(error, contact->error, EP_PEER_ERROR);
	if (contact->at > *at)
		*at = contact->at;
}

void
ep_contacts_of_peers(struct ep_peer *peers, size_t count, const char *folder)
{
	struct contacts kept = { 0 };
	read_file(&kept, folder);
	for (size_t i = 0; i < count; i++) {
		struct ep_peer *peer = &peers[i];
		const struct ep_contact *contact = peer->has_key ? find(&kept, &peer->key) : NULL;
		if (!contact)
			continue;
		overlay(&peer->contact, peer->error, contact);
		if (contact->position_at > peer->fetched_at) {
			peer->fetched = contact->position;
			peer->fetched_at = contact->position_at;
			peer->state = contact->state;
		}
	}
	free(kept.items);
}

void
ep_contact_of_master(struct ep_master *master, const char *folder)
{
	struct contacts kept = { 0 };
	read_file(&kept, folder);
	const struct ep_contact *contact = find(&kept, &master->key);
	if (contact) {
		overlay(&master->contact, master->error, contact);
		if (contact->feed_time > master->feed_time)
			master->feed_time = contact->feed_time;
	}
	free(kept.items);
}
