/* The walk goes from the last time to the first, with a head for each band: its earliest onset yet.
 *
 *     group of codes at one time
 *       |  for each band with a head: does an onset here, followed by the head, emit codes of the
 *       |  group? Two hashes a band tell.                                      (extend_band)
 *       v
 *     codes left over: bands that have no head yet
 *       |-- 5 x H(0,0): the band ends here; its two differences are open       (start_bands)
 *       |-- 3 x H(0,0): closes an open end                                 (ep_onset_close_end)
 *       |               or the band is cut by the window                   (ep_onset_start_cut)
 *       '-- six codes: the band is cut by the window                       (ep_onset_start_cut)
 *
 * Onsets behind the window, or behind the end of a band, are known by their differences only. They
 * get times at the end, when all that constrains them is known (ep_onset_place_band).
 */
#include "code/onset/onset_find.h"

#include "code/onset/onset_place.h"
#include "code/onset/onset_search.h"

#include <stdlib.h>

/* The farthest that a search in the walk looks for the onset before. */
#define DISTANCE_MAX 32767

#define SECOND_TRIES_MAX 8

/* Hashes that may be computed to find where bands begin, for each search and for each pair: bounds
 * the time that is spent on what no generator made. */
#define WORK_FREE 2000000
#define WORK_A_PAIR 300

enum ep_status
ep_onset_finder_new(struct ep_onset_finder **out, struct ep_error *err)
{
	struct ep_onset_finder *finder = calloc(1, sizeof *finder);
	if (!finder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a search of onsets");
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++)
		finder->zero_code[band] = ep_onset_hash(0, 0, band);
	*out = finder;
	return EP_OK;
}

void
ep_onset_finder_free(struct ep_onset_finder *finder)
{
	if (!finder)
		return;
	for (int band = 0; band < EP_ONSET_BANDS; band++)
		free(finder->bands[band].links);
	free(finder);
}

/* Whether an onset that is delta before the head, as hashed, explains six codes of the group; then
 * takes them and fills in *link, but its time. */
static bool
explain(struct ep_onset_finder *finder, uint32_t index, int32_t delta, struct link *link)
{
	struct band *band = &finder->bands[index];
	struct group *group = &finder->group;
	struct link *head = band_link(band, 0);
	const struct link *second = band_link(band, 1);
	uint64_t left = group->left;
	int32_t a02 = 0;
	int32_t a03 = UNKNOWN;
	int32_t a13 = 0;
	int32_t a14 = UNKNOWN;

	if (!take(group, &left, delta, head->next[0], index) ||
	    !take_sum(&a13, group, &left, delta, head->next[1],
	              range_of_sums(head->next[0] + second->next[0], UNKNOWN), index) ||
	    !take_first(&a02, group, &left, range_of_sums(delta + head->next[0], UNKNOWN),
	                second->next[0], index))
		return false;
	if (band->followers == 2) {
		if (take_copies(group, &left, finder->zero_code[index], 3) != 3)
			return false;
	} else {
		const struct link *third = band_link(band, 2);
		if (!take(group, &left, a02, second->next[1], index) ||
		    !take_sum(&a14, group, &left, delta, head->next[2],
		              range_of_sums(head->next[0] + second->next[1], a13 + third->next[0]),
		              index) ||
		    !take_first(&a03, group, &left,
		                range_of_sums(a02 + second->next[0], delta + a13), third->next[0],
		                index))
			return false;
	}
	head->next[1] = a13;
	if (a14 != UNKNOWN)
		head->next[2] = a14;
	link->next[0] = delta;
	link->next[1] = a02;
	link->next[2] = a03;
	group->left = left;
	return true;
}

/* Puts an onset at time in front of the head, if it explains codes of the group. */
static enum ep_status
extend_band(struct ep_onset_finder *finder, uint32_t index, uint32_t time, struct ep_error *err)
{
	struct band *band = &finder->bands[index];
	const struct link *head = band_link(band, 0);
	if (head->time - time > DISTANCE_MAX)
		return EP_OK;
	int32_t delta = (int32_t)(head->time - time);
	uint32_t after = (uint32_t)head->next[0];
	uint32_t exact = ep_onset_hash((uint32_t)delta, after, index);
	uint32_t carried = ep_onset_hash((uint32_t)delta - 1, after, index);
	struct link link = { .time = time };
	if (!(group_may_have(&finder->group, exact) && explain(finder, index, delta, &link)) &&
	    !(group_may_have(&finder->group, carried) && explain(finder, index, delta - 1, &link)))
		return EP_OK;
	band->followers_before = band->followers;
	if (band->followers < 4)
		band->followers++;
	return ep_onset_band_push(band, link, err);
}

