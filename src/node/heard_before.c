#include "node/heard_internal.h"

#include "generator/generator.h"
#include "match/rule.h"

#include <stdlib.h>

/* A piece is looked for window by window, of so many units of time: 20 s every 8 s. A part of
 * EP_HEARD_PART_MIN_S has at least half of its length in one of them. */
#define WINDOW_TIMES 860u
#define STEP_TIMES 345u

/* Candidates that the index is asked for. Neighbours of the piece come first, as they overlap with
 * it, and are passed over. */
#define CANDIDATES_MAX 16

/* A candidate has at least this share of the bits of what is looked for on one diagonal. */
#define BITS_SHARE 0.01f

/* What two recordings of one sound have in common: so many distinct codes in a window, and this
 * share of the onsets. */
#define CODES_MIN 12
#define SHARE_MIN 0.55f

/* And so high a score. In a stream of synthesised notes of one rhythm, a part that was played again
 * had 77 or more in the window that it fills most; all else had 49 or less. */
#define SCORE_MIN 65

#define PART_MIN_TIMES ((uint32_t)(EP_HEARD_PART_MIN_S * EP_SAMPLE_RATE / EP_HEARD_TIME_SAMPLES))

/* A window of the piece that is looked for. */
struct window {
	const struct ep_heard_piece *piece;
	uint32_t from;
	uint32_t until;
};

static int64_t
ms_of(int64_t times)
{
	return times * EP_HEARD_TIME_SAMPLES * 1000 / EP_SAMPLE_RATE;
}

/* Makes a sketch and probe of the window, whose times are counted from its beginning. */
static enum ep_status
probe_window(struct ep_heard *heard, const struct window *window, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	const struct ep_pairs *all = window->piece->pairs;
	EP_TRY(ep_pairs_reserve(&pairs, all->count, err));
	for (size_t i = 0; i < all->count; i++) {
		struct ep_pair pair = all->items[i];
		if (pair.time < window->from || pair.time >= window->until)
			continue;
		pair.time -= window->from;
		pairs.items[pairs.count++] = pair;
	}
	EP_TRY(ep_sketch_of_pairs(&heard->window, heard->sketcher, pairs.items, pairs.count, err));
	ep_probe_fill(&heard->probe, &heard->window);
	return EP_OK;
}

/* Whether two times at which a part was heard are so far apart that it is played again. */
static bool
is_apart(const struct ep_heard_part *part, int64_t at_ms)
{
	int64_t apart_s = llabs(at_ms - part->before_ms) / 1000;
	return apart_s >= (part->one_stretch ? EP_HEARD_APART_S : EP_HEARD_APART_MIN_S);
}

/* How sure it is that the window is from the other track at the offset of the evidence. There is no
 * best other song to compare with, as each time at which it was heard is one; what the track has
 * at another offset takes its place. */
static enum ep_status
score(int *score, struct ep_heard *heard, const struct ep_evidence *evidence, struct ep_error *err)
{
	struct ep_comparison comparison = { .best = *evidence,
		                            .query_codes = (float)heard->probe.code_count };
	EP_TRY(ep_weigh_elsewhere(&comparison.elsewhere, heard->weigher, &heard->probe,
	                          &heard->window, &heard->other, evidence->offset, err));
	EP_TRY(ep_weigh_self(&comparison.self, heard->weigher, &heard->probe, &heard->window, err));
	comparison.second = comparison.elsewhere;
	*score = ep_rule_score(&comparison);
	return EP_OK;
}

/* Finds the part that the other track has. EP_NOT_FOUND  it has none. */
static enum ep_status
find_part(struct ep_common_part *common, int64_t *offset, struct ep_heard *heard,
          const struct window *window, struct ep_error *err)
{
	struct ep_evidence evidence;
	int sure;
	EP_TRY(ep_weigh(&evidence, heard->weigher, &heard->probe, &heard->window, &heard->other,
	                err));
	if (evidence.codes < CODES_MIN)
		return EP_NOT_FOUND;
	*offset = evidence.offset - (int64_t)window->from;
	enum ep_status status = ep_find_common_part(common, &heard->piece, &heard->other, *offset,
	                                            window->from, window->until, err);
	if (status != EP_OK)
		return status;
	if (common->last - common->first < PART_MIN_TIMES ||
	    (float)common->coincide < SHARE_MIN * (float)common->onsets)
		return EP_NOT_FOUND;
	EP_TRY(score(&sure, heard, &evidence, err));
	return sure >= SCORE_MIN ? EP_OK : EP_NOT_FOUND;
}

