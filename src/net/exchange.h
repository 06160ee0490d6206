/* exchange.h - requests to somebody else's HTTP server, and its answers whole, whatever they are
 *
 * One exchanger keeps its connection. Redirections are not followed. */
#ifndef EP_NET_EXCHANGE_H
#define EP_NET_EXCHANGE_H

#include "base/buffer.h"
#include "base/text.h"

#include <stdatomic.h>

struct ep_exchanger;

struct ep_exchanger_options {
	const char *user; /* "NAME:PASSWORD" for basic authentication; NULL: none; copied */
	const atomic_bool *stop; /* once true, a request ends with EP_INTERRUPTED; may be NULL */
};

/* Makes one; nothing is connected yet. Of one thread at a time. EP_IO (libcurl is not there),
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_exchanger_new(struct ep_exchanger **out,
                                            const struct ep_exchanger_options *options,
                                            struct ep_error *err);
void ep_exchanger_free(struct ep_exchanger *exchanger);
EP_DEFINE_OWNED(struct ep_exchanger, ep_exchanger_free)

struct ep_exchange {
	const char *url; /* whole, without user and password */
	const char *type; /* Content-Type of the body of a POST; NULL: a GET without a body */
	struct ep_text body; /* borrowed */
	long silent_s; /* how long the server may be silent before it is given up */
	struct ep_buffer *answer; /* is replaced; its limit counts */
	long status; /* of the answer: set on EP_OK */
};

/* Sends a request and waits for its answer, of any status.
 *
 * EP_UNREACHABLE  the server cannot be reached, is silent for too long, or breaks off.
 * EP_CORRUPT  the answer passes the limit. EP_INTERRUPTED, EP_NO_MEMORY.
 * The text says which URL, without what is behind its ?. */
EP_MUST_USE enum ep_status ep_exchange(struct ep_exchanger *exchanger, struct ep_exchange *exchange,
                                       struct ep_error *err);

#endif