/* Explains what is left of the group by bands that begin here, in the order of the walk. */
static enum ep_status
start_bands(struct ep_onset_finder *finder, uint32_t time, struct ep_error *err)
{
	static const struct start ended = { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN,
		                            UNKNOWN, UNKNOWN, UNKNOWN, 2,       0,       0 };
	struct group *group = &finder->group;
	unsigned headless = 0;
	int end_bands = 0;
	for (uint32_t b = 0; b < EP_ONSET_BANDS; b++) {
		struct band *band = &finder->bands[b];
		uint64_t left = group->left;
		if (band->followers != 0 && band->open_end < 0)
			continue;
		int zeros = take_copies(group, &left, finder->zero_code[b], 5);
		if (band->followers != 0) {
			if (zeros >= 3 && ep_onset_close_end(finder, b, time))
				EP_TRY(extend_band(finder, b, time, err));
			continue;
		}
		if (zeros == 5) {
			group->left = left;
			EP_TRY(ep_onset_band_start(band, time, &ended, err));
			band->open_end = finder->end_count;
			end_bands++;
		} else if (zeros >= 3) {
			take_copies(group, &group->left, finder->zero_code[b], 3);
			EP_TRY(ep_onset_start_cut(finder, 1u << b, 3, time, err));
		} else {
			headless |= 1u << b;
		}
	}
	while (__builtin_popcountll(group->left) > end_bands) {
		if (__builtin_popcountll(group->left) < 6 || headless == 0)
			return ep_fail(err, EP_NOT_FOUND,
			               "a code at time %u does not belong to an onset", time);
		EP_TRY(ep_onset_start_cut(finder, headless, 4, time, err));
		for (uint32_t b = 0; b < EP_ONSET_BANDS; b++)
			if (finder->bands[b].followers)
				headless &= ~(1u << b);
	}
	if (__builtin_popcountll(group->left) < end_bands)
		return ep_fail(err, EP_NOT_FOUND, "an onset at time %u lacks one of its codes",
		               time);
	if (end_bands == 0)
		return EP_OK;
	struct end *end = &finder->ends[finder->end_count++];
	end->count = 0;
	for (uint64_t left = group->left; left; left &= left - 1)
		end->codes[end->count++] = group->codes[__builtin_ctzll(left)];
	return EP_OK;
}

/* Takes back all that has been done for the group at time. */
static void
undo_group(struct ep_onset_finder *finder, uint32_t time, int end_count)
{
	finder->end_count = end_count;
	for (int b = 0; b < EP_ONSET_BANDS; b++) {
		struct band *band = &finder->bands[b];
		if (band->followers == 0 || band_link(band, 0)->time != time)
			continue;
		if (band->count == band->virtual_count + 1) {
			band->count = 0;
			band->followers = 0;
			band->cut = false;
			band->open_end = -1;
			continue;
		}
		band->count--;
		band->followers = band->followers_before;
		for (int i = band->followers - 1; i < 3; i++)
			band_link(band, 0)->next[i] = UNKNOWN;
	}
}

static enum ep_status
explain_in_order(struct ep_onset_finder *finder, uint32_t time, uint32_t order,
                 struct ep_error *err)
{
	for (uint32_t i = 0; i < EP_ONSET_BANDS; i++) {
		const struct band *band = &finder->bands[i ^ order];
		if (band->followers != 0 && band->open_end < 0)
			EP_TRY(extend_band(finder, i ^ order, time, err));
	}
	return finder->group.left == 0 ? EP_OK : start_bands(finder, time, err);
}

/* Now and then a band takes another band's code for its own, and does not if it comes second. */
static enum ep_status
explain_group(struct ep_onset_finder *finder, const struct ep_pair *pairs, size_t count,
              struct ep_error *err)
{
	int end_count = finder->end_count;
	group_fill(&finder->group, pairs, count);
	enum ep_status status = explain_in_order(finder, pairs->time, 0, err);
	if (status != EP_NOT_FOUND || finder->second_tries == SECOND_TRIES_MAX)
		return status;
	finder->second_tries++;
	undo_group(finder, pairs->time, end_count);
	group_fill(&finder->group, pairs, count);
	return explain_in_order(finder, pairs->time, EP_ONSET_BANDS - 1, err);
}

enum ep_status
ep_onset_find(struct ep_onsets *onsets, struct ep_onset_finder *finder, const struct ep_pair *pairs,
              size_t count, struct ep_window window, struct ep_error *err)
{
	for (int b = 0; b < EP_ONSET_BANDS; b++) {
		struct band *band = &finder->bands[b];
		*band = (struct band){ .links = band->links,
			               .capacity = band->capacity,
			               .open_end = -1 };
	}
	finder->end_count = 0;
	finder->second_tries = 0;
	finder->work_left = WORK_FREE + (int64_t)count * WORK_A_PAIR;
	for (size_t end = count; end > 0;) {
		size_t start = end - 1;
		while (start > 0 && pairs[start - 1].time == pairs[end - 1].time &&
		       end - start <= GROUP_MAX)
			start--;
		uint32_t high = 0;
		for (size_t i = start; i < end; i++)
			high |= pairs[i].code;
		if (end - start > GROUP_MAX || (end - start) % 6 != 0 ||
		    high >= EP_ONSET_CODE_COUNT)
			return ep_fail(err, EP_NOT_FOUND,
			               "the codes at time %u do not come from onsets",
			               pairs[start].time);
		EP_TRY(explain_group(finder, pairs + start, end - start, err));
		end = start;
	}
	onsets->count = 0;
	for (uint32_t b = 0; b < EP_ONSET_BANDS; b++) {
		struct band *band = &finder->bands[b];
		if (band->open_end >= 0 && !ep_onset_guess_end(finder, b))
			return ep_fail(err, EP_NOT_FOUND, "the end of band %u was not found", b);
		EP_TRY(ep_onset_place_band(onsets, band, window, err));
		onsets->end[b] = onsets->count;
	}
	return EP_OK;
}
