#include "code/onset/onset_search.h"

/* Differences that are searched for one by one. */
#define DELTA_MIN 14
#define DELTA_MAX 32767

/* Two differences, the second in the order of a search. */
struct scan {
	int32_t first;
	int32_t second;
};

/* Goes on to the next differences whose code is in left: the first out of a range, in order of the
 * second, as small ones are likelier. Begin with zeros. */
static bool
scan_next(struct scan *at, struct ep_onset_finder *finder, uint64_t left, struct range firsts,
          uint32_t band)
{
	const struct group *group = &finder->group;
	if (at->second < DELTA_MIN)
		*at = (struct scan){ firsts.high, DELTA_MIN - 1 };
	while (finder->work_left-- > 0) {
		if (++at->first > firsts.high) {
			at->first = firsts.low;
			if (++at->second > DELTA_MAX)
				return false;
		}
		uint32_t code = ep_onset_hash((uint32_t)at->first, (uint32_t)at->second, band);
		if (group_may_have(group, code) && group_find(group, left, code))
			return true;
	}
	return false;
}

/* Given a01 to a23 and the codes left besides: finds a34, a24 and a14. What looks like a start may
 * be the same onset without its second or third follower: the shortest is the true one. */
static bool
start_last(struct ep_onset_finder *finder, struct start *start)
{
	uint32_t band = start->band;
	const struct group *group = &finder->group;
	struct range a03s = range_of_sums(start->a02 + start->a23, start->a01 + start->a13);
	struct scan at = { 0, 0 };
	while (scan_next(&at, finder, start->left, a03s, band)) {
		uint64_t left = start->left;
		if (!take(group, &left, at.first, at.second, band) ||
		    !take_second(&start->a24, group, &left, start->a02,
		                 range_of_sums(start->a23 + at.second, UNKNOWN), band) ||
		    !take_second(&start->a14, group, &left, start->a01,
		                 range_of_sums(start->a12 + start->a24, start->a13 + at.second),
		                 band))
			continue;
		start->a03 = at.first;
		start->a34 = at.second;
		start->left = left;
		return true;
	}
	return false;
}

/* Keeps a start of which a01, a12, a02 and a23 are known and their codes taken, if it has the third
 * code too, in order of the time that the three differences span. */
static void
candidate_add(struct ep_onset_finder *finder, struct start start)
{
	int32_t a13 = 0;
	if (finder->candidate_count == CANDIDATE_MAX ||
	    !take_second(&a13, &finder->group, &start.left, start.a01,
	                 range_of_sums(start.a12 + start.a23, UNKNOWN), start.band))
		return;
	start.a13 = a13;
	size_t at = finder->candidate_count++;
	int32_t span = start.a02 + start.a23;
	for (; at > 0; at--) {
		const struct start *before = &finder->candidates[at - 1];
		if (before->a02 + before->a23 <= span)
			break;
		finder->candidates[at] = *before;
	}
	finder->candidates[at] = start;
}

/* Takes a source as H(01,12) with every other as H(02,23), or with every a23 that there can be. */
static void
candidates_from(struct ep_onset_finder *finder, struct start start,
                const struct tagged_source *source, bool scan)
{
	start.band = source->key >> 16;
	start.a01 = (int32_t)(source->key & 0xffff);
	start.a12 = source->second;
	start.left &= ~((uint64_t)1 << source->index);
	int32_t sum = start.a01 + start.a12;
	if (scan) {
		struct scan at = { 0, 0 };
		while (scan_next(&at, finder, start.left, range_of_sums(sum, UNKNOWN),
		                 start.band)) {
			struct start found = start;
			found.a02 = at.first;
			found.a23 = at.second;
			if (take(&finder->group, &found.left, at.first, at.second, found.band))
				candidate_add(finder, found);
		}
		return;
	}
	for (int32_t a02 = sum; a02 <= sum + 1; a02++) {
		uint32_t key = source_key(start.band, a02);
		const struct tagged_source *other;
		for (uint32_t i = finder->first_source[key_bucket(key)]; i; i = other->next) {
			other = &finder->sources[i - 1];
			if (other->key != key || other->index == source->index)
				continue;
			struct start found = start;
			found.a02 = a02;
			found.a23 = other->second;
			found.left &= ~((uint64_t)1 << other->index);
			candidate_add(finder, found);
		}
	}
}

static void
sources_clear(struct ep_onset_finder *finder)
{
	finder->source_count = 0;
	memset(finder->first_source, 0, sizeof finder->first_source);
}

static void
source_add(struct ep_onset_finder *finder, struct ep_onset_source source, uint32_t index)
{
	if (finder->source_count == SOURCES_MAX)
		return;
	uint32_t key = source_key(source.band, source.first);
	uint32_t *first = &finder->first_source[key_bucket(key)];
	finder->sources[finder->source_count++] =
		(struct tagged_source){ key, source.second, (uint16_t)index, *first };
	*first = (uint32_t)finder->source_count;
}

