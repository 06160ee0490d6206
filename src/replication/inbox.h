/* inbox.h - what a master takes from its slaves: requests to join, and contributions
 *
 * A contribution is accepted where it names, as the one before it, the contribution of its source
 * that was accepted last: so each is applied once, in order, whatever is sent again, delayed or
 * made up. All of it that can be kept is, in one transaction with the source's new state.
 */
#ifndef EP_REPLICATION_INBOX_H
#define EP_REPLICATION_INBOX_H

#include "replication/peer.h"

#include <stdatomic.h>

/* The largest contribution that is taken, in bytes. */
#define EP_CONTRIBUTION_MAX ((uint64_t)64 << 20)

/* Lets a slave in that proves its key and its invitation; again, where it is in already. Appends
 * the signed answer to out; name becomes the slave's. EP_BAD_INPUT  no request, one for another
 * master, no such invitation, or a key that another has. EP_CORRUPT  wrongly signed. EP_IO and so
 * on. */
EP_MUST_USE enum ep_status ep_inbox_join(struct ep_buffer *out, char name[EP_SOURCE_NAME_MAX + 1],
                                         struct ep_log *log, struct ep_text request,
                                         struct ep_error *err);

/* Whether a contribution that ends in these bytes may be sent: who it is from (peer) and what it
 * is. EP_BAD_INPUT  it is for another master, or from somebody who is not let in. EP_CORRUPT  it is
 * wrongly signed. */
EP_MUST_USE enum ep_status ep_inbox_check(struct ep_peer *peer, struct ep_trailer *trailer,
                                          struct ep_log *log, const uint8_t bytes[EP_TRAILER_SIZE],
                                          struct ep_error *err);

/* Whether the packet in the file at path is no more work than one of its size may be; asked before a
 * transaction begins. EP_CORRUPT  it is, or it is damaged; EP_NEWER, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_inbox_weigh(const char *path, struct ep_error *err);

struct ep_inbox_report {
	bool accepted; /* now; not where it had been before, or is out of order */
	char source[EP_SOURCE_NAME_MAX + 1];
	uint64_t counts[EP_OUTCOME_COUNT]; /* tracks */
	uint64_t position; /* of this log, afterwards */
};

/* Takes the contribution in the file at path in, and appends the signed receipt to out: also where
 * it had been taken before (with the same outcomes) and where it is out of order (not accepted).
 * Fails as ep_inbox_check, and with EP_CORRUPT, where the packet is damaged; nothing is kept then.
 */
EP_MUST_USE enum ep_status ep_inbox_take(struct ep_buffer *out, struct ep_inbox_report *report,
                                         struct ep_log *log, const char *path,
                                         const atomic_bool *stop, struct ep_error *err);

/* Notes beside the log (contact.h) what was refused of a source, for `status`. Fails silently. */
void ep_inbox_note(struct ep_log *log, const char *source, const char *error);

/* Takes what lies in folder/joins and folder/contributions, which need not be there, and puts the
 * answers into folder/answers. What is refused is told by on_refused (may be NULL) and removed;
 * what is no file, or cannot be read or answered, is told and left. *taken counts what was
 * answered. */
EP_MUST_USE enum ep_status ep_inbox_folder(size_t *taken, struct ep_log *log, const char *folder,
                                           void (*on_refused)(const char *file, const char *why),
                                           const atomic_bool *stop, struct ep_error *err);

/* The names of these folders and files in a folder that stands for a master: "joins/ID.json",
 * "contributions/ID.packet", and the answers to both, "answers/ID.json". */
#define EP_INBOX_JOINS "joins"
#define EP_INBOX_CONTRIBUTIONS "contributions"
#define EP_INBOX_ANSWERS "answers"

#endif
