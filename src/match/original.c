#include "match/original.h"

#include <stdlib.h>
#include <string.h>

/* A minute in units of time, by the original's arithmetic: floor(60000 / 23.2). */
#define MINUTE 2586

/* Units of time that make one bin of a histogram. */
#define SLOP 2

#define BUCKETS ((size_t)1 << 20)

/* A code of a query. */
struct term {
	uint32_t code;
	uint32_t query;
	uint64_t document; /* the last one in which it was counted, from 1 */
};

struct top {
	struct ep_original_candidate items[EP_ORIGINAL_CANDIDATES];
	size_t count;
};

struct original {
	const struct ep_pairs *queries;
	size_t count;
	uint32_t elbow;
	struct term *terms; /* by bucket: the low bits of the code */
	size_t *starts; /* of each bucket */
	struct top *tops; /* one a query */
	uint32_t *scores; /* of the document at hand, one a query */
	uint32_t *touched; /* queries that have a score */
	uint64_t document;
	uint32_t *bins;
	size_t bin_capacity;
	struct ep_codes_coder *coder;
	struct ep_decoded decoded;
	struct ep_pairs pairs;
	const atomic_bool *stop;
};

static void
original_done(struct original *original)
{
	free(original->terms);
	free(original->starts);
	free(original->tops);
	free(original->scores);
	free(original->touched);
	free(original->bins);
	ep_codes_coder_free(original->coder);
	ep_decoded_free(&original->decoded);
	ep_pairs_free(&original->pairs);
}

/* ---- terms ---- */

static size_t
bucket_of(uint32_t code)
{
	return code & (BUCKETS - 1);
}

static uint32_t
code_of(const struct original *original, size_t query, size_t i)
{
	return original->queries[query].items[i].code;
}

/* Whether the pair, of a query in order of code, is the last with its code. */
static bool
is_distinct(const struct ep_pairs *query, size_t i)
{
	return i + 1 == query->count || query->items[i + 1].code != query->items[i].code;
}

static enum ep_status
make_terms(struct original *original, struct ep_error *err)
{
	size_t all = 0;
	for (size_t q = 0; q < original->count; q++)
		all += original->queries[q].count;
	original->terms = calloc(all + 1, sizeof *original->terms);
	original->starts = calloc(BUCKETS + 2, sizeof *original->starts);
	original->tops = calloc(original->count + 1, sizeof *original->tops);
	original->scores = calloc(original->count + 1, sizeof *original->scores);
	original->touched = calloc(original->count + 1, sizeof *original->touched);
	if (!original->terms || !original->starts || !original->tops || !original->scores ||
	    !original->touched)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu queries", original->count);
	/* starts[b + 2] counts bucket b, and becomes where the next one is filled. */
	for (size_t q = 0; q < original->count; q++)
		for (size_t i = 0; i < original->queries[q].count; i++)
			if (is_distinct(&original->queries[q], i))
				original->starts[bucket_of(code_of(original, q, i)) + 2]++;
	for (size_t b = 2; b < BUCKETS + 2; b++)
		original->starts[b] += original->starts[b - 1];
	for (size_t q = 0; q < original->count; q++) {
		for (size_t i = 0; i < original->queries[q].count; i++) {
			uint32_t code = code_of(original, q, i);
			if (!is_distinct(&original->queries[q], i))
				continue;
			size_t at = original->starts[bucket_of(code) + 1]++;
			original->terms[at] = (struct term){ .code = code, .query = (uint32_t)q };
		}
	}
	return EP_OK;
}

/* ---- the first pass ---- */

static void
add_candidate(struct top *top, struct ep_original_candidate candidate)
{
	size_t at = top->count;
	while (at > 0 && top->items[at - 1].score < candidate.score)
		at--;
	if (at == EP_ORIGINAL_CANDIDATES)
		return;
	top->count += top->count < EP_ORIGINAL_CANDIDATES;
	for (size_t i = top->count - 1; i > at; i--)
		top->items[i] = top->items[i - 1];
	top->items[at] = candidate;
}

/* Counts the distinct codes that a document has in common with each query. */
static void
score_document(struct original *original, uint64_t position, uint32_t number)
{
	size_t touched = 0;
	original->document++;
	for (size_t i = 0; i < original->pairs.count; i++) {
		uint32_t code = original->pairs.items[i].code;
		size_t bucket = bucket_of(code);
		for (size_t t = original->starts[bucket]; t < original->starts[bucket + 1]; t++) {
			struct term *term = &original->terms[t];
			if (term->code != code || term->document == original->document)
				continue;
			term->document = original->document;
			if (original->scores[term->query]++ == 0)
				original->touched[touched++] = term->query;
		}
	}
	for (size_t i = 0; i < touched; i++) {
		uint32_t query = original->touched[i];
		add_candidate(&original->tops[query],
		              (struct ep_original_candidate){ position, number,
		                                              original->scores[query], 0 });
		original->scores[query] = 0;
	}
}

