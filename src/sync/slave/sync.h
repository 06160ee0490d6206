/* sync.h - keeps a slave in sync with its master: contributes local changes, fetches what is new
 *
 *     contribute:  what the feed has not confirmed -> signed packet, kept in the data folder until
 *                  its receipt has come, sent again as it is until then
 *     fetch:       feed.json -> checked against the pinned key and what was seen -> the packets
 *                  with the fewest bytes -> checked against their hashes -> the log
 *
 * Both may run side by side, and be killed at any moment. docs/replication.md tells the protocol.
 */
#ifndef EP_SYNC_SLAVE_SYNC_H
#define EP_SYNC_SLAVE_SYNC_H

#include "sync/slave/contribute.h"
#include "sync/slave/fetch.h"
#include "sync/slave/join.h"

/* Both: what is local goes first; what can be fetched is fetched, although the master refuses.
 * Where the feed's side can wait, what was just contributed is waited for, for some seconds. */
EP_MUST_USE enum ep_status ep_sync(struct ep_sync_report *report, struct ep_log *log,
                                   const struct ep_transport *master,
                                   const struct ep_transport *feed,
                                   const struct ep_sync_options *options, struct ep_error *err);

/* Notes beside the log (contact.h) that the master was reached, or what went wrong. Fails
 * silently. */
void ep_sync_note(struct ep_log *log, enum ep_status status, const struct ep_error *why);

#endif