/* Replaces the sources by those of the codes in left that the table has. */
static void
sources_from_table(struct ep_onset_finder *finder, uint64_t left, unsigned bands)
{
	sources_clear(finder);
	for (uint64_t ahead = left; ahead; ahead &= ahead - 1)
		__builtin_prefetch(
			&finder->table.start[finder->group.codes[__builtin_ctzll(ahead)]]);
	for (uint64_t ahead = left; ahead; ahead &= ahead - 1) {
		uint32_t code = finder->group.codes[__builtin_ctzll(ahead)];
		__builtin_prefetch(&finder->table.entries[finder->table.start[code]]);
	}
	for (; left; left &= left - 1) {
		uint32_t index = (uint32_t)__builtin_ctzll(left);
		uint32_t code = finder->group.codes[index];
		for (uint32_t i = finder->table.start[code]; i < finder->table.start[code + 1];
		     i++) {
			uint32_t entry = finder->table.entries[i];
			struct ep_onset_source source = { (uint16_t)(entry >> 10 & 1023),
				                          (uint16_t)(entry & 1023),
				                          (uint8_t)(entry >> 20) };
			if (bands >> source.band & 1)
				source_add(finder, source, index);
		}
	}
}

/* The same, of all differences below EP_ONSET_DELTA_END. */
static void
sources_from_inverse(struct ep_onset_finder *finder, uint64_t left, unsigned bands)
{
	struct ep_onset_source pairs[EP_ONSET_SOURCES_MAX];
	sources_clear(finder);
	for (; left; left &= left - 1) {
		uint32_t index = (uint32_t)__builtin_ctzll(left);
		finder->work_left -= EP_ONSET_DELTA_END * (1 + __builtin_popcount(bands));
		if (finder->work_left < 0)
			return;
		size_t count = ep_onset_invert(pairs, finder->group.codes[index], bands);
		for (size_t i = 0; i < count; i++)
			source_add(finder, pairs[i], index);
	}
}

/* Completes the best start that the sources allow; *start has what is known of all. */
static bool
start_try(struct ep_onset_finder *finder, struct start *start, bool scan)
{
	finder->candidate_count = 0;
	for (size_t i = 0; i < finder->source_count; i++)
		candidates_from(finder, *start, &finder->sources[i], scan);
	for (size_t i = 0; i < finder->candidate_count; i++) {
		struct start *candidate = &finder->candidates[i];
		if (candidate->followers == 3)
			candidate->a03 = candidate->a14 = candidate->a24 = candidate->a34 = UNKNOWN;
		else if (!start_last(finder, candidate))
			continue;
		*start = *candidate;
		return true;
	}
	return false;
}

enum ep_status
ep_onset_start_cut(struct ep_onset_finder *finder, unsigned bands, int followers, uint32_t time,
                   struct ep_error *err)
{
	/* By the table, which has nearly all; by inverting all codes; by trying all a23. */
	struct start start = { .followers = followers, .left = finder->group.left };
	EP_TRY(finder->table.start ? EP_OK : ep_onset_table_get(&finder->table, err));
	sources_from_table(finder, start.left, bands);
	bool found = start_try(finder, &start, false);
	if (!found) {
		sources_from_inverse(finder, start.left, bands);
		found = start_try(finder, &start, false);
	}
	if (!found) {
		sources_from_table(finder, start.left, bands);
		found = start_try(finder, &start, true);
	}
	if (!found)
		return ep_fail(err, EP_NOT_FOUND, "the codes at time %u do not come from onsets",
		               time);
	finder->group.left = start.left;
	finder->bands[start.band].cut = true;
	return ep_onset_band_start(&finder->bands[start.band], time, &start, err);
}

/* The code of an end that differences give, if it is there; takes it. */
static bool
end_take(struct end *end, uint32_t code)
{
	for (unsigned i = 0; i < end->count; i++)
		if (end->codes[i] == code) {
			end->codes[i] = end->codes[--end->count];
			return true;
		}
	return false;
}

static void
band_fill_end(struct band *band, int32_t a01, int32_t a12)
{
	band_link(band, 0)->next[0] = a01;
	band_link(band, 1)->next[0] = a12;
	band->open_end = -1;
}

bool
ep_onset_close_end(struct ep_onset_finder *finder, uint32_t index, uint32_t time)
{
	struct band *band = &finder->bands[index];
	const struct group *group = &finder->group;
	struct end *end = &finder->ends[band->open_end];
	if (band_link(band, 0)->time - time > DELTA_MAX)
		return false;
	int32_t distance = (int32_t)(band_link(band, 0)->time - time);
	struct scan outer = { 0, 0 };
	while (scan_next(&outer, finder, group->left, (struct range){ distance - 1, distance },
	                 index)) {
		int32_t a12 = outer.second;
		struct scan inner = { 0, 0 };
		while (scan_next(&inner, finder, group->left,
		                 range_of_sums(outer.first + a12, UNKNOWN), index)) {
			uint32_t code = ep_onset_hash((uint32_t)a12, (uint32_t)inner.second, index);
			if (end_take(end, code)) {
				band_fill_end(band, a12, inner.second);
				return true;
			}
		}
	}
	return false;
}

bool
ep_onset_guess_end(struct ep_onset_finder *finder, uint32_t index)
{
	struct band *band = &finder->bands[index];
	struct end *end = &finder->ends[band->open_end];
	struct ep_onset_source pairs[EP_ONSET_SOURCES_MAX];
	const struct ep_onset_source *best = NULL;
	if (end->count == 0)
		return false;
	size_t count = ep_onset_invert(pairs, end->codes[end->count - 1], 1u << index);
	for (size_t i = 0; i < count; i++)
		if (pairs[i].first >= EP_ONSET_GAP_MIN && pairs[i].second >= EP_ONSET_GAP_MIN &&
		    (!best || pairs[i].first + pairs[i].second < best->first + best->second))
			best = &pairs[i];
	if (!best)
		return false;
	end->count--;
	band_fill_end(band, best->first, best->second);
	return true;
}
