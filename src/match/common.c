#include "match/common.h"

#include <stdlib.h>

/* An onset of the first track as a number, so that they sort by time. */
static uint64_t
mark(uint32_t time, bool coincides)
{
	return (uint64_t)time << 1 | coincides;
}

static int
compare_marks(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one;
	uint64_t b = *(const uint64_t *)other;
	return (a > b) - (a < b);
}

/* Marks the onsets of one, and says of each whether it coincides with one of the same band. */
static void
mark_onsets(uint64_t *marks, const struct ep_sketch *one, const struct ep_sketch *other,
            int64_t offset)
{
	size_t i = 0;
	size_t j = 0;
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		j = band ? other->end[band - 1] : 0;
		for (; i < one->end[band]; i++) {
			int64_t time = (int64_t)one->onsets[i] + offset;
			while (j < other->end[band] && (int64_t)other->onsets[j] < time - 1)
				j++;
			bool coincides =
				j < other->end[band] && (int64_t)other->onsets[j] <= time + 1;
			marks[i] = mark(one->onsets[i], coincides);
		}
	}
	qsort(marks, one->onset_count, sizeof *marks, compare_marks);
}

/* The part that is gone through. */
struct growing {
	struct ep_common_part part; /* up to the maximum of the sum */
	uint32_t at; /* time of the last onset */
	uint32_t onsets; /* up to now */
	uint32_t coincide;
	int64_t sum;
	int64_t most; /* the maximum; 0: there is no part */
};

/* What is looked for, and the best of it. */
struct search {
	uint32_t from;
	uint32_t until;
	struct ep_common_part best;
	int64_t most; /* its sum; 0: none was found */
};

/* Keeps the part if it is the best so far, and begins anew. */
static void
end_part(struct search *search, struct growing *growing)
{
	const struct ep_common_part *part = &growing->part;
	if (growing->most > search->most && part->last >= search->from &&
	    part->first < search->until) {
		search->best = *part;
		search->most = growing->most;
	}
	*growing = (struct growing){ 0 };
}

static void
take_onset(struct search *search, struct growing *growing, uint32_t time, bool coincides)
{
	if (growing->most > 0 && time - growing->at > EP_COMMON_PAUSE)
		end_part(search, growing);
	growing->at = time;
	if (growing->most == 0 && !coincides)
		return;
	if (growing->most == 0)
		growing->part.first = time;
	growing->onsets++;
	growing->coincide += coincides;
	growing->sum += coincides ? EP_COMMON_HIT : -EP_COMMON_MISS;
	if (growing->sum > growing->most) {
		growing->most = growing->sum;
		growing->part.last = time;
		growing->part.onsets = growing->onsets;
		growing->part.coincide = growing->coincide;
	}
	if (growing->sum <= 0 || growing->most - growing->sum >= EP_COMMON_DROP)
		end_part(search, growing);
}

enum ep_status
ep_find_common_part(struct ep_common_part *part, const struct ep_sketch *one,
                    const struct ep_sketch *other, int64_t offset, uint32_t from, uint32_t until,
                    struct ep_error *err)
{
	struct search search = { .from = from, .until = until };
	uint64_t *marks = malloc((one->onset_count + 1) * sizeof *marks);
	if (!marks)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for comparing tracks");
	for (int64_t shift = -1; shift <= 1; shift++) {
		struct growing growing = { 0 };
		mark_onsets(marks, one, other, offset + shift);
		for (size_t i = 0; i < one->onset_count; i++)
			take_onset(&search, &growing, (uint32_t)(marks[i] >> 1), marks[i] & 1);
		end_part(&search, &growing);
	}
	free(marks);
	if (search.most == 0)
		return EP_NOT_FOUND;
	*part = search.best;
	return EP_OK;
}
