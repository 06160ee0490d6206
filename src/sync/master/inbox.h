/* inbox.h - what a master takes from its slaves: requests to join, and contributions
 *
 * What a contribution says is decided state by state (store/decide.h), so that it may be sent
 * again, late or out of order: what is known changes nothing. All of it that can be kept is, in one
 * transaction.
 */
#ifndef EP_SYNC_MASTER_INBOX_H
#define EP_SYNC_MASTER_INBOX_H

#include "peer/peer.h"

#include <stdatomic.h>

/* Admits a slave that proves its key and its invitation; again, if it was admitted before. Appends
 * the signed answer to out; name becomes the slave's. EP_BAD_INPUT  not a request, one for another
 * master, no such invitation, or a key that another has. EP_CORRUPT  wrongly signed. EP_IO and so
 * on. */
EP_MUST_USE enum ep_status ep_inbox_join(struct ep_buffer *out, char name[EP_SOURCE_NAME_MAX + 1],
                                         struct ep_log *log, struct ep_text request,
                                         struct ep_error *err);

/* Whether a contribution that ends in these bytes may be sent: who it is from (peer) and what it
 * is. EP_BAD_INPUT  it is for another master, or from a slave that was not admitted. EP_CORRUPT  it
 * is wrongly signed. */
EP_MUST_USE enum ep_status ep_inbox_check(struct ep_peer *peer, struct ep_trailer *trailer,
                                          struct ep_log *log, const uint8_t bytes[EP_TRAILER_SIZE],
                                          struct ep_error *err);

struct ep_inbox_report {
	char source[EP_SOURCE_NAME_MAX + 1];
	uint64_t counts[EP_OUTCOME_COUNT]; /* tracks */
	uint64_t position; /* of this log, afterwards */
};

/* Takes the contribution in the file at path in, and appends the signed receipt to out. Nobody but
 * this process may write the file meanwhile.
 *
 * EP_DIVERGED  the sender has seen a history that this log does not have: the log is an older copy,
 * and takes nothing until a new epoch begins. EP_CORRUPT  the packet is damaged, or would be too
 * much work; nothing is kept then. And as ep_inbox_check. */
EP_MUST_USE enum ep_status ep_inbox_take(struct ep_buffer *out, struct ep_inbox_report *report,
                                         struct ep_log *log, const char *path,
                                         const atomic_bool *stop, struct ep_error *err);

/* Notes beside the log (contact.h) what was refused of a source, for `status`. Fails silently. */
void ep_inbox_note(struct ep_log *log, const char *source, const char *error);

/* Takes in the files in folder/joins and folder/contributions, which need not exist, and puts the
 * answers into folder/answers. What is refused is reported by on_refused (may be NULL) and removed;
 * anything that is not a file, or cannot be read or answered, is reported and left. *taken counts
 * what was answered. */
EP_MUST_USE enum ep_status ep_inbox_folder(size_t *taken, struct ep_log *log, const char *folder,
                                           void (*on_refused)(const char *file, const char *why),
                                           const atomic_bool *stop, struct ep_error *err);

#endif
