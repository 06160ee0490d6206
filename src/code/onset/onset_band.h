/* onset_band.h - a band while its onsets are searched for
 *
 * For onset_find.h and its parts only.
 */
#ifndef EP_CODE_ONSET_ONSET_BAND_H
#define EP_CODE_ONSET_ONSET_BAND_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A difference that is not known. */
#define UNKNOWN (-1)

/* An onset with its differences to the next three of its band; followed from the last to the first.
 */
struct link {
	uint32_t time;
	int32_t next[3];
};

struct band {
	struct link *links; /* the head is the last */
	size_t count;
	size_t capacity;
	size_t virtual_count; /* of the first links the time is not known */
	int followers; /* of the head, 4 for more; 0: there is no head yet */
	int followers_before; /* of the onset after the head */
	bool cut; /* the onset after the last visible one is behind the window */
	int open_end; /* which end the codes of the head are in, or -1 */
};

/* What is found of the onsets after one: differences, named by the ends. */
struct start {
	int32_t a01, a02, a03, a12, a13, a14, a23, a24, a34;
	int followers;
	uint32_t band;
	uint64_t left; /* of the group, besides its codes */
};

/* The k-th link after the head. */
static inline struct link *
band_link(const struct band *band, size_t after_head)
{
	return &band->links[band->count - 1 - after_head];
}

/* Puts a link in front of the others. EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_band_push(struct band *band, struct link link,
                                              struct ep_error *err);

/* Begins a band with the onset at time and the followers of start. EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_band_start(struct band *band, uint32_t time,
                                               const struct start *start, struct ep_error *err);

#endif
