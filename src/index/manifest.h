/* manifest.h - which shards the index is made of: the log's value "index"
 *
 *     1 byte, the version: 3; shards of another version than shard.h's need another one here
 *     varint(watermark) varint(number of the next file) varint(shards)
 *     shards * (varint(number of its file) varint(tracks) varint(postings) varint(slots)
 *               varint(bytes)), in order of position
 */
#ifndef EP_INDEX_MANIFEST_H
#define EP_INDEX_MANIFEST_H

#include "index/shard.h"
#include "store/log.h"

#define EP_MANIFEST_SHARDS_MAX 256

struct ep_manifest_shard {
	uint64_t number; /* of its file */
	uint64_t track_count;
	uint64_t posting_count;
	uint64_t slot_count;
	uint64_t bytes;
};

struct ep_manifest {
	uint64_t watermark;
	uint64_t next_number;
	struct ep_manifest_shard shards[EP_MANIFEST_SHARDS_MAX];
	size_t count;
};

/* An empty one where the log has none, or one of an older version. EP_CORRUPT  also where it cannot
 * be of this log. EP_NEWER.
 */
EP_MUST_USE enum ep_status ep_manifest_load(struct ep_manifest *manifest,
                                            const struct ep_log_read *read, struct ep_error *err);

/* Sets the value in a transaction of its own. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_manifest_store(const struct ep_manifest *manifest, struct ep_log *log,
                                             struct ep_error *err);

/* Opens the file of a shard of the manifest. EP_NOT_FOUND  it is not there; without a text, as one
 * that was merged is gone from a newer manifest. EP_CORRUPT  also where it is the file of another
 * shard. EP_NEWER, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_manifest_open_shard(struct ep_shard *out,
                                                  const struct ep_manifest_shard *shard,
                                                  const struct ep_log *log, struct ep_error *err);

/* "FOLDER/index" and "FOLDER/index/NUMBER.shard" for free(); NULL when there is no memory. */
char *ep_index_folder(const struct ep_log *log);
char *ep_shard_path(const struct ep_log *log, uint64_t number);

#endif
