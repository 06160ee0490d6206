#include "match/copy.h"

#include <stdlib.h>

/* Stretches of 15 s in units of time; one aligns where this share of its onsets coincides, and has
 * no say with fewer onsets than this. */
#define STRETCH_TIMES 650
#define STRETCH_SHARE 0.30f
#define STRETCH_ONSETS_MIN 12

/* Where a whole track is a copy. Of 150 re-encodings the lowest had a share of 0.47 and a coverage
 * of 0.90; of the pairs of different songs among 641 that came closest, those above this coverage
 * had a share of 0.41 at most, and those above this share a coverage of 0.77. */
#define COPY_SHARE 0.43f
#define COPY_COVERAGE 0.82f
#define COPY_ELSEWHERE 0.88f

/* Other offsets, in units of time, at which as much may coincide. */
#define SHIFTS_MAX 600

/* Where what two tracks have in common is one recording. */
#define COMMON_SHARE 0.40f
#define COMMON_PART 0.60f

static uint32_t
last_onset(const struct ep_sketch *sketch)
{
	uint32_t last = 0;
	for (size_t i = 0; i < sketch->onset_count; i++)
		last = sketch->onsets[i] > last ? sketch->onsets[i] : last;
	return last;
}

/* Counts of one stretch at a time, as onsets come band by band: the stretches of a track of any
 * length are gone through one after the other. */
struct counts {
	size_t inside;
	size_t common;
};

/* The onsets of a stretch of the other track's time, from `from` on, and those that coincide. */
static struct counts
count_stretch(const struct ep_sketch *one, const struct ep_sketch *other, int64_t offset,
              size_t at[EP_ONSET_BANDS], size_t other_at[EP_ONSET_BANDS], int64_t end)
{
	struct counts counts = { 0, 0 };
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		size_t i = at[band];
		size_t j = other_at[band];
		for (; i < one->end[band] && (int64_t)one->onsets[i] + offset < end; i++) {
			int64_t time = (int64_t)one->onsets[i] + offset;
			while (j < other->end[band] && (int64_t)other->onsets[j] < time - 1)
				j++;
			counts.inside++;
			counts.common +=
				j < other->end[band] && (int64_t)other->onsets[j] <= time + 1;
		}
		at[band] = i;
		other_at[band] = j;
	}
	return counts;
}

static void
align_at(struct ep_alignment *alignment, const struct ep_sketch *one, const struct ep_sketch *other,
         int64_t offset)
{
	int64_t one_last = last_onset(one);
	int64_t other_last = last_onset(other);
	int64_t first = offset > 0 ? offset : 0;
	int64_t last = one_last + offset < other_last ? one_last + offset : other_last;
	size_t at[EP_ONSET_BANDS];
	size_t other_at[EP_ONSET_BANDS];
	struct counts all = { 0, 0 };
	int64_t aligned = 0;
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		at[band] = band ? one->end[band - 1] : 0;
		other_at[band] = band ? other->end[band - 1] : 0;
	}
	(void)count_stretch(one, other, offset, at, other_at, first);
	for (int64_t from = first; from <= last; from += STRETCH_TIMES) {
		int64_t end = from + STRETCH_TIMES < last + 1 ? from + STRETCH_TIMES : last + 1;
		struct counts counts = count_stretch(one, other, offset, at, other_at, end);
		bool silent = counts.inside < STRETCH_ONSETS_MIN;
		bool good = (float)counts.common >= STRETCH_SHARE * (float)counts.inside;
		aligned += silent || good ? end - from : 0;
		all.inside += counts.inside;
		all.common += counts.common;
	}
	int64_t longer = (one_last > other_last ? one_last : other_last) + 1;
	int64_t shorter = (one_last < other_last ? one_last : other_last) + 1;
	*alignment = (struct ep_alignment){
		.share = all.inside ? (float)all.common / (float)all.inside : 0,
		.coverage = (float)aligned / (float)longer,
		.common = (float)aligned / (float)shorter,
		.offset = offset,
	};
}

void
ep_align(struct ep_alignment *alignment, const struct ep_sketch *one, const struct ep_sketch *other,
         int64_t offset)
{
	struct ep_alignment next;
	align_at(alignment, one, other, offset);
	align_at(&next, one, other, offset + 1);
	if (next.share > alignment->share)
		*alignment = next;
}

/* Counts the pairs of onsets of one band by how far they are apart, up to SHIFTS_MAX. */
static void
count_shifts(uint32_t sums[2 * SHIFTS_MAX + 1], const struct ep_sketch *one,
             const struct ep_sketch *other, uint32_t band, int64_t offset)
{
	size_t i = band ? one->end[band - 1] : 0;
	size_t j = band ? other->end[band - 1] : 0;
	for (; i < one->end[band]; i++) {
		int64_t first = (int64_t)one->onsets[i] + offset - SHIFTS_MAX;
		while (j < other->end[band] && (int64_t)other->onsets[j] < first)
			j++;
		for (size_t k = j; k < other->end[band]; k++) {
			int64_t shift = (int64_t)other->onsets[k] - first;
			if (shift > 2 * SHIFTS_MAX)
				break;
			sums[shift]++;
		}
	}
}

void
ep_align_elsewhere(struct ep_alignment *alignment, const struct ep_sketch *one,
                   const struct ep_sketch *other)
{
	uint32_t sums[2 * SHIFTS_MAX + 1] = { 0 };
	uint32_t here = 0;
	uint32_t most = 0;
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++)
		count_shifts(sums, one, other, band, alignment->offset);
	for (int shift = 1; shift < 2 * SHIFTS_MAX; shift++) {
		uint32_t sum = sums[shift - 1] + sums[shift] + sums[shift + 1];
		if (shift == SHIFTS_MAX)
			here = sum;
		else if (abs(shift - SHIFTS_MAX) >= EP_SELF_SHIFT_MIN && sum > most)
			most = sum;
	}
	alignment->elsewhere = here ? (float)most / (float)here : 1;
}

bool
ep_alignment_is_copy(const struct ep_alignment *alignment)
{
	return alignment->share >= COPY_SHARE && alignment->coverage >= COPY_COVERAGE &&
	       alignment->elsewhere <= COPY_ELSEWHERE;
}

bool
ep_alignment_is_common(const struct ep_alignment *alignment)
{
	return alignment->share >= COMMON_SHARE && alignment->common >= COMMON_PART;
}