static enum ep_status
parse_document(struct original *original, size_t number, struct ep_error *err)
{
	original->pairs.count = 0;
	enum ep_status status = ep_pairs_parse(
		&original->pairs, original->decoded.track.documents[number].codes, err);
	return status == EP_BAD_INPUT ? EP_OK : status;
}

static enum ep_status
score_all(struct original *original, const struct ep_log_read *read, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	enum ep_status status;
	EP_TRY(ep_log_cursor_open(&cursor, read, 0, EP_SOURCE_ANY, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (original->stop && atomic_load(original->stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		if (entry.operation != EP_PUT)
			continue;
		EP_TRY(ep_entry_decode(&original->decoded, &entry, original->coder, err));
		for (size_t i = 0; i < original->decoded.track.count; i++) {
			EP_TRY(parse_document(original, i, err));
			score_document(original, entry.position, (uint32_t)i);
		}
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* ---- the second pass ---- */

/* For a code of the document: the smallest difference is that to the query's latest time with it.
 * Gives false where the query has it not. */
static bool
latest_time(uint32_t *time, const struct ep_pairs *query, uint32_t code)
{
	size_t low = 0;
	size_t high = query->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (query->items[middle].code <= code)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || query->items[low - 1].code != code)
		return false;
	*time = query->items[low - 1].time;
	return true;
}

static int
compare_bins(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one;
	uint32_t b = *(const uint32_t *)other;
	return a < b ? -1 : a > b;
}

/* The sum of the two longest runs of equal bins. */
static uint32_t
two_highest(uint32_t *bins, size_t count)
{
	uint32_t first = 0;
	uint32_t second = 0;
	if (count)
		qsort(bins, count, sizeof *bins, compare_bins);
	for (size_t i = 0; i < count;) {
		size_t end = i + 1;
		while (end < count && bins[end] == bins[i])
			end++;
		uint32_t size = (uint32_t)(end - i);
		second = size > first ? first : size > second ? size : second;
		first = size > first ? size : first;
		i = end;
	}
	return first + second;
}

/* The sum of the two highest bins of the histogram of differences in time between a document and a
 * query. */
static enum ep_status
actual_score(uint32_t *score, struct original *original, const struct ep_pairs *query,
             struct ep_error *err)
{
	const struct ep_pairs *pairs = &original->pairs;
	*score = 0;
	if (pairs->count < original->elbow)
		return EP_OK;
	if (pairs->count > original->bin_capacity) {
		free(original->bins);
		original->bin_capacity = 0;
		original->bins = malloc(pairs->count * sizeof *original->bins);
		if (!original->bins)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a histogram");
		original->bin_capacity = pairs->count;
	}
	size_t count = 0;
	for (size_t i = 0; i < pairs->count; i++) {
		uint32_t time;
		if (latest_time(&time, query, pairs->items[i].code))
			original->bins[count++] =
				pairs->items[i].time / SLOP + MINUTE - time / SLOP;
	}
	*score = two_highest(original->bins, count);
	return EP_OK;
}

/* Which candidate of which query; sorted by where it is in the log. */
struct wanted {
	uint64_t position;
	uint32_t number;
	uint32_t query;
	uint32_t item;
};

static int
compare_wanted(const void *one, const void *other)
{
	const struct wanted *a = one;
	const struct wanted *b = other;
	if (a->position != b->position)
		return a->position < b->position ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static enum ep_status
read_candidates(struct original *original, const struct ep_log_read *read, struct ep_error *err)
{
	EP_FREE struct wanted *wanted =
		malloc((original->count * EP_ORIGINAL_CANDIDATES + 1) * sizeof *wanted);
	size_t count = 0;
	if (!wanted)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu queries", original->count);
	for (size_t q = 0; q < original->count; q++) {
		for (size_t i = 0; i < original->tops[q].count; i++) {
			const struct ep_original_candidate *item = &original->tops[q].items[i];
			wanted[count++] = (struct wanted){ item->position, item->number,
				                           (uint32_t)q, (uint32_t)i };
		}
	}
	qsort(wanted, count, sizeof *wanted, compare_wanted);
	for (size_t i = 0; i < count; i++) {
		const struct wanted *want = &wanted[i];
		bool same_track = i > 0 && want[-1].position == want->position;
		struct ep_entry entry;
		if (!same_track) {
			EP_TRY(ep_log_entry_at(&entry, read, want->position, err));
			EP_TRY(ep_entry_decode(&original->decoded, &entry, original->coder, err));
		}
		if (!same_track || want[-1].number != want->number)
			EP_TRY(parse_document(original, want->number, err));
		EP_TRY(actual_score(&original->tops[want->query].items[want->item].actual, original,
		                    &original->queries[want->query], err));
	}
	return EP_OK;
}

/* ---- the decision ---- */

/* The best candidate by actual score, not of the track `other`; of equal ones the first. */
static const struct ep_original_candidate *
best_of(const struct top *top, uint64_t other)
{
	const struct ep_original_candidate *best = NULL;
	for (size_t i = 0; i < top->count; i++) {
		const struct ep_original_candidate *item = &top->items[i];
		if (item->position != other && (!best || item->actual > best->actual))
			best = item;
	}
	return best;
}

static struct ep_original_answer
decide(const struct top *top, size_t n, uint32_t elbow)
{
	struct ep_original_answer no = { .type = 0 };
	if (n < elbow)
		return no;
	if (top->count == 0)
		return (struct ep_original_answer){ .type = 4 };
	const struct ep_original_candidate *first = &top->items[0];
	if (top->count == 1) {
		bool match = n - first->score < elbow;
		return (struct ep_original_answer){ match, match ? 3 : 2, first->score,
			                            first->position };
	}
	no.type = 7;
	if ((uint64_t)first->score * 20 < n)
		return no;
	const struct ep_original_candidate *best = best_of(top, 0);
	const struct ep_original_candidate *second = best_of(top, best->position);
	struct ep_original_answer yes = { true, 6, best->actual, best->position };
	if (!second) {
		no.type = (uint64_t)best->actual * 10 < n ? 2 : 7;
		return no.type == 7 && best->actual > best->score / 2 ? yes : no;
	}
	bool enough = (uint64_t)best->actual * 20 >= n && best->actual > best->score / 4 &&
	              best->actual - second->actual >= best->actual / 3;
	return enough ? yes : no;
}

static int
compare_by_code(const void *one, const void *other)
{
	const struct ep_pair *a = one;
	const struct ep_pair *b = other;
	if (a->code != b->code)
		return a->code < b->code ? -1 : 1;
	return a->time < b->time ? -1 : a->time > b->time;
}

/* Cuts a query to its first minute, counts its times from 0, and puts it in order of code. */
static enum ep_status
prepare(struct ep_pairs *query, struct ep_error *err)
{
	EP_TRY(ep_pairs_sort(query->items, query->count, err));
	uint32_t start = query->count ? query->items[0].time : 0;
	size_t count = 0;
	while (count < query->count && query->items[count].time - start <= MINUTE)
		query->items[count++].time -= start;
	query->count = count;
	if (count)
		qsort(query->items, count, sizeof *query->items, compare_by_code);
	return EP_OK;
}

enum ep_status
ep_original_candidates(struct ep_original_candidate candidates[EP_ORIGINAL_CANDIDATES],
                       size_t *count, struct ep_pairs *query, const struct ep_log_read *read,
                       const atomic_bool *stop, struct ep_error *err)
{
	struct original original = { .queries = query, .count = 1, .stop = stop };
	if (query->count)
		qsort(query->items, query->count, sizeof *query->items, compare_by_code);
	enum ep_status status = ep_codes_coder_new(&original.coder, EP_CODES_ONSET, err);
	if (status == EP_OK)
		status = make_terms(&original, err);
	if (status == EP_OK)
		status = score_all(&original, read, err);
	if (status == EP_OK) {
		memcpy(candidates, original.tops[0].items, sizeof original.tops[0].items);
		*count = original.tops[0].count;
	}
	original_done(&original);
	return status;
}

enum ep_status
ep_original_match(struct ep_original_answer *answers, struct ep_pairs *queries, size_t count,
                  uint32_t elbow, const struct ep_log_read *read, const atomic_bool *stop,
                  struct ep_error *err)
{
	struct original original = {
		.queries = queries, .count = count, .elbow = elbow, .stop = stop
	};
	for (size_t q = 0; q < count; q++)
		EP_TRY(prepare(&queries[q], err));
	enum ep_status status = ep_codes_coder_new(&original.coder, EP_CODES_ONSET, err);
	if (status == EP_OK)
		status = make_terms(&original, err);
	if (status == EP_OK)
		status = score_all(&original, read, err);
	if (status == EP_OK)
		status = read_candidates(&original, read, err);
	for (size_t q = 0; status == EP_OK && q < count; q++)
		answers[q] = decide(&original.tops[q], queries[q].count, elbow);
	original_done(&original);
	return status;
}
