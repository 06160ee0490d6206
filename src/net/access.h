/* access.h - who asks, and who may: the one place that decides it for every route
 *
 * A route says what it needs; one that says nothing needs an admin. Who asks is known by
 *
 *     Authorization: Bearer TOKEN     a token of `token add`, or that for /ingest (node/token.h)
 *     Authorization: Echoprint ...    a source, by its key (pass.h): it may what a query token may
 *     neither, from this machine      the same, where the node listens on loopback alone and is not
 *                                     private, and neither the headers nor the name that is asked
 *                                     for say that a proxy, or a web page that is not the node's
 *                                     own, sends the request
 *
 * All else is an outsider. Tokens and sources are looked up for every request, so what was removed
 * opens nothing from then on.
 */
#ifndef EP_NET_ACCESS_H
#define EP_NET_ACCESS_H

#include "net/http.h"
#include "net/pass.h"
#include "peer/tokens.h"

enum ep_need {
	EP_NEED_ADMIN, /* a token of that role */
	EP_NEED_INGEST,
	EP_NEED_QUERY,
	EP_NEED_OPEN, /* anybody; of a private node, what EP_NEED_QUERY says */
	EP_NEED_FEED, /* the same; a source of a private node first asks for a challenge */
	EP_NEED_NOTHING, /* anybody, as it says nothing of the node */
	EP_NEED_PROOF, /* anybody: what is sent is signed, and checked by the route */
};

struct ep_access {
	struct ep_log *log; /* with tokens and sources; NULL: there are none */
	struct ep_key master; /* whose feed is handed out */
	bool closed; /* private */
	bool local; /* who is on this machine may read */
	const char *token; /* for /ingest; NULL: there is none */
	uint8_t secret[EP_CHALLENGE_SECRET];
};

/* Sets the secret, and whether the node listens on loopback alone; the rest is the caller's. */
void ep_access_begin(struct ep_access *access, const char *listen);

/* Decides on a request for a route, NULL where there is none of that path and method: false, with
 * the answer filled, where it is refused. The role is then known (ep_http_role). Does not wait. */
bool ep_access_admit(const struct ep_access *access, struct ep_http_request *request,
                     const struct ep_http_route *route, struct ep_http_answer *answer);

/* The host of "HOST", "HOST:PORT" or a URL; in its brackets, where it has some. Borrowed. */
struct ep_text ep_host_of(const char *text);

/* Whether an address of a machine, as in a URL or in --listen, is of the machine itself: localhost,
 * 127.x.x.x, ::1, also in brackets. */
bool ep_host_is_loopback(struct ep_text host);

#endif
