#include "match/evidence.h"

#include <stdlib.h>
#include <string.h>

/* Offsets that are weighed exactly, of those with the most codes when equal ones count each time.
 */
#define OFFSETS_MAX 8

/* Common codes of one query and one track that are looked at: hostile ones have more. */
#define HITS_MAX ((size_t)1 << 20)

struct hit {
	uint32_t offset; /* plus the query's span */
	uint32_t code; /* its number in the probe */
	uint32_t time; /* in the query */
};

struct ep_weigher {
	struct hit *hits;
	size_t hit_count;
	size_t hit_capacity;
	float *sums; /* by offset; zeros between uses */
	uint32_t *marks; /* by offset or shift: who was there last */
	size_t sum_capacity;
	uint32_t seen[EP_PROBE_PAIRS_MAX]; /* the window in which a code was last seen */
	uint32_t window;
	uint32_t *flat[2]; /* onsets of all bands, where bands are not known */
	size_t flat_capacity[2];
};

enum ep_status
ep_weigher_new(struct ep_weigher **out, struct ep_error *err)
{
	*out = calloc(1, sizeof **out);
	return *out ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory for a match");
}

void
ep_weigher_free(struct ep_weigher *weigher)
{
	if (!weigher)
		return;
	free(weigher->hits);
	free(weigher->sums);
	free(weigher->marks);
	free(weigher->flat[0]);
	free(weigher->flat[1]);
	free(weigher);
}

/* Makes room for sums and marks of so many offsets; new sums are 0. */
static enum ep_status
need_sums(struct ep_weigher *weigher, size_t count, struct ep_error *err)
{
	if (count <= weigher->sum_capacity)
		return EP_OK;
	float *sums = calloc(count, sizeof *sums);
	uint32_t *marks = calloc(count, sizeof *marks);
	if (!sums || !marks) {
		free(sums);
		free(marks);
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a match");
	}
	free(weigher->sums);
	free(weigher->marks);
	weigher->sums = sums;
	weigher->marks = marks;
	weigher->sum_capacity = count;
	return EP_OK;
}

/* ---- codes ---- */

static enum ep_status
grow_hits(struct ep_weigher *weigher, size_t extra, struct ep_error *err)
{
	if (weigher->hit_count + extra <= weigher->hit_capacity)
		return EP_OK;
	size_t wanted = (weigher->hit_count + extra) * 2;
	struct hit *hits = realloc(weigher->hits, wanted * sizeof *hits);
	if (!hits)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a match");
	weigher->hits = hits;
	weigher->hit_capacity = wanted;
	return EP_OK;
}

/* Finds the codes that both have, and counts them by offset. */
static enum ep_status
find_hits(struct ep_weigher *weigher, const struct ep_probe *probe, const struct ep_sketch *track,
          struct ep_error *err)
{
	uint32_t last = 0;
	for (size_t i = 0; i < track->code_count; i++)
		last = track->codes[i].time > last ? track->codes[i].time : last;
	EP_TRY(need_sums(weigher, (size_t)last + probe->span + 2, err));
	weigher->hit_count = 0;
	for (size_t i = 0; i < track->code_count; i++) {
		int number = ep_probe_find(probe, track->codes[i].code);
		if (number < 0)
			continue;
		const struct ep_probe_code *code = &probe->codes[number];
		if (weigher->hit_count + code->count > HITS_MAX)
			break;
		EP_TRY(grow_hits(weigher, code->count, err));
		for (uint32_t t = 0; t < code->count; t++) {
			uint32_t time = probe->times[code->first + t];
			uint32_t offset = track->codes[i].time + probe->span - time;
			weigher->hits[weigher->hit_count++] =
				(struct hit){ offset, (uint32_t)number, time };
			weigher->sums[offset]++;
		}
	}
	return EP_OK;
}

/* Offsets with the most codes, best first. */
struct best {
	struct {
		uint32_t offset;
		float sum;
	} items[OFFSETS_MAX];
	size_t count;
};

