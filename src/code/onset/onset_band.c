#include "code/onset/onset_band.h"

#include <stdlib.h>

enum ep_status
ep_onset_band_push(struct band *band, struct link link, struct ep_error *err)
{
	if (band->count == band->capacity) {
		size_t capacity = band->capacity ? band->capacity * 2 : 256;
		struct link *links = realloc(band->links, capacity * sizeof *links);
		if (!links)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu onsets", capacity);
		band->links = links;
		band->capacity = capacity;
	}
	band->links[band->count++] = link;
	return EP_OK;
}

enum ep_status
ep_onset_band_start(struct band *band, uint32_t time, const struct start *start,
                    struct ep_error *err)
{
	struct link links[5] = {
		{ .next = { UNKNOWN, UNKNOWN, UNKNOWN } },
		{ .next = { start->a34, UNKNOWN, UNKNOWN } },
		{ .next = { start->a23, start->a24, UNKNOWN } },
		{ .next = { start->a12, start->a13, start->a14 } },
		{ .time = time, .next = { start->a01, start->a02, start->a03 } },
	};
	for (int i = 4 - start->followers; i < 5; i++)
		EP_TRY(ep_onset_band_push(band, links[i], err));
	band->virtual_count = (size_t)start->followers;
	band->followers = start->followers;
	band->open_end = -1;
	return EP_OK;
}
