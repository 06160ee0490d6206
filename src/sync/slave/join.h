/* join.h - a slave comes to its master */
#ifndef EP_SYNC_SLAVE_JOIN_H
#define EP_SYNC_SLAVE_JOIN_H

#include "format/invitation.h"
#include "store/log.h"
#include "sync/transport.h"

/* Whether the feed there, as far as one can be had, is of the master with this key.
 * EP_CORRUPT  it is another's, or damaged. EP_NEWER. */
EP_MUST_USE enum ep_status ep_join_check(const struct ep_transport *feed, const struct ep_key *key,
                                         struct ep_error *err);

/* Joins the master of an invitation, whose feed is fetched from a mirror (NULL: from itself): pins
 * its key, and, if there is a secret, asks to be admitted. *waits says that the request is in a
 * folder, to be answered there. EP_BAD_INPUT  refused. EP_CORRUPT  the answer is not the master's.
 * EP_UNREACHABLE. */
EP_MUST_USE enum ep_status ep_join_master(bool *waits, struct ep_log *log,
                                          const struct ep_transport *transport,
                                          const struct ep_invitation *invitation, bool has_secret,
                                          const char *mirror, struct ep_error *err);

#endif
