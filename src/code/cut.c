#include "code/cut.h"

#include <stdlib.h>

/* The units of time in a document and in half of one. The original takes a unit for 23.2 ms here.
 */
static const double segment_units = 60 * 1000 / 23.2;
static const double half_units = 60 * 1000 / 23.2 / 2;

/* The smallest whole number that is not below value, for values from 0 to below 2^32. */
static uint32_t
round_up(double value)
{
	uint32_t whole = (uint32_t)value;
	return (double)whole < value ? whole + 1 : whole;
}

struct ep_window
ep_window_of(uint32_t segment)
{
	/* One rounding a step, as in the original, and never one for both: the end of a segment is
	 * now and then one away from the start of the next but one. */
	double first = segment * half_units;
	double end = first + segment_units;
	return (struct ep_window){ .first = round_up(first), .end = round_up(end) };
}

uint32_t
ep_segment_count(uint32_t last_time)
{
	return (uint32_t)(last_time / half_units) + 1;
}

static enum ep_status
cut_reserve(struct ep_cut *cut, size_t count, struct ep_error *err)
{
	if (count <= cut->capacity)
		return EP_OK;
	struct ep_text *documents = realloc(cut->documents, count * sizeof *documents);
	if (!documents)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", count);
	cut->documents = documents;
	cut->capacity = count;
	return EP_OK;
}

/* Prints the track's text and fills cut->documents[0..count). */
static enum ep_status
cut_text(struct ep_cut *cut, const struct ep_pairs *pairs, size_t count, struct ep_error *err)
{
	EP_FREE struct ep_slice *slices = calloc(count, sizeof *slices);
	if (!slices)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", count);
	for (size_t i = 0; i < count; i++) {
		struct ep_window window = ep_window_of((uint32_t)i);
		slices[i].first = window.first;
		slices[i].end = window.end;
	}
	EP_TRY(ep_pairs_print_slices(&cut->text, pairs->items, pairs->count, slices, count, err));
	for (size_t i = 0; i < count; i++) {
		const char *text = (const char *)cut->text.data;
		cut->documents[i] =
			(struct ep_text){ .at = text + slices[i].offset, .size = slices[i].size };
	}
	cut->count = count;
	return EP_OK;
}

enum ep_status
ep_cut_documents(struct ep_cut *cut, struct ep_pairs *pairs, size_t max_count, struct ep_error *err)
{
	cut->count = 0;
	cut->text.size = 0;
	if (pairs->count == 0)
		return EP_OK;
	EP_TRY(ep_pairs_sort(pairs->items, pairs->count, err));
	uint32_t last_time = pairs->items[pairs->count - 1].time;
	size_t count = ep_segment_count(last_time);
	if (count > max_count)
		return ep_fail(err, EP_BAD_INPUT,
		               "the last code is at time %lu: that makes %zu documents, but a "
		               "track may have only %zu",
		               (unsigned long)last_time, count, max_count);
	EP_TRY(cut_reserve(cut, count, err));
	return cut_text(cut, pairs, count, err);
}

void
ep_cut_free(struct ep_cut *cut)
{
	free(cut->documents);
	ep_buffer_free(&cut->text);
	*cut = (struct ep_cut){ 0 };
}
