/* feed_writer.h - the log as a feed: packets and feed.json in a folder
 *
 *     1. the lock of the folder is taken, and its feed.json read: it is the feed's watermark
 *     2. a snapshot is read; its position and digest become a mark, in the log
 *     3. what changed behind the watermark is written as a packet, synced, renamed
 *     4. packets whose files are damaged or not there (feed_files.h) are made anew, from the same
 *        snapshot; those whose range stands in a larger packet too go
 *     5. feed.json is written, synced, renamed: now it counts
 *     6. packets that are due are merged, from the same snapshot, and feed.json written again
 *     7. files that feed.json has not named for a while go
 *
 * Killed at any moment, the folder holds a whole feed, and the next run goes on from there. What
 * feed.json says of a packet is read from the bytes that were written: the two cannot differ.
 * Specified in docs/formats/feed.md.
 */
#ifndef EP_SYNC_MASTER_FEED_WRITER_H
#define EP_SYNC_MASTER_FEED_WRITER_H

#include "format/feed.h"
#include "store/log.h"
#include "sync/master/feed_marks.h"

#include <stdatomic.h>

struct ep_feed_options {
	const char *name; /* of this node */
	int64_t refresh_s; /* a feed.json of that age is written again though nothing is new */
	const atomic_bool *stop; /* may be NULL */
	uint64_t check_bytes; /* of packets, whose hashes are looked at this time; 0: only sizes */
	/* Told of what is damaged or in the way, and what becomes of it; may be NULL. */
	void (*on_damage)(void *context, const char *file, const char *what);
	void *context;
};

struct ep_feed_report {
	bool written; /* feed.json is new */
	uint64_t position;
	size_t packets; /* that were written */
	uint64_t bytes; /* of them */
	bool checked; /* the last packet was looked at, and the next turn begins at the first */
};

/* Brings the feed in folder, which is made where it is not there, up to the log's present position,
 * and mends it.
 *
 * EP_DIVERGED  the folder has a feed of another node, or of a history that this log does not have:
 *              the log is an older copy of what was published.
 * EP_INTERRUPTED, EP_CORRUPT, EP_NEWER, EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_publish(struct ep_feed_report *report, struct ep_log *log,
                                           const char *folder,
                                           const struct ep_feed_options *options,
                                           struct ep_error *err);

#endif
