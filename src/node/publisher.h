/* publisher.h - a thread that keeps the feed of a master up to date while that is served
 *
 * It looks at the log for what anybody put there, publishes that, gives an old feed a new time, and
 * looks at the hashes of packets: at all of them now and then, and when somebody got a damaged one.
 */
#ifndef EP_NODE_PUBLISHER_H
#define EP_NODE_PUBLISHER_H

#include "node/node.h"
#include "node/seen.h"

#define EP_PUBLISHER_ERROR 256

struct ep_publisher;

struct ep_publisher_options {
	struct ep_node *node; /* open for writing */
	const char *name; /* of it */
	const char *folder; /* of the feed */
	struct ep_seen *seen; /* what slaves say, which is noted beside the log now and then */
	/* Told in a line what was done (detail), or what went wrong, once while it stays the same.
	 */
	void (*on_line)(void *context, bool detail, const char *line);
	/* Told that feed.json was written. Both from the thread, and in ep_publisher_new. */
	void (*on_feed)(void *context);
	void *context;
};

/* Makes one and publishes; options is copied, what it points to borrowed. As ep_feed_publish. */
EP_MUST_USE enum ep_status ep_publisher_new(struct ep_publisher **out,
                                            const struct ep_publisher_options *options,
                                            struct ep_error *err);

/* Starts the thread. EP_IO. */
EP_MUST_USE enum ep_status ep_publisher_start(struct ep_publisher *publisher, struct ep_error *err);

/* Ends the thread: on_line and on_feed are not called any more. Accepts NULL. */
void ep_publisher_stop(struct ep_publisher *publisher);

/* Stops and frees it; nobody may use it any more. Accepts NULL. */
void ep_publisher_free(struct ep_publisher *publisher);
EP_DEFINE_OWNED(struct ep_publisher, ep_publisher_free)

/* ---- from any thread; a NULL has nothing to publish ---- */

/* Something was put into the log: it is published now. */
void ep_publisher_kick(struct ep_publisher *publisher);

/* Somebody got a damaged packet, or none: they are looked at. */
void ep_publisher_doubt(struct ep_publisher *publisher);

/* What went wrong with the last publication; empty: nothing. */
void ep_publisher_error(char error[EP_PUBLISHER_ERROR], struct ep_publisher *publisher);

/* How often the feed was written. */
uint64_t ep_publisher_count(const struct ep_publisher *publisher);

#endif
