/* hash_many.h - many BLAKE2b hashes side by side
 *
 * One hash is a chain in which every step waits for the one before, which leaves most of a
 * processor idle. Hashes of different contents wait for nothing of each other, so one vector can
 * hold the same number of eight of them. No library has that for BLAKE2b.
 */
#ifndef EP_BASE_HASH_MANY_H
#define EP_BASE_HASH_MANY_H

#include "base/hash.h"

/* What is hashed: texts, each as ep_hasher_add_text adds it. */
struct ep_hash_list {
	const struct ep_text *texts; /* borrowed */
	size_t count;
	struct ep_hash *hash; /* where the result goes; borrowed */
};

#define EP_HASH_LANES_MAX 8
#define EP_HASH_BLOCK 128 /* bytes */

/* The state of as many hashes as a kernel has lanes, as RFC 7693 names it: h, t and f. */
struct ep_hash_lanes {
	uint64_t state[8][EP_HASH_LANES_MAX];
	uint64_t taken[EP_HASH_LANES_MAX]; /* bytes, with those of the block at hand */
	uint64_t last[EP_HASH_LANES_MAX]; /* all ones in the last block, else 0 */
};

struct ep_hash_kernel {
	const char *name;
	size_t lanes;
	/* Takes a block of EP_HASH_BLOCK bytes into each lane. */
	void (*compress)(struct ep_hash_lanes *lanes, const uint8_t *const *blocks);
};

/* The kernels of index 0, 1, ... that this processor has, each faster than the one before; NULL
 * behind the last, which may be the first. */
const struct ep_hash_kernel *ep_hash_kernel(size_t index);

/* Hashes lists[0..count), whose order it may change, side by side with this kernel. */
void ep_hash_lists_by(const struct ep_hash_kernel *kernel, struct ep_hash_list *lists,
                      size_t count);

/* The same with the fastest way. Two lists are not worth it: those are hashed one by one. */
void ep_hash_lists(struct ep_hash_list *lists, size_t count);

#endif
