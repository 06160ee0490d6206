/* seen.h - how far slaves say that they are, when they ask for the feed
 *
 * What they say (a header "Echoprint-At: KEY POSITION", and a state: contact.h) is kept in memory
 * and noted beside the log now and then, for `status`; nothing else depends on it, as nobody has
 * signed it.
 */
#ifndef EP_NODE_SEEN_H
#define EP_NODE_SEEN_H

#include "peer/contact.h"

#include <pthread.h>

/* So many keys are remembered between two notes. */
#define EP_SEEN_MAX 4096

struct ep_seen {
	pthread_mutex_t mutex;
	struct {
		struct ep_key key;
		uint64_t position;
		struct ep_contact_state state;
	} items[EP_SEEN_MAX];
	size_t count;
};

/* Takes what a header says; anything invalid is ignored. */
void ep_seen_take(struct ep_seen *seen, const char *header);

/* Notes what was taken since the last time with the slaves that have these keys. Fails silently. */
void ep_seen_note(struct ep_seen *seen, struct ep_log *log);

#endif
