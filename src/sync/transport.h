/* transport.h - the way from a slave to its master: HTTP (room net), or a folder
 *
 * Every function fails with EP_UNREACHABLE where the other side does not answer, so that trying
 * again later is right; with EP_BAD_INPUT where it refuses, with its reason; with EP_INTERRUPTED.
 */
#ifndef EP_SYNC_TRANSPORT_H
#define EP_SYNC_TRANSPORT_H

#include "base/buffer.h"
#include "base/hash.h"
#include "format/contribution.h"

#include <stdatomic.h>
#include <stdbool.h>

/* What tells one feed.json from the next, as the other side says it; with its NUL. */
#define EP_TAG_SIZE 128

/* How feed.json is asked for, and what came of it. */
struct ep_feed_request {
	char tag[EP_TAG_SIZE]; /* of the one that is known, empty: none; then of what came */
	struct ep_key key; /* of this node, and how far it is, for the other side's `status` */
	uint64_t position;
	char digest[EP_HASH_TEXT]; /* of its state then; empty: not told */
	bool mirrors; /* it passes the feed on */
	unsigned wait_s; /* how long the other side may wait for news, where it can */
	bool changed; /* text is another feed.json than the known one */
	bool waits; /* the other side waits as it is asked to: no need to pause before the next */
	double check_from; /* when packets of a mirror may be looked at again, by ep_clock_s */
};

struct ep_transport {
	/* Fetches feed.json into text, in place of what it held, unless it is the known one. */
	enum ep_status (*feed)(void *context, struct ep_buffer *text,
	                       struct ep_feed_request *request, struct ep_error *err);

	/* Fetches the bytes of a packet that are not in fd yet, which has some from its front, and
	 * appends them; may begin again from the front. again: it came damaged; the other side is
	 * told, and caches are bypassed. EP_NOT_FOUND  there is no such packet any more. */
	enum ep_status (*packet)(void *context, int fd, const char *name, uint64_t size, bool again,
	                         struct ep_error *err);

	/* Asks to be admitted. EP_NOT_FOUND  the request was left and there is no answer yet. */
	enum ep_status (*join)(void *context, struct ep_buffer *answer, struct ep_text request,
	                       struct ep_error *err);

	/* Sends the contribution in the file at path, which ends in trailer; the receipt comes into
	 * answer. EP_NOT_FOUND  it was left and there is no receipt yet. */
	enum ep_status (*contribute)(void *context, struct ep_buffer *answer, const char *path,
	                             const uint8_t trailer[EP_TRAILER_SIZE], struct ep_error *err);

	void *context;
};

#endif
