/* client.h - the way to a master over HTTP or HTTPS, by libcurl
 *
 * Proxies are those of http_proxy and its like. Names are resolved, connections kept. */
#ifndef EP_NET_CLIENT_H
#define EP_NET_CLIENT_H

#include "base/sign.h"
#include "sync/transport.h"

struct ep_client;

/* Whether it is a URL for this client: http:// or https://. */
bool ep_client_takes(const char *url);

/* Makes a client for the feed and the master at a URL; nothing is connected yet.
 *
 * stop  once true, whatever is waited for ends with EP_INTERRUPTED; may be NULL; borrowed. */
EP_MUST_USE enum ep_status ep_client_open(struct ep_client **out, const char *url,
                                          const atomic_bool *stop, struct ep_error *err);
void ep_client_close(struct ep_client *client);
EP_DEFINE_OWNED(struct ep_client, ep_client_close)

/* From now on it shows a server that asks for it (pass.h) that it is this node which asks for the
 * feed of this master. Both are copied. */
void ep_client_sign(struct ep_client *client, const struct ep_keys *keys,
                    const struct ep_key *master);

/* Borrows the client; of one thread at a time. */
struct ep_transport ep_client_transport(struct ep_client *client);

#endif
