#include "match/find_copy.h"

#include "index/collect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What is looked for: so much of the middle, in units of time; less of it finds the same codes. */
#define PROBE_TIMES 2586u
#define PROBE_EXACT_TIMES 431u

/* Candidates that the index is asked for, and those that are laid on the track. */
#define CANDIDATES_MAX 8
#define LAID_MAX 4

/* A copy has at least this share of the bits of what is looked for on one diagonal; of 241 the
 * lowest had 0.021. Of tracks that are no copies one in eighty has. */
#define BITS_SHARE 0.01f
/* The same where it has the same codes; of 502 the lowest had 0.169, as not all are in the index.
 */
#define BITS_SHARE_EXACT 0.1f

struct ep_copy_finder {
	struct ep_codes_coder *coder;
	struct ep_searcher *searcher;
	struct ep_weigher *weigher;
	struct ep_decoded decoded;
	struct ep_decoded other_decoded;
	struct ep_sketch track;
	struct ep_sketch other;
	struct ep_sketch middle;
	struct ep_probe probe;
};

enum ep_status
ep_copy_finder_new(struct ep_copy_finder **out, struct ep_error *err)
{
	EP_OWNED(ep_copy_finder_free)
	struct ep_copy_finder *finder = calloc(1, sizeof *finder);
	if (!finder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for finding copies");
	EP_TRY(ep_codes_coder_new(&finder->coder, EP_CODES_ONSET, err));
	EP_TRY(ep_searcher_new(&finder->searcher, err));
	EP_TRY(ep_weigher_new(&finder->weigher, err));
	*out = EP_TAKE(finder);
	return EP_OK;
}

void
ep_copy_finder_free(struct ep_copy_finder *finder)
{
	if (!finder)
		return;
	ep_codes_coder_free(finder->coder);
	ep_searcher_free(finder->searcher);
	ep_weigher_free(finder->weigher);
	ep_decoded_free(&finder->decoded);
	ep_decoded_free(&finder->other_decoded);
	ep_sketch_free(&finder->track);
	ep_sketch_free(&finder->other);
	ep_sketch_free(&finder->middle);
	free(finder);
}

/* Fills the probe with so much of the middle of the track, whose times are counted from `start`
 * there. */
static enum ep_status
probe_middle(uint32_t *start, struct ep_copy_finder *finder, uint32_t times, struct ep_error *err)
{
	const struct ep_sketch *track = &finder->track;
	struct ep_sketch *middle = &finder->middle;
	uint32_t last = 0;
	for (size_t i = 0; i < track->code_count; i++)
		last = track->codes[i].time > last ? track->codes[i].time : last;
	*start = last > times ? (last - times) / 2 : 0;
	if (track->code_count > middle->code_capacity) {
		struct ep_sketch_code *codes =
			realloc(middle->codes, track->code_count * sizeof *codes);
		if (!codes)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for finding copies");
		middle->codes = codes;
		middle->code_capacity = track->code_count;
	}
	middle->code_count = 0;
	for (size_t i = 0; i < track->code_count; i++) {
		struct ep_sketch_code code = track->codes[i];
		uint32_t time = code.time;
		if (time < *start || time - *start > times)
			continue;
		code.time = (time - *start) & (EP_SKETCH_TIME_END - 1);
		middle->codes[middle->code_count++] = code;
	}
	ep_probe_fill(&finder->probe, middle);
	return EP_OK;
}

/* Whether two tracks have the same documents' codes, byte for byte as they are stored. */
static bool
same_codes(struct ep_bytes one, const struct ep_decoded *one_rows, struct ep_bytes other,
           const struct ep_decoded *other_rows)
{
	bool same = ep_bytes_equal(one, other) && one_rows->track.count == other_rows->track.count;
	for (size_t i = 0; same && i < one_rows->track.count; i++)
		same = ep_text_equal(one_rows->track.documents[i].suffix,
		                     other_rows->track.documents[i].suffix);
	return same;
}

/* Fills the probe with what is looked for; EP_NOT_FOUND where the track has too few codes to be
 * anybody's copy. */
static enum ep_status
probe_track(uint32_t *start, struct ep_copy_finder *finder, enum ep_dedup how, struct ep_error *err)
{
	const struct ep_probe *probe = &finder->probe;
	if (how == EP_DEDUP_EXACT) {
		EP_TRY(probe_middle(start, finder, PROBE_EXACT_TIMES, err));
		if (probe->code_count >= EP_COPY_CODES_MIN)
			return EP_OK;
	}
	EP_TRY(probe_middle(start, finder, PROBE_TIMES, err));
	if (probe->code_count >= EP_COPY_CODES_MIN)
		return EP_OK;
	ep_probe_fill(&finder->probe, &finder->track);
	if (probe->code_count < EP_COPY_CODES_MIN)
		return EP_NOT_FOUND;
	return probe_middle(start, finder, PROBE_TIMES, err);
}

/* Lays finder->track on another entry, where the probe's start says that they meet. */
static enum ep_status
lay(struct ep_found_copy *found, struct ep_copy_finder *finder, const struct ep_entry *entry,
    const struct ep_entry *other, uint32_t start, struct ep_error *err)
{
	struct ep_evidence evidence;
	struct ep_bytes codes;
	struct ep_bytes other_codes;
	EP_TRY(ep_entry_rows(&finder->decoded, &codes, entry, err));
	EP_TRY(ep_entry_rows(&finder->other_decoded, &other_codes, other, err));
	*found = (struct ep_found_copy){ .position = other->position,
		                         .id = other->id,
		                         .source = other->source,
		                         .kind = EP_COPY_EXACT,
		                         .alignment = { 1, 1, 1, 0, 0 } };
	ep_entry_contents(&found->contents, other);
	ep_entry_contents(&found->own_contents, entry);
	if (same_codes(codes, &finder->decoded, other_codes, &finder->other_decoded))
		return EP_OK;
	found->kind = EP_COPY_MATCH;
	EP_TRY(ep_entry_sketch(&finder->other, &finder->other_decoded, other, finder->coder, err));
	EP_TRY(ep_weigh(&evidence, finder->weigher, &finder->probe, &finder->middle, &finder->other,
	                err));
	ep_align(&found->alignment, &finder->track, &finder->other,
	         evidence.offset - (int64_t)start);
	ep_align_elsewhere(&found->alignment, &finder->track, &finder->other);
	return EP_OK;
}

static bool
is_closer(const struct ep_found_copy *one, const struct ep_found_copy *other)
{
	if (one->kind != other->kind)
		return one->kind == EP_COPY_EXACT;
	if (one->alignment.share > other->alignment.share ||
	    one->alignment.share < other->alignment.share)
		return one->alignment.share > other->alignment.share;
	return one->position < other->position;
}

enum ep_status
ep_find_copy(struct ep_found_copy *found, struct ep_copy_finder *finder, struct ep_index *index,
             const struct ep_entry *entry, enum ep_dedup how, struct ep_error *err)
{
	struct ep_candidate candidates[CANDIDATES_MAX];
	size_t count;
	uint32_t start;
	bool any = false;
	assert(how != EP_DEDUP_BY_ROLE);
	if (how == EP_DEDUP_OFF || entry->operation != EP_PUT)
		return EP_NOT_FOUND;
	EP_TRY(ep_entry_sketch(&finder->track, &finder->decoded, entry, finder->coder, err));
	enum ep_status status = probe_track(&start, finder, how, err);
	if (status != EP_OK)
		return status;
	EP_TRY(ep_search(candidates, &count, CANDIDATES_MAX, finder->searcher, index,
	                 &finder->probe, EP_SEARCH_FULL, err));
	float least = finder->probe.bits * (how == EP_DEDUP_EXACT ? BITS_SHARE_EXACT : BITS_SHARE);
	size_t laid = 0;
	for (size_t i = 0; i < count && laid < LAID_MAX; i++) {
		struct ep_found_copy next;
		struct ep_entry other;
		if (candidates[i].score < least)
			break;
		if (candidates[i].position >= entry->position)
			continue;
		status = ep_index_entry_at(&other, index, candidates[i].position, err);
		if (status == EP_NOT_FOUND || (status == EP_OK && other.operation != EP_PUT))
			continue;
		EP_TRY(status);
		laid++;
		EP_TRY(lay(&next, finder, entry, &other, start, err));
		bool match = how == EP_DEDUP_MATCH ||
		             (how == EP_DEDUP_BETWEEN && other.source != entry->source);
		bool good = next.kind == EP_COPY_EXACT ||
		            (match && ep_alignment_is_copy(&next.alignment));
		if (good && (!any || is_closer(&next, found))) {
			*found = next;
			any = true;
		}
	}
	return any ? EP_OK : EP_NOT_FOUND;
}

enum ep_status
ep_compare_tracks(struct ep_found_copy *found, struct ep_copy_finder *finder,
                  const struct ep_entry *entry, const struct ep_entry *other, struct ep_error *err)
{
	uint32_t start;
	EP_TRY(ep_entry_sketch(&finder->track, &finder->decoded, entry, finder->coder, err));
	EP_TRY(probe_middle(&start, finder, PROBE_TIMES, err));
	return lay(found, finder, entry, other, start, err);
}

static uint32_t
thousandths(float share)
{
	return share >= 1 ? 1000 : share <= 0 ? 0 : (uint32_t)(share * 1000);
}

void
ep_found_link(struct ep_link *link, const struct ep_found_copy *found)
{
	*link = (struct ep_link){
		.original = found->id,
		.original_contents = found->contents,
		.copy_contents = found->own_contents,
		.kind = found->kind,
		.share = thousandths(found->alignment.share),
		.coverage = thousandths(found->alignment.coverage),
		.offset = found->alignment.offset,
	};
}
