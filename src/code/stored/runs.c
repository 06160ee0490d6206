#include "code/stored/runs.h"

#include <string.h>

bool
ep_run_is_possible(const struct ep_codes_document *documents, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (documents[i].segment > EP_SEGMENT_MAX)
			return false;
		if (i > 0 && documents[i].segment != documents[i - 1].segment + 1)
			return false;
	}
	return true;
}

static bool
times_ascend(const struct ep_pair *pairs, size_t count)
{
	bool ascend = true;
	for (size_t i = 1; i < count; i++)
		ascend &= pairs[i - 1].time <= pairs[i].time;
	return ascend;
}

bool
ep_run_is_inside(const struct ep_pair *pairs, size_t count, struct ep_window window)
{
	return times_ascend(pairs, count) && (count == 0 || (pairs[0].time >= window.first &&
	                                                     pairs[count - 1].time < window.end));
}

struct ep_window
ep_run_window(const struct ep_codes_document *documents, size_t count)
{
	struct ep_window window = ep_window_of(documents[0].segment);
	window.end = ep_window_of(documents[count - 1].segment).end;
	return window;
}

/* The pairs from place start on. */
static const struct ep_pair *
pairs_from(const struct ep_pairs *pairs, size_t start)
{
	return start < pairs->count ? pairs->items + start : NULL;
}

/* Appends the pairs of text; false, and none, where it is not printed as the same bytes. */
static enum ep_status
parse_exactly(bool *exact, struct ep_pairs *pairs, struct ep_text text, struct ep_error *err)
{
	size_t old_count = pairs->count;
	enum ep_status status = EP_BAD_INPUT;
	if (text.size <= EP_RUN_TEXT_MAX)
		status = ep_pairs_parse(pairs, text, err);
	if (status == EP_NO_MEMORY)
		return status;
	*exact = status == EP_OK && ep_pairs_print_size(pairs_from(pairs, old_count),
	                                                pairs->count - old_count) == text.size;
	if (!*exact)
		pairs->count = old_count;
	return EP_OK;
}

/* Fills rest with what text has behind the last size bytes of the text before, with which it has to
 * begin, and a blank; false where it does not. */
static bool
text_behind(struct ep_text *rest, struct ep_text text, struct ep_text before, size_t size)
{
	*rest = text;
	if (size == 0)
		return true;
	if (text.size < size || memcmp(text.at, before.at + before.size - size, size) != 0)
		return false;
	size_t blank = text.size > size ? 1 : 0;
	rest->at += size + blank;
	rest->size -= size + blank;
	return !blank || (text.at[size] == ' ' && rest->size > 0);
}

/* Adds the next document to a run whose last document's pairs start at *start, if it fits: its
 * segment follows, it begins with the text of all pairs of the last one that are in its window, and
 * goes on behind the window of the last one. *start then is where its own pairs start. */
static enum ep_status
extend_run(bool *fits, struct ep_run *run, struct ep_pairs *pairs, size_t *start,
           struct ep_error *err)
{
	const struct ep_codes_document *last = &run->documents[run->count - 1];
	const struct ep_codes_document *next = last + 1;
	*fits = false;
	if (!ep_run_is_possible(last, 2))
		return EP_OK;
	struct ep_window window = ep_window_of(next->segment);
	size_t begin = *start;
	while (begin < pairs->count && pairs->items[begin].time < window.first)
		begin++;
	size_t common = ep_pairs_print_size(pairs_from(pairs, begin), pairs->count - begin);
	struct ep_text rest;
	if (!text_behind(&rest, next->text, last->text, common))
		return EP_OK;
	size_t old_count = pairs->count;
	EP_TRY(parse_exactly(fits, pairs, rest, err));
	window.first = ep_window_of(last->segment).end;
	*fits = *fits && pairs->count <= EP_RUN_PAIRS_MAX &&
	        ep_run_is_inside(pairs_from(pairs, old_count), pairs->count - old_count, window);
	if (!*fits) {
		pairs->count = old_count;
		return EP_OK;
	}
	run->window.end = window.end;
	run->text_size += rest.size + (rest.size > 0 && run->text_size > 0 ? 1 : 0);
	run->count++;
	*start = begin;
	return EP_OK;
}

enum ep_status
ep_run_find(struct ep_run *run, bool *parsed, struct ep_pairs *pairs,
            const struct ep_codes_document *documents, size_t count, struct ep_error *err)
{
	struct ep_run found = { .documents = documents, .count = 1 };
	found.text_size = documents[0].text.size;
	pairs->count = 0;
	bool exact;
	EP_TRY(parse_exactly(&exact, pairs, documents[0].text, err));
	if (exact && ep_run_is_possible(documents, 1)) {
		found.window = ep_run_window(documents, 1);
		found.in_window = ep_run_is_inside(pairs->items, pairs->count, found.window);
	}
	bool fits = found.in_window;
	size_t start = 0;
	while (fits && found.count < count)
		EP_TRY(extend_run(&fits, &found, pairs, &start, err));
	*run = found;
	*parsed = exact;
	return EP_OK;
}
