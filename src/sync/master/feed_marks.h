/* feed_marks.h - which history was published: the marks of the log, and its epochs */
#ifndef EP_SYNC_MASTER_FEED_MARKS_H
#define EP_SYNC_MASTER_FEED_MARKS_H

#include "format/feed.h"
#include "store/log.h"

/* Begins a new history: slaves are told, and start again when they are asked to.
 *
 * epoch   its number, above those of all histories that slaves have shown, or that the feed in
 *         folder is of.
 * folder  of a feed of this log; it need not be there. */
EP_MUST_USE enum ep_status ep_feed_new_epoch(uint64_t *epoch, struct ep_log *log,
                                             const char *folder, struct ep_error *err);

/* The position up to which the log has been published; 0: never. */
EP_MUST_USE enum ep_status ep_feed_published(uint64_t *position, const struct ep_log_read *read,
                                             struct ep_error *err);

/* Makes feed->position, that of the snapshot, a mark where it is none, and fills feed->head. *late:
 * another publisher has gone further, and nothing is done. EP_IO and so on. */
EP_MUST_USE enum ep_status ep_feed_extend_marks(bool *late, struct ep_feed *feed,
                                                struct ep_log *log,
                                                const struct ep_log_read *snapshot,
                                                struct ep_error *err);

/* Notes what the feed that is there has seen: from now on nothing may be said that could stand
 * against it. EP_IO and so on. */
EP_MUST_USE enum ep_status ep_feed_note_stale(const struct ep_feed *feed, struct ep_log *log,
                                              struct ep_error *err);

/* Whether the feed that is there, in folder, is of this log's history. EP_DIVERGED: it is not,
 * which is noted. */
EP_MUST_USE enum ep_status ep_feed_check_history(const struct ep_feed *feed, struct ep_log *log,
                                                 const struct ep_log_read *snapshot,
                                                 const char *folder, struct ep_error *err);

#endif