static void
consider(struct best *best, uint32_t offset, float sum)
{
	size_t at = best->count;
	for (size_t i = 0; i < best->count; i++) {
		if (best->items[i].offset == offset)
			return;
	}
	while (at > 0 && (best->items[at - 1].sum < sum ||
	                  (best->items[at - 1].sum <= sum && best->items[at - 1].offset > offset)))
		at--;
	if (at == OFFSETS_MAX)
		return;
	size_t moved = best->count - at - (best->count == OFFSETS_MAX);
	memmove(&best->items[at + 1], &best->items[at], moved * sizeof best->items[0]);
	best->items[at].offset = offset;
	best->items[at].sum = sum;
	best->count += best->count < OFFSETS_MAX;
}

static bool
is_at(const struct hit *hit, uint32_t offset)
{
	return hit->offset - offset <= 1;
}

/* How many distinct codes there are at an offset and the next. */
static float
distinct_codes(struct ep_weigher *weigher, uint32_t offset)
{
	float codes = 0;
	weigher->window++;
	for (size_t i = 0; i < weigher->hit_count; i++) {
		const struct hit *hit = &weigher->hits[i];
		if (!is_at(hit, offset) || weigher->seen[hit->code] == weigher->window)
			continue;
		weigher->seen[hit->code] = weigher->window;
		codes++;
	}
	return codes;
}

/* At how many distinct times of the query, which are below span, there are codes at an offset and
 * the next. */
static float
distinct_times(struct ep_weigher *weigher, uint32_t offset, uint32_t span)
{
	float times = 0;
	memset(weigher->marks, 0, ((size_t)span + 1) * sizeof *weigher->marks);
	for (size_t i = 0; i < weigher->hit_count; i++) {
		const struct hit *hit = &weigher->hits[i];
		if (!is_at(hit, offset) || weigher->marks[hit->time])
			continue;
		weigher->marks[hit->time] = 1;
		times++;
	}
	return times;
}

/* Offsets that are not looked at: from first to last. */
struct zone {
	uint32_t first;
	uint32_t last;
};
#define ZONE_NONE ((struct zone){ 1, 0 })

/* Considers an offset with the next, if it is one of the best. */
static void
consider_both(struct best *best, const float *sums, uint32_t offset, struct zone zone)
{
	float sum = sums[offset] + sums[offset + 1];
	if (offset >= zone.first && offset <= zone.last)
		return;
	if (best->count < OFFSETS_MAX || sum >= best->items[OFFSETS_MAX - 1].sum)
		consider(best, offset, sum);
}

/* The best offset outside of a zone, and its distinct codes; of equal ones that with the most codes
 * when equal ones count each time, as loops have. */
static float
best_offset(uint32_t *offset, struct ep_weigher *weigher, struct zone zone)
{
	struct best best = { .count = 0 };
	for (size_t i = 0; i < weigher->hit_count; i++) {
		uint32_t at = weigher->hits[i].offset;
		if (at)
			consider_both(&best, weigher->sums, at - 1, zone);
		consider_both(&best, weigher->sums, at, zone);
	}
	float most = 0;
	for (size_t i = 0; i < best.count; i++) {
		float codes = distinct_codes(weigher, best.items[i].offset);
		if (codes > most) {
			most = codes;
			*offset = best.items[i].offset;
		}
	}
	for (size_t i = 0; i < weigher->hit_count; i++)
		weigher->sums[weigher->hits[i].offset] = 0;
	return most;
}

/* ---- onsets ---- */

/* Times of one band. */
struct band {
	const uint32_t *times;
	size_t count;
};

static struct band
band_of(const struct ep_sketch *sketch, uint32_t number)
{
	size_t start = number ? sketch->end[number - 1] : 0;
	return (struct band){ sketch->onsets + start, sketch->end[number] - start };
}

static int
compare_times(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one;
	uint32_t b = *(const uint32_t *)other;
	return a < b ? -1 : a > b;
}

