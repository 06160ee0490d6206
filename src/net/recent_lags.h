/* recent_lags.h - how far slaves were behind, as one slot of the file `recent` has it
 *
 * Of a federation of any size it keeps those that were furthest behind, so that it stays small.
 * docs/formats/recent.md has its bytes.
 */
#ifndef EP_NET_RECENT_LAGS_H
#define EP_NET_RECENT_LAGS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define EP_RECENT_LAGS 16 /* slaves of a slot, and that are told of a span */
#define EP_RECENT_LAGS_SIZE (8 + 16 * EP_RECENT_LAGS) /* bytes in the file */

/* A slave as it is now. */
struct ep_recent_slave {
	uint64_t id; /* the first 8 bytes of its key; not 0 */
	const char *name; /* borrowed */
	uint64_t lag; /* changes that it has not fetched */
};

struct ep_recent_slaves {
	struct ep_recent_slave *all;
	size_t count;
};

struct ep_recent_lags {
	uint32_t known; /* slaves of which the lag was known, at the end */
	uint32_t behind; /* the most that were behind at a time */
	struct {
		uint64_t id; /* 0: there is none, nor are there further ones */
		uint64_t lag; /* the largest that was seen */
	} top[EP_RECENT_LAGS]; /* those that were furthest behind, in no order */
};

/* Adds how slaves are now. */
void ep_recent_lags_add(struct ep_recent_lags *lags, const struct ep_recent_slaves *slaves);

/* Bytes of the file, of EP_RECENT_LAGS_SIZE. */
void ep_recent_lags_store(uint8_t *bytes, const struct ep_recent_lags *lags);
void ep_recent_lags_load(struct ep_recent_lags *lags, const uint8_t *bytes);

/* The largest lag; null: of no slave it was known. */
json_t *ep_recent_lags_most(const struct ep_recent_lags *lags);

/* At most EP_RECENT_LAGS of slaves, those that were furthest behind first, each with its name and
 * its lag in every one of slots[0..count): null where it was not known. NULL: no memory. */
json_t *ep_recent_lags_json(const struct ep_recent_lags *const *slots, size_t count,
                            const struct ep_recent_slaves *slaves);

#endif
