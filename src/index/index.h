/* index.h - the search index of a node: a follower of the log
 *
 * The folder index/ of the data folder holds shards, each the postings of some tracks; which ones
 * count, and the position up to which they follow the log (the watermark), is the log's value
 * "index", set in a transaction when a file is durable. So a crash at any moment leaves an older
 * index, and a tail of the log that is followed again; files that the value does not name are
 * removed by the next process that follows.
 *
 * A track is in the index at the position of its entry. An entry that has moved since, or is gone,
 * is recognised by its position, which is no longer in the log; merging drops it. Shards are merged
 * so that each is at least EP_INDEX_GROWTH times what comes after it.
 */
#ifndef EP_INDEX_INDEX_H
#define EP_INDEX_INDEX_H

#include "index/shard.h"
#include "store/log.h"

#include <stdatomic.h>

#define EP_INDEX_GROWTH 4

/* A tail of so many changes is followed in memory by who only reads: one shard holds them, however
 * long their tracks. */
#ifndef EP_INDEX_TAIL_MAX /* tests build the index with a shorter one */
#define EP_INDEX_TAIL_MAX 4000
#endif

/* ---- following ---- */

struct ep_index_options {
	const atomic_bool *stop; /* may be NULL; what was finished before stays */
	/* Told after every some tracks; may be NULL. */
	void (*on_progress)(void *context, uint64_t position, uint64_t last);
	void *context;
};

/* Brings the index up to the end of the log as it is now; waits while another process does so. A
 * damaged index is rebuilt.
 *
 * log  open for writing. EP_INTERRUPTED, EP_IO, EP_NO_SPACE, EP_NO_MEMORY, EP_NEWER; EP_CORRUPT
 *      the log is damaged. */
EP_MUST_USE enum ep_status
ep_index_follow(struct ep_log *log, const struct ep_index_options *options, struct ep_error *err);

/* Rebuilds the index, whatever is there, even one of a newer version. As ep_index_follow. */
EP_MUST_USE enum ep_status
ep_index_rebuild(struct ep_log *log, const struct ep_index_options *options, struct ep_error *err);

/* ---- reading ---- */

struct ep_index;

struct ep_index_state {
	uint64_t watermark; /* position up to which the log has been followed on disk */
	uint64_t tail; /* changes of the log behind it */
	uint64_t tracks; /* those that are gone, and not merged away yet, included */
	uint64_t postings;
	uint64_t bytes; /* of the files */
	size_t shards; /* files */
};

/* Opens the index as it is now, with what the tail holds beside it, in memory.
 *
 * EP_NOT_FOUND  the tail is longer than EP_INDEX_TAIL_MAX: follow first.
 * EP_CORRUPT, EP_NEWER, EP_IO, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_index_open(struct ep_index **out, struct ep_log *log,
                                         struct ep_error *err);
void ep_index_close(struct ep_index *index);
EP_DEFINE_OWNED(struct ep_index, ep_index_close)

/* What is known without opening the shards. EP_CORRUPT, EP_NEWER, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_index_state(struct ep_index_state *state,
                                          const struct ep_log_read *read, struct ep_error *err);

/* The entry at a position, in the snapshot of the log that the index was opened in, so that a track
 * which changes meanwhile is still found; borrowed until the index is closed. Any thread may ask.
 * EP_NOT_FOUND  the track was gone already. EP_CORRUPT, EP_NEWER. */
EP_MUST_USE enum ep_status ep_index_entry_at(struct ep_entry *entry, struct ep_index *index,
                                             uint64_t position, struct ep_error *err);

/* Begins a new snapshot of the log, so that pages which it no longer uses can be reused; the shards
 * stay. The index and its entries must not be used meanwhile. EP_NOT_FOUND  the index or a track
 * has changed: open it again. EP_CORRUPT, EP_NEWER, EP_IO. */
EP_MUST_USE enum ep_status ep_index_renew(struct ep_index *index, struct ep_log *log,
                                          struct ep_error *err);

/* Whether the log has changed in any way since the index was opened or renewed. */
bool ep_index_is_old(const struct ep_index *index);

/* The shards, those of files first, in order of position. */
const struct ep_shard *ep_index_shards(const struct ep_index *index, size_t *count);

/* Tracks in all shards. */
uint64_t ep_index_track_count(const struct ep_index *index);

/* Reads all files back. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_index_check(const struct ep_index *index, struct ep_error *err);

#endif
