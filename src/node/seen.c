#include "node/seen.h"

#include <stdlib.h>
#include <string.h>

void
ep_seen_take(struct ep_seen *seen, const char *header)
{
	struct ep_key key;
	if (!header || strlen(header) < (size_t)2 * EP_KEY_SIZE + 2 ||
	    !ep_key_parse(&key, (struct ep_text){ header, (size_t)2 * EP_KEY_SIZE }))
		return;
	char *rest;
	struct ep_contact_state state;
	uint64_t position = strtoull(header + (ptrdiff_t)2 * EP_KEY_SIZE + 1, &rest, 10);
	ep_contact_state_read(&state, rest);
	pthread_mutex_lock(&seen->mutex);
	size_t i = 0;
	while (i < seen->count && memcmp(&seen->items[i].key, &key, sizeof key) != 0)
		i++;
	if (i < EP_SEEN_MAX) {
		seen->items[i].key = key;
		seen->items[i].position = position;
		seen->items[i].state = state;
		seen->count += i == seen->count;
	}
	pthread_mutex_unlock(&seen->mutex);
}

/* Finds what a slave said; false where it said nothing. */
static bool
find(const struct ep_seen *seen, const struct ep_peer *peer, struct ep_contact *said)
{
	for (size_t i = 0; i < seen->count; i++) {
		if (memcmp(&seen->items[i].key, &peer->key, sizeof peer->key) == 0) {
			said->position = seen->items[i].position;
			said->state = seen->items[i].state;
			return true;
		}
	}
	return false;
}

static enum ep_status
note(const struct ep_seen *seen, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_peer *peers = NULL;
	size_t count;
	size_t noted = 0;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, log, err));
	ep_log_state(&state, read);
	EP_TRY(ep_peers(&peers, &count, read, err));
	EP_FREE struct ep_contact *contacts = calloc(count + 1, sizeof *contacts);
	if (!contacts)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	int64_t now = ep_time_now();
	for (size_t i = 0; i < count; i++) {
		struct ep_contact said = { .key = peers[i].key, .position_at = now, .at = now };
		/* Nobody can have come further than the log. */
		if (peers[i].has_key && find(seen, &peers[i], &said) &&
		    said.position <= state.position)
			contacts[noted++] = said;
	}
	ep_contacts_note(ep_log_folder(log), contacts, noted);
	return EP_OK;
}

void
ep_seen_note(struct ep_seen *seen, struct ep_log *log)
{
	EP_FREE struct ep_seen *taken = malloc(sizeof *taken);
	if (!taken)
		return;
	pthread_mutex_lock(&seen->mutex);
	taken->count = seen->count;
	memcpy(taken->items, seen->items, seen->count * sizeof *seen->items);
	seen->count = 0;
	pthread_mutex_unlock(&seen->mutex);
	if (taken->count)
		(void)!note(taken, log, NULL);
}
