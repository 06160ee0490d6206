/* id_set.h - which ids of documents have been seen, in 8 bytes each
 *
 * It keeps hashes, keyed by chance, of 64 bits: two ids are taken for one with a chance of about
 * n^2 / 2^65. */
#ifndef EP_NET_LEGACY_ID_SET_H
#define EP_NET_LEGACY_ID_SET_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct ep_id_set {
	uint8_t key[16]; /* random */
	uint64_t *hashes;
	size_t count; /* with repetitions, where they are not sorted */
	size_t capacity;
	size_t sorted; /* so many at the front are, and are different */
};

/* Makes an empty set. */
void ep_id_set_init(struct ep_id_set *set);
void ep_id_set_free(struct ep_id_set *set);

/* Adds an id. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_id_set_add(struct ep_id_set *set, struct ep_text id,
                                         struct ep_error *err);

/* Sorts the set, after ids were added, and gives how many different ones there are. EP_NO_MEMORY.
 */
EP_MUST_USE enum ep_status ep_id_set_sort(size_t *count, struct ep_id_set *set,
                                          struct ep_error *err);

/* Whether an id was in the set when it was sorted last. */
bool ep_id_set_has(const struct ep_id_set *set, struct ep_text id);

#endif
