/* way.h - the way to the master, as its URL says: a folder, or HTTP */
#ifndef EP_NET_WAY_H
#define EP_NET_WAY_H

#include "sync/slave/sync.h"

struct ep_way;

/* Opens the way that a URL says; stop is borrowed.
 * EP_BAD_INPUT  no URL of a kind that is known. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_way_open(struct ep_way **out, const char *url,
                                       const atomic_bool *stop, struct ep_error *err);
void ep_way_close(struct ep_way *way);
EP_DEFINE_OWNED(struct ep_way, ep_way_close)

/* The same for the master that this node has joined, and for its feed, which may be fetched from a
 * mirror. EP_NOT_FOUND  it has joined none. */
enum ep_way_end { EP_WAY_MASTER, EP_WAY_FEED };
EP_MUST_USE enum ep_status ep_way_of_master(struct ep_way **out, enum ep_way_end end,
                                            struct ep_log *log, const atomic_bool *stop,
                                            struct ep_error *err);

const struct ep_transport *ep_way_transport(const struct ep_way *way);

/* The URL as it is kept: of a folder, with its whole path. */
const char *ep_way_url(const struct ep_way *way);

#endif
