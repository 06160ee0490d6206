/* followers.h - other systems that get what this log has, and how far each is
 *
 * A follower's watermark is a named value of the log: the position up to which the other system has
 * all, durably. It is set when the first has been sent, and stays until it is removed.
 */
#ifndef EP_NODE_FOLLOWERS_H
#define EP_NODE_FOLLOWERS_H

#include "store/log.h"

#include <jansson.h>

/* What a follower is called: "solr.COLLECTION" or "legacy.NAME". */
#define EP_FOLLOWER_NAME_MAX 128

struct ep_follower {
	char name[EP_FOLLOWER_NAME_MAX + 1];
	uint64_t watermark; /* position */
	uint64_t waiting; /* positions of the log behind it */
};

/* All followers, by name, in an array for free(). EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_followers(struct ep_follower **followers, size_t *count,
                                        const struct ep_log_read *read, struct ep_error *err);

/* As objects {"name", "position", "waiting"} in an array; NULL when there is no memory. */
json_t *ep_followers_json(const struct ep_follower *followers, size_t count);

/* The watermark of one, 0 if it has none. EP_BAD_INPUT  the name is too long. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_follower_watermark(uint64_t *watermark,
                                                 const struct ep_log_read *read, const char *name,
                                                 struct ep_error *err);

/* Sets it, in a transaction of its own; whole: and what ep_follower_sending noted is no longer so.
 * EP_BAD_INPUT, EP_IO, EP_NO_SPACE. */
EP_MUST_USE enum ep_status ep_follower_set(struct ep_log *log, const char *name, uint64_t watermark,
                                           bool whole, struct ep_error *err);

/* Notes that from now on the other system may have parts of what is behind the watermark. As
 * ep_follower_set. */
EP_MUST_USE enum ep_status ep_follower_sending(struct ep_log *log, const char *name,
                                               struct ep_error *err);

/* Whether it may, as sending broke off. As ep_follower_watermark. */
EP_MUST_USE enum ep_status ep_follower_broke_off(bool *broke_off, const struct ep_log_read *read,
                                                 const char *name, struct ep_error *err);

/* Removes it, so that it is no longer listed. *was says whether there was one. As ep_follower_set.
 */
EP_MUST_USE enum ep_status ep_follower_remove(bool *was, struct ep_log *log, const char *name,
                                              struct ep_error *err);

#endif
