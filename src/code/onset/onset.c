/* A coded form is one byte, the version of the tables with FLAG_LAST; with that flag the last time
 * of all onsets, counted from the window's first, as a varint; then what onset_model writes.
 */
#include "code/onset/onset.h"

#include "base/bytes.h"
#include "code/onset/onset_model.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define FLAG_LAST 0x80

/* Without FLAG_LAST: the last time an onset can have, counted from the window's end. */
#define LAST_BEHIND 4095

/* Times that every record may span, and how many more for a byte, and for a pair: bounds the memory
 * for few bytes. Four minutes of silence in a second of sound take the general form. */
#define SPAN_FREE 65536
#define SPAN_A_BYTE 64
#define SPAN_A_PAIR 64
#define SPAN_END (1u << 30)

struct ep_onset_coder {
	struct ep_onset_finder *finder; /* NULL until something is encoded */
	struct ep_onset_model *model;
	struct ep_onset_emitter emitter;
	struct ep_onsets onsets;
	struct ep_onset_work *shared; /* of the track; NULL: a record stands alone */
};

enum ep_status
ep_onset_coder_new(struct ep_onset_coder **out, struct ep_error *err)
{
	EP_OWNED(ep_onset_coder_free)
	struct ep_onset_coder *coder = calloc(1, sizeof *coder);
	if (!coder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a coder of onsets");
	EP_TRY(ep_onset_model_new(&coder->model, &ep_onset_tables_1, err));
	/* So that there are items where there are no onsets. */
	EP_TRY(ep_onsets_grow(&coder->onsets, err));

	*out = EP_TAKE(coder);
	return EP_OK;
}

void
ep_onset_coder_free(struct ep_onset_coder *coder)
{
	if (!coder)
		return;
	ep_onset_finder_free(coder->finder);
	ep_onset_model_free(coder->model);
	ep_onset_emitter_done(&coder->emitter);
	ep_onsets_free(&coder->onsets);
	free(coder);
}

void
ep_onset_coder_share(struct ep_onset_coder *coder, struct ep_onset_work *work)
{
	coder->shared = work;
}

/* Whether a record of size bytes (without limit: SIZE_MAX) and count pairs may span so many times.
 */
static bool
span_allowed(uint64_t span, size_t size, size_t count)
{
	uint64_t by_size = (uint64_t)(size < SPAN_END ? size : SPAN_END) * SPAN_A_BYTE;
	uint64_t by_count = (uint64_t)(count < SPAN_END ? count : SPAN_END) * SPAN_A_PAIR;
	return span <= SPAN_FREE + by_size && span <= SPAN_FREE + by_count && span < SPAN_END;
}

/* The last time where a record does not say. */
static bool
default_last(uint32_t *last, struct ep_window window)
{
	if (window.end <= window.first || window.end > UINT32_MAX - LAST_BEHIND ||
	    window.end - window.first > SPAN_FREE - LAST_BEHIND)
		return false;
	*last = window.end + LAST_BEHIND;
	return true;
}

/* Whether the last time of the onsets, which it gives, has to be coded: where some band does not go
 * on behind the window up to its fourth onset there. */
static bool
needs_last(uint32_t *last, const struct ep_onsets *onsets, struct ep_window window)
{
	bool needed = !default_last(last, window);
	uint32_t highest = window.first;
	size_t start = 0;
	for (int b = 0; b < EP_ONSET_BANDS; start = onsets->end[b], b++) {
		size_t end = onsets->end[b];
		if (end == start)
			continue;
		if (onsets->items[end - 1].time > highest)
			highest = onsets->items[end - 1].time;
		if (end - start < 4 || onsets->items[end - 4].time < window.end)
			needed = true;
	}
	if (!needed && highest <= *last)
		return false;
	*last = highest;
	return true;
}

enum ep_status
ep_onset_decode_onsets(const struct ep_onsets **onsets, struct ep_onset_coder *coder,
                       const uint8_t *bytes, size_t size, struct ep_window window, size_t max_count,
                       struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(bytes, size);
	uint8_t head = ep_read8(&reader);
	uint32_t last = 0;
	if (!reader.ok || (head & ~FLAG_LAST) != VERSION)
		return ep_fail(err, EP_CORRUPT, "onsets begin with byte %u instead of %u", head,
		               VERSION);
	if (head & FLAG_LAST) {
		uint64_t span = ep_read_varint(&reader);
		if (!reader.ok || span > UINT32_MAX - window.first ||
		    !span_allowed(span, size, max_count))
			return ep_fail(err, EP_CORRUPT, "onsets span too much time");
		last = window.first + (uint32_t)span;
	} else if (!default_last(&last, window)) {
		return ep_fail(err, EP_CORRUPT, "the time where the onsets end is missing");
	}
	/* In each band the last onsets may be without codes. */
	size_t max_onsets = max_count / 6 + 6 * EP_ONSET_BANDS;
	struct ep_onset_work alone = { 0 };
	struct ep_onset_work *work = coder->shared ? coder->shared : &alone;
	EP_TRY(ep_onset_model_decode(&coder->onsets, work, coder->model, reader.at,
	                             ep_reader_left(&reader), window, last, max_onsets, err));
	if (ep_onset_emit_count(&coder->onsets, window) > max_count)
		return ep_fail(err, EP_CORRUPT, "onsets of more than %zu codes", max_count);
	*onsets = &coder->onsets;
	return EP_OK;
}

static enum ep_status
encode_onsets(struct ep_buffer *out, struct ep_onset_coder *coder, size_t count,
              struct ep_window window, struct ep_error *err)
{
	uint8_t head[1 + EP_VARINT_MAX] = { VERSION };
	size_t size = 1;
	uint32_t last = 0;
	if (needs_last(&last, &coder->onsets, window)) {
		uint32_t span = last - window.first;
		if (!span_allowed(span, SIZE_MAX, count))
			return ep_fail(err, EP_NOT_FOUND, "onsets span too much time");
		head[0] |= FLAG_LAST;
		size += ep_varint_store(head + 1, span);
	}
	EP_TRY(ep_buffer_append(out, head, size, err));
	return ep_onset_model_encode(out, coder->model, &coder->onsets, window, last, err);
}

enum ep_status
ep_onset_encode(struct ep_buffer *out, struct ep_onset_coder *coder, const struct ep_pair *pairs,
                size_t count, struct ep_window window, struct ep_error *err)
{
	size_t size = out->size;
	if (count > 0 && (pairs[0].time < window.first || pairs[count - 1].time >= window.end))
		return ep_fail(err, EP_NOT_FOUND, "codes outside of their range of times");
	if (!coder->finder)
		EP_TRY(ep_onset_finder_new(&coder->finder, err));
	EP_TRY(ep_onset_find(&coder->onsets, coder->finder, pairs, count, window, err));
	enum ep_status status = encode_onsets(out, coder, count, window, err);
	if (status != EP_OK)
		out->size = size;
	return status;
}

enum ep_status
ep_onset_decode(struct ep_pairs *pairs, struct ep_onset_coder *coder, const uint8_t *bytes,
                size_t size, struct ep_window window, size_t max_count, struct ep_error *err)
{
	const struct ep_onsets *onsets;
	EP_TRY(ep_onset_decode_onsets(&onsets, coder, bytes, size, window, max_count, err));
	return ep_onset_emit(pairs, &coder->emitter, onsets, window, err);
}

enum ep_status
ep_onset_print(struct ep_buffer *out, struct ep_onset_coder *coder, const struct ep_onsets *onsets,
               struct ep_window window, struct ep_slice *slices, size_t n, struct ep_error *err)
{
	return ep_onset_print_slices(out, &coder->emitter, onsets, window, slices, n, err);
}
