#include "match/copy.h"

/* For now by onsets alone: the share of those that coincide, in the band, within one unit. */
bool
ep_aligns(const struct ep_sketch *one, const struct ep_sketch *other, int64_t shift)
{
	size_t inside = 0;
	size_t common = 0;
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		size_t at = band ? other->end[band - 1] : 0;
		size_t end = other->end[band];
		int64_t last = end > at ? (int64_t)other->onsets[end - 1] : -1;
		for (size_t i = band ? one->end[band - 1] : 0; i < one->end[band]; i++) {
			int64_t time = (int64_t)one->onsets[i] - shift;
			if (time < 0 || time > last)
				continue;
			inside++;
			while (at < end && (int64_t)other->onsets[at] < time - 1)
				at++;
			common += at < end && (int64_t)other->onsets[at] <= time + 1;
		}
	}
	return inside > 0 && (float)common >= 0.45f * (float)inside;
}
