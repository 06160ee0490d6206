/* contact.h - when other nodes were last heard from, and what went wrong: stored beside the log
 *
 * These change all the time, also where nothing else does. A transaction of the log for each would
 * make it grow, so they are in a small file of the data folder, "contacts", that is replaced: at
 * once where what a person sees of them changes, and where only moments do, once a minute. Nothing
 * but `status` and its like depends on it; a file that is lost or damaged knows of no contacts.
 *
 * A line each: key, position, moment of that, last contact, when it was noted how it went, time of
 * the feed, and up to the line's end what went wrong. Numbers are decimal, moments in seconds since
 * 1970 and 0 for never. Where more is known of a slave, a line follows of its key, "=", the digest
 * of its state in hex and, where it passes on the feed, "mirror"; what knows no such lines leaves
 * them out.
 */
#ifndef EP_PEER_CONTACT_H
#define EP_PEER_CONTACT_H

#include "peer/peer.h"

#define EP_CONTACTS_FILE "contacts"

/* How often the file is replaced where only moments have changed. */
#define EP_CONTACT_PAUSE_S 60

/* Reads " DIGEST" or " DIGEST mirror", as a slave says it; anything else is nothing. */
void ep_contact_state_read(struct ep_contact_state *state, const char *text);

/* What is to be noted of one; what is 0 stays as it was. */
struct ep_contact {
	struct ep_key key; /* whose */
	uint64_t position; /* of the feed, that a slave says to have */
	struct ep_contact_state state; /* that it said with its position */
	int64_t position_at; /* when it said so */
	int64_t at; /* when it was heard of, or reached */
	int64_t noted; /* when it was noted how it went: error is of then */
	int64_t feed_time; /* of a master: when the feed that is followed was made */
	char error[EP_PEER_ERROR]; /* empty: all was well */
};

/* Notes contacts[0..count) in the file of the data folder. Fails silently. */
void ep_contacts_note(const char *folder, const struct ep_contact *contacts, size_t count);

/* Brings what the log knows of slaves or of the master up to date with the file. */
void ep_contacts_of_peers(struct ep_peer *peers, size_t count, const char *folder);
void ep_contact_of_master(struct ep_master *master, const char *folder);

#endif
