#include "code/onset/onset_place.h"

/* Whether the carries of an onset go with those of the onsets before, if carries are what they are
 * by origin: whether the one's phase is below the other's. */
static bool
carries_agree(uint32_t carries, uint32_t before, uint32_t before_that)
{
	/* Each row: one's phase to a middle onset, the middle's to an earlier one, one's to that.
	 */
	uint32_t chains[3][3] = {
		{ carries & 1, before & 1, carries >> 1 & 1 },
		{ carries & 1, before >> 1 & 1, carries >> 2 & 1 },
		{ carries >> 1 & 1, before_that & 1, carries >> 2 & 1 },
	};
	for (int i = 0; i < 3; i++)
		if (chains[i][0] == chains[i][1] && chains[i][2] != chains[i][0])
			return false;
	return true;
}

/* One band's onsets as they are placed. */
struct placing {
	struct ep_onset *onsets;
	const struct link *links; /* of the first; the next is before it */
	size_t count;
	size_t known; /* so many have a time */
	struct ep_window window;
	bool cut;
};

/* The carries that the differences to the onsets before ask for, and in *known the bits of those
 * that are known. False where a difference does not go with the times. */
static bool
carries_asked(uint32_t *carries, uint32_t *known, const struct placing *placing, size_t i)
{
	*carries = 0;
	*known = 0;
	for (size_t lag = 1; lag <= 3 && lag <= i; lag++) {
		int32_t delta = placing->links[-(ptrdiff_t)(i - lag)].next[lag - 1];
		uint32_t distance = placing->onsets[i].time - placing->onsets[i - lag].time;
		uint32_t carry = distance - (uint32_t)delta;
		if (delta == UNKNOWN)
			continue;
		if (carry > 1)
			return false;
		*carries |= carry << (lag - 1);
		*known |= 1u << (lag - 1);
	}
	return true;
}

/* Gives the onsets that have a time their carries. */
static bool
place_known(const struct placing *placing)
{
	uint32_t known;
	for (size_t i = 0; i < placing->known; i++) {
		placing->onsets[i].time = placing->links[-(ptrdiff_t)i].time;
		if (!carries_asked(&placing->onsets[i].carries, &known, placing, i))
			return false;
	}
	return true;
}

/* Gives onset i and all after it times and carries. At most 8^4 steps, as at most four have none.
 */
static bool
place_from(const struct placing *placing, size_t i, bool strict)
{
	if (i == placing->count)
		return true;
	struct ep_onset *onset = &placing->onsets[i];
	uint32_t before = onset[-1].carries;
	uint32_t before_that = i > 1 ? onset[-2].carries : 0;
	uint32_t choices = i == 1 ? 2 : i == 2 ? 4 : 8;
	for (uint32_t carries = 0; carries < choices; carries++) {
		onset->time = onset[-1].time + (carries & 1) +
		              (uint32_t)placing->links[-(ptrdiff_t)(i - 1)].next[0];
		if (placing->cut && i == placing->known && onset->time < placing->window.end)
			continue;
		uint32_t asked;
		uint32_t known;
		if (!carries_asked(&asked, &known, placing, i) || (carries & known) != asked ||
		    (strict && i > 2 && !carries_agree(carries, before, before_that)))
			continue;
		onset->carries = carries;
		if (place_from(placing, i + 1, strict))
			return true;
	}
	return false;
}

enum ep_status
ep_onset_place_band(struct ep_onsets *onsets, const struct band *band, struct ep_window window,
                    struct ep_error *err)
{
	if (band->count == 0)
		return EP_OK;
	while (onsets->capacity - onsets->count < band->count)
		EP_TRY(ep_onsets_grow(onsets, err));
	struct placing placing = { .onsets = onsets->items + onsets->count,
		                   .links = band->links + band->count - 1,
		                   .count = band->count,
		                   .known = band->count - band->virtual_count,
		                   .window = window,
		                   .cut = band->cut };
	if (!place_known(&placing) || (!place_from(&placing, placing.known, true) &&
	                               !place_from(&placing, placing.known, false)))
		return ep_fail(err, EP_NOT_FOUND, "an onset does not fit those before it");
	onsets->count += band->count;
	return EP_OK;
}
