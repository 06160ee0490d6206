/* mirror.h - an unchanged copy of a master's feed, to be passed on */
#ifndef EP_SYNC_SLAVE_MIRROR_H
#define EP_SYNC_SLAVE_MIRROR_H

#include "format/feed.h"
#include "sync/transport.h"

/* Brings the copy in folder to a feed that was read (feed) of feed.json (text): fetches the packets
 * that are not there yet or are damaged, then replaces feed.json; what it no longer names goes
 * after an hour.
 *
 * bytes  what was fetched is added. check_bytes  of packets that are there, whose hashes are looked
 * at this time.
 * EP_NOT_FOUND  a packet has gone meanwhile. EP_CORRUPT  one was damaged on the way, twice. */
EP_MUST_USE enum ep_status ep_mirror(uint64_t *bytes, const char *folder, struct ep_text text,
                                     const struct ep_feed *feed,
                                     const struct ep_transport *transport, uint64_t check_bytes,
                                     struct ep_error *err);

/* Fetches again the damaged parts of an existing copy of the feed of the master with that key. As
 * above, and EP_CORRUPT where the copy's feed.json is damaged; EP_NOT_FOUND where there is none. */
EP_MUST_USE enum ep_status ep_mirror_mend(uint64_t *bytes, const char *folder,
                                          const struct ep_key *key,
                                          const struct ep_transport *transport,
                                          uint64_t check_bytes, struct ep_error *err);

/* Fetches a packet into the file at path; what was fetched of it before is gone on with,
 * and where that is wrong, it is fetched once more, into another file. Fails as above. */
EP_MUST_USE enum ep_status ep_fetch_packet(uint64_t *bytes, const char *path,
                                           const struct ep_feed_packet *packet,
                                           const struct ep_transport *transport,
                                           struct ep_error *err);

#endif