/* Lays the piece on a candidate. EP_NOT_FOUND  it does not have a part of it. */
static enum ep_status
lay(struct ep_heard_part *part, struct ep_heard *heard, const struct window *window,
    const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_common_part common;
	struct ep_heard_track track;
	int64_t offset;
	const struct ep_heard_piece *piece = window->piece;
	EP_TRY(ep_entry_sketch(&heard->other, &heard->decoded, entry, heard->coder, err));
	enum ep_status status = find_part(&common, &offset, heard, window, err);
	if (status != EP_OK)
		return status;
	EP_TRY(ep_heard_read(&track, &heard->decoded, entry, err));
	*part = (struct ep_heard_part){
		.first = common.first,
		.last = common.last,
		.before_ms = track.begin_ms + ms_of((int64_t)common.first + offset),
		.one_stretch = track.stretch_ms == piece->stretch_ms &&
		               ep_text_equal(track.stream, piece->stream),
	};
	return is_apart(part, piece->begin_ms + ms_of(common.first)) ? EP_OK : EP_NOT_FOUND;
}

/* The longest part that a candidate has. EP_NOT_FOUND. */
static enum ep_status
look(struct ep_heard_part *best, struct ep_heard *heard, const struct window *window,
     struct ep_error *err)
{
	struct ep_candidate candidates[CANDIDATES_MAX];
	size_t count;
	bool any = false;
	EP_TRY(probe_window(heard, window, err));
	if (heard->probe.code_count < CODES_MIN)
		return EP_NOT_FOUND;
	EP_TRY(ep_search(candidates, &count, CANDIDATES_MAX, heard->searcher, heard->index,
	                 &heard->probe, EP_SEARCH_FULL, err));
	for (size_t i = 0; i < count; i++) {
		struct ep_heard_part part;
		struct ep_entry entry;
		if (candidates[i].score < BITS_SHARE * heard->probe.bits)
			break;
		enum ep_status status =
			ep_index_entry_at(&entry, heard->index, candidates[i].position, err);
		if (status == EP_OK)
			status = entry.operation == EP_PUT ? lay(&part, heard, window, &entry, err)
			                                   : EP_NOT_FOUND;
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
		if (status == EP_OK &&
		    (!any || part.last - part.first > best->last - best->first)) {
			*best = part;
			any = true;
		}
	}
	return any ? EP_OK : EP_NOT_FOUND;
}

enum ep_status
ep_heard_before(struct ep_heard *heard, const struct ep_heard_piece *piece,
                enum ep_status (*on_part)(void *context, const struct ep_heard_part *part,
                                          struct ep_error *err),
                void *context, struct ep_error *err)
{
	struct ep_pairs *pairs = piece->pairs;
	uint32_t told = 0; /* what begins before it was told */
	EP_TRY(ep_pairs_sort(pairs->items, pairs->count, err));
	EP_TRY(ep_sketch_of_pairs(&heard->piece, heard->sketcher, pairs->items, pairs->count, err));
	uint32_t end = pairs->count ? pairs->items[pairs->count - 1].time : 0;
	for (uint32_t from = 0; from < end; from += STEP_TIMES) {
		struct window window = { piece, from, from + WINDOW_TIMES };
		struct ep_heard_part part;
		enum ep_status status = look(&part, heard, &window, err);
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
		if (status == EP_NOT_FOUND || part.first + PART_MIN_TIMES / 2 < told)
			continue;
		told = part.last;
		EP_TRY(on_part(context, &part, err));
	}
	return EP_OK;
}