/* All onsets as one band, each time once. */
static enum ep_status
flatten(struct band *band, struct ep_weigher *weigher, int which, const struct ep_sketch *sketch,
        struct ep_error *err)
{
	if (sketch->onset_count > weigher->flat_capacity[which]) {
		free(weigher->flat[which]);
		weigher->flat_capacity[which] = 0;
		weigher->flat[which] = malloc(sketch->onset_count * sizeof(uint32_t));
		if (!weigher->flat[which])
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a match");
		weigher->flat_capacity[which] = sketch->onset_count;
	}
	uint32_t *times = weigher->flat[which];
	size_t kept = 0;
	if (sketch->onset_count) {
		memcpy(times, sketch->onsets, sketch->onset_count * sizeof *times);
		qsort(times, sketch->onset_count, sizeof *times, compare_times);
	}
	for (size_t i = 0; i < sketch->onset_count; i++) {
		if (kept == 0 || times[kept - 1] != times[i])
			times[kept++] = times[i];
	}
	*band = (struct band){ times, kept };
	return EP_OK;
}

/* The first of a band's times that is not below time. */
static size_t
lower_bound(struct band band, int64_t time)
{
	size_t low = 0;
	size_t high = band.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (band.times[middle] < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What coincides in one band at an offset, less what chance would give for as many onsets in the
 * stretch that both have. */
static float
band_onsets(struct band query, struct band track, int64_t offset)
{
	if (query.count == 0 || track.count == 0)
		return 0;
	int64_t end = (int64_t)track.times[track.count - 1] + 4;
	size_t common = 0;
	size_t inside = 0;
	int64_t first = 0;
	int64_t last = 0;
	size_t at = lower_bound(track, (int64_t)query.times[0] + offset - 1);
	for (size_t i = 0; i < query.count; i++) {
		int64_t time = (int64_t)query.times[i] + offset;
		if (time < 0 || time >= end)
			continue;
		first = inside++ ? first : time;
		last = time;
		while (at < track.count && track.times[at] < time - 1)
			at++;
		common += at < track.count && track.times[at] <= time + 1;
	}
	if (inside == 0)
		return 0;
	int64_t span = last - first + 1;
	int64_t covered = 3 * (int64_t)(lower_bound(track, last + 1) - lower_bound(track, first));
	float share = covered < span ? (float)covered / (float)span : 1.0f;
	return (float)common - share * (float)inside;
}

static enum ep_status
onsets_at(float *onsets, struct ep_weigher *weigher, const struct ep_sketch *query,
          const struct ep_sketch *track, int64_t offset, struct ep_error *err)
{
	struct band one;
	struct band other;
	*onsets = 0;
	if (!query->has_bands || !track->has_bands) {
		EP_TRY(flatten(&one, weigher, 0, query, err));
		EP_TRY(flatten(&other, weigher, 1, track, err));
		*onsets = band_onsets(one, other, offset);
		return EP_OK;
	}
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++)
		*onsets += band_onsets(band_of(query, band), band_of(track, band), offset);
	return EP_OK;
}

/* The evidence of the best offset outside of a zone. */
static enum ep_status
weigh_outside(struct ep_evidence *evidence, struct ep_weigher *weigher,
              const struct ep_probe *probe, const struct ep_sketch *query,
              const struct ep_sketch *track, struct zone zone, struct ep_error *err)
{
	uint32_t at = 0;
	float onsets;
	float onsets_behind;
	*evidence = (struct ep_evidence){ 0 };
	EP_TRY(find_hits(weigher, probe, track, err));
	float codes = best_offset(&at, weigher, zone);
	if (codes < 1)
		return EP_OK;
	int64_t offset = (int64_t)at - probe->span;
	EP_TRY(onsets_at(&onsets, weigher, query, track, offset, err));
	EP_TRY(onsets_at(&onsets_behind, weigher, query, track, offset + 1, err));
	bool behind = onsets_behind > onsets;
	*evidence = (struct ep_evidence){ .codes = codes,
		                          .onsets = behind ? onsets_behind : onsets,
		                          .moments = distinct_times(weigher, at, probe->span),
		                          .offset = offset + behind };
	return EP_OK;
}

enum ep_status
ep_weigh(struct ep_evidence *evidence, struct ep_weigher *weigher, const struct ep_probe *probe,
         const struct ep_sketch *query, const struct ep_sketch *track, struct ep_error *err)
{
	return weigh_outside(evidence, weigher, probe, query, track, ZONE_NONE, err);
}

enum ep_status
ep_weigh_elsewhere(struct ep_evidence *evidence, struct ep_weigher *weigher,
                   const struct ep_probe *probe, const struct ep_sketch *query,
                   const struct ep_sketch *track, int64_t offset, struct ep_error *err)
{
	/* All offsets of codes are 0 or more with the span added. */
	int64_t first = offset + probe->span - EP_SELF_SHIFT_MIN;
	int64_t last = offset + probe->span + EP_SELF_SHIFT_MIN;
	struct zone zone = { first > 0 ? (uint32_t)first : 0, last > 0 ? (uint32_t)last : 0 };
	return weigh_outside(evidence, weigher, probe, query, track, zone, err);
}

/* ---- a query against itself ---- */

/* The most distinct codes at a shift and the next. */
static float
self_codes(struct ep_weigher *weigher, const struct ep_probe *probe)
{
	float most = 0;
	memset(weigher->marks, 0, ((size_t)probe->span + 1) * sizeof *weigher->marks);
	for (size_t i = 0; i < probe->code_count; i++) {
		const struct ep_probe_code *code = &probe->codes[i];
		const uint32_t *times = probe->times + code->first;
		for (uint32_t j = 0; j < code->count; j++) {
			for (uint32_t k = j + 1; k < code->count; k++) {
				uint32_t shift = times[k] - times[j];
				for (uint32_t s = shift - 1;
				     shift >= EP_SELF_SHIFT_MIN && s <= shift; s++) {
					if (weigher->marks[s] == i + 1)
						continue;
					weigher->marks[s] = (uint32_t)i + 1;
					weigher->sums[s]++;
				}
			}
		}
	}
	for (size_t s = 0; s <= probe->span; s++) {
		most = weigher->sums[s] > most ? weigher->sums[s] : most;
		weigher->sums[s] = 0;
	}
	return most;
}

/* The most onsets that coincide at a shift, less what chance gives. */
static float
self_onsets(struct ep_weigher *weigher, const struct ep_sketch *query, uint32_t span)
{
	float *sums = weigher->sums;
	float chance = 0;
	float most = 0;
	for (uint32_t number = 0; number < EP_ONSET_BANDS; number++) {
		struct band band = band_of(query, number);
		chance += 3 * (float)band.count * (float)band.count / (float)span;
		for (size_t j = 0; j < band.count; j++) {
			for (size_t k = j + 1; k < band.count; k++) {
				uint32_t shift = band.times[k] - band.times[j];
				if (shift == 0)
					continue;
				sums[shift - 1]++;
				sums[shift]++;
				sums[shift + 1]++;
			}
		}
	}
	for (uint32_t s = 0; s < span + 2; s++) {
		float left = (float)span - (float)s;
		float more = sums[s] - chance * (left > 0 ? left / (float)span : 0);
		if (s >= EP_SELF_SHIFT_MIN && s < span)
			most = more > most ? more : most;
		sums[s] = 0;
	}
	return most;
}

enum ep_status
ep_weigh_self(struct ep_evidence *evidence, struct ep_weigher *weigher,
              const struct ep_probe *probe, const struct ep_sketch *query, struct ep_error *err)
{
	uint32_t span = probe->span;
	for (size_t i = 0; i < query->onset_count; i++)
		span = query->onsets[i] + 4 > span ? query->onsets[i] + 4 : span;
	EP_TRY(need_sums(weigher, (size_t)span + 3, err));
	float codes = self_codes(weigher, probe);
	*evidence =
		(struct ep_evidence){ .codes = codes, .onsets = self_onsets(weigher, query, span) };
	return EP_OK;
}
