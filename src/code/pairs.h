/* pairs.h - the (code, time) pairs of a fingerprint, and their plain code string
 *
 * A plain code string is "code time code time ...", decimal, one blank between. It is canonical
 * when its pairs stand in canonical order, no number has a leading zero, and there is exactly one
 * blank between numbers and none at the ends. Canonical order is by (time as a number, then the
 * text "code time"): at one time the codes are ordered as decimal text, so 100 comes before 99.
 * Pairs may repeat.
 */
#ifndef EP_CODE_PAIRS_H
#define EP_CODE_PAIRS_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"
#include "code/slicer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EP_TIME_MAX INT32_MAX

struct ep_pair {
	uint32_t code; /* any; the code generator makes 0..1048575 */
	uint32_t time; /* units of 23 ms from the start of the song, 0..EP_TIME_MAX */
};

/* A zeroed struct is an empty list. */
struct ep_pairs {
	struct ep_pair *items;
	size_t count;
	size_t capacity;
};

/* Makes room for extra more pairs. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_pairs_reserve(struct ep_pairs *pairs, size_t extra,
                                            struct ep_error *err);
void ep_pairs_free(struct ep_pairs *pairs);
#define EP_PAIRS __attribute__((cleanup(ep_pairs_free)))

/* Appends the pairs of a plain code string to pairs, in the order of the text.
 *
 * Takes what `split()` of the original takes, as far as it is made of blanks: numbers separated by
 * one or more blanks, blanks at the ends, leading zeros, no pairs at all.
 * EP_BAD_INPUT  not pairs of whole numbers, a code of 2^32 or more, a time of 2^31 or more; the
 *               text names the byte (from 1). pairs keeps its count then.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_pairs_parse(struct ep_pairs *pairs, struct ep_text text,
                                          struct ep_error *err);

/* Appends the plain code string of pairs[0..count) to out, in their order, without a blank at the
 * end. What canonical text was parsed to is printed as the same bytes. Fails as ep_buffer_append
 * does, and already up to 8 KiB below the limit of out; out then has its old size. */
EP_MUST_USE enum ep_status ep_pairs_print(struct ep_buffer *out, const struct ep_pair *pairs,
                                          size_t count, struct ep_error *err);

/* As ep_pairs_print for pairs with ascending times, and fills offset and size of slices[0..n),
 * whose firsts ascend and whose ends ascend. */
EP_MUST_USE enum ep_status ep_pairs_print_slices(struct ep_buffer *out, const struct ep_pair *pairs,
                                                 size_t count, struct ep_slice *slices, size_t n,
                                                 struct ep_error *err);

/* The bytes that ep_pairs_print would append. A text was printed, and not typed with more blanks or
 * zeros, if and only if this is its size. */
size_t ep_pairs_print_size(const struct ep_pair *pairs, size_t count);

/* How many of pairs[0..count), at least one, have the time of the first, up to one that has not. */
static inline size_t
ep_pairs_group(const struct ep_pair *pairs, size_t count)
{
	size_t group = 1;
	while (group < count && pairs[group].time == pairs->time)
		group++;
	return group;
}

/* Sorts into canonical order. EP_NO_MEMORY: the order is as before. */
EP_MUST_USE enum ep_status ep_pairs_sort(struct ep_pair *pairs, size_t count, struct ep_error *err);

/* Whether pairs[0..count) stand in canonical order. */
bool ep_pairs_are_sorted(const struct ep_pair *pairs, size_t count);

/* Whether one stands before other in canonical order: below, equal to or above 0. */
int ep_pair_compare(struct ep_pair one, struct ep_pair other);

#endif
