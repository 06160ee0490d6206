/* merge.h - shards of the index into one, without the tracks that are gone */
#ifndef EP_INDEX_MERGE_H
#define EP_INDEX_MERGE_H

#include "index/shard.h"
#include "store/log.h"

#include <stdatomic.h>

struct ep_merged {
	uint64_t track_count;
	uint64_t posting_count;
	uint32_t slot_count;
};

/* Writes shards[0..count), whose positions ascend from each to the next, as one shard to the empty
 * file fd. A track goes in where the log still has an entry at its position. Memory is some bytes
 * a track, 8 bytes a bucket, and the postings of one range of keys.
 *
 * log     the one of `read`; its pages are given back as they are read.
 * merged  with no tracks nothing was written.
 * stop    may be NULL.
 * EP_CORRUPT, EP_INTERRUPTED, EP_IO, EP_NO_SPACE, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_shards_merge(struct ep_merged *merged, int fd, const char *name,
                                           const struct ep_shard *shards, size_t count,
                                           struct ep_log *log, const struct ep_log_read *read,
                                           const atomic_bool *stop, struct ep_error *err);

#endif
