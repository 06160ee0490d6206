/* post.h - a POST of a small body to somebody else's server */
#ifndef EP_NET_POST_H
#define EP_NET_POST_H

#include "base/text.h"

#include <stdatomic.h>

struct ep_post {
	const char *url;
	const char *const *headers; /* lines "Name: value", ended by NULL */
	struct ep_text body;
	const atomic_bool *stop; /* may be NULL */
};

/* Sends it, and waits for the answer, half a minute at most; redirections are not followed.
 *
 * EP_UNREACHABLE  the server cannot be reached, or its answer is not a status of 200 to 299; the
 * text says why, without the URL, which may hold a secret. EP_INTERRUPTED (stop), EP_IO (libcurl is
 * not there), EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_post(const struct ep_post *post, struct ep_error *err);

#endif
