/* runs.h - which documents of a track are stored together
 *
 * Documents of consecutive segments form a run if each begins with the codes that it shares with
 * the one before, and continues after the segment bounds of that one. So all they hold is one code
 * string, in order of time, and each document is the part of it that falls into its window.
 */
#ifndef EP_CODE_STORED_RUNS_H
#define EP_CODE_STORED_RUNS_H

#include "base/status.h"
#include "code/cut.h"
#include "code/pairs.h"
#include "code/stored/document.h"

#include <stdbool.h>
#include <stddef.h>

/* A document or run whose text is longer is not taken apart: 64 MiB. It bounds the memory for
 * pairs, of which each takes four bytes or more of text. */
#define EP_RUN_TEXT_MAX ((size_t)64 << 20)
#define EP_RUN_PAIRS_MAX (EP_RUN_TEXT_MAX / 4)

struct ep_run {
	const struct ep_codes_document *documents;
	size_t count; /* at least 1 */
	size_t text_size; /* bytes of what they hold together */
	struct ep_window window; /* of all segments; of one document only where in_window */
	bool in_window; /* the times ascend, and none is outside of it */
};

/* Whether the segments of documents[0..count) follow one another, none above EP_SEGMENT_MAX. */
bool ep_run_is_possible(const struct ep_codes_document *documents, size_t count);

/* From the start of the first to the end of the last segment, where a run is possible. */
struct ep_window ep_run_window(const struct ep_codes_document *documents, size_t count);

/* Whether the times of pairs[0..count) ascend, and none is outside of window. */
bool ep_run_is_inside(const struct ep_pair *pairs, size_t count, struct ep_window window);

/* Fills run with the first of documents[0..count), or with more from the first on.
 *
 * pairs   replaced by those that print as what the documents of the run hold together.
 * parsed  false where the first document is no code string, or not as it is printed, or too long:
 *         it is then a run alone, without pairs.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_run_find(struct ep_run *run, bool *parsed, struct ep_pairs *pairs,
                                       const struct ep_codes_document *documents, size_t count,
                                       struct ep_error *err);

#endif
