/* feed_plan.h - which packets a feed keeps, and which of them a slave fetches
 *
 * Packets come in levels by size, each eight times the one before, as an LSM tree has them: eight
 * of a level at the end of the history become one of a higher level. What was merged away stays
 * listed for a while: a slave that is d publications behind finds packets of at most a third of
 * what it lacks.
 */
#ifndef EP_SYNC_FEED_PLAN_H
#define EP_SYNC_FEED_PLAN_H

#include "format/feed.h"

/* So many packets of a level are merged, and so many that were are listed. */
#define EP_FEED_FAN 8
#define EP_FEED_KEPT 24

/* Level of a packet of that size: 0 up to 16 KiB, then one more for every factor of 8. */
unsigned ep_feed_level(uint64_t size);

/* Whether the packets that are not merged away lead from 0 to the feed's position without a gap. So
 * there is a way for every slave, wherever it stands. */
bool ep_feed_is_whole(const struct ep_feed *feed);

/* Whether packets are to be merged: those of the range *after to *last. */
bool ep_feed_merge_due(uint64_t *after, uint64_t *last, const struct ep_feed *feed);

/* Puts a merged packet into the list: what it stands for is merged away, and of that only the
 * newest of every level stay. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_merge(struct ep_feed *feed, const struct ep_feed_packet *merged,
                                         struct ep_error *err);

/* The packets that bring a slave from a position to that of the feed, in order, with the fewest
 * bytes: places in feed->packets, in an array for free(). A slave that is there already needs none.
 * EP_CORRUPT  the packets have a gap. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_route(size_t **route, size_t *count, const struct ep_feed *feed,
                                         uint64_t from, struct ep_error *err);

#endif
