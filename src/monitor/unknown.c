#include "monitor/unknown.h"

#include "generator/generator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LONG ((size_t)(EP_UNKNOWN_PIECE_S + EP_UNKNOWN_LATE_S) * EP_SAMPLE_RATE)
#define PIECE ((size_t)EP_UNKNOWN_PIECE_S * EP_SAMPLE_RATE)
#define OVERLAP ((size_t)EP_UNKNOWN_OVERLAP_S * EP_SAMPLE_RATE)
#define MIN ((size_t)EP_UNKNOWN_MIN_S * EP_SAMPLE_RATE)

void
ep_unknown_free(struct ep_unknown *unknown)
{
	free(unknown->samples);
	*unknown = (struct ep_unknown){ 0 };
}

/* How many samples were heard before a moment. */
static size_t
count_before(const struct ep_unknown *unknown, double until)
{
	double count = round((until - unknown->at) * EP_SAMPLE_RATE);
	if (count <= 0)
		return 0;
	return count < (double)unknown->count ? (size_t)count : unknown->count;
}

static void
drop(struct ep_unknown *unknown, size_t count)
{
	unknown->count -= count;
	unknown->at += (double)count / EP_SAMPLE_RATE;
	if (count > 0)
		memmove(unknown->samples, unknown->samples + count,
		        unknown->count * sizeof *unknown->samples);
}

static enum ep_status
tell(const struct ep_unknown *unknown, size_t count, ep_unknown_sink *sink, void *context,
     struct ep_error *err)
{
	struct ep_unknown_piece piece = { unknown->samples, count, unknown->at,
		                          unknown->stretch_at };
	return count >= MIN ? sink(context, &piece, err) : EP_OK;
}

static enum ep_status
append(struct ep_unknown *unknown, const int16_t *samples, size_t count, struct ep_error *err)
{
	if (unknown->count + count > unknown->capacity) {
		size_t capacity = unknown->count + count;
		capacity += capacity / 4;
		int16_t *more = realloc(unknown->samples, capacity * sizeof *more);
		if (!more)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for unknown sound");
		unknown->samples = more;
		unknown->capacity = capacity;
	}
	memcpy(unknown->samples + unknown->count, samples, count * sizeof *samples);
	unknown->count += count;
	return EP_OK;
}

enum ep_status
ep_unknown_feed(struct ep_unknown *unknown, double at, const int16_t *samples, size_t count,
                ep_unknown_sink *sink, void *context, struct ep_error *err)
{
	if (count == 0)
		return EP_OK;
	if (unknown->count == 0) {
		unknown->at = at;
		unknown->stretch_at = at;
	}
	EP_TRY(append(unknown, samples, count, err));
	while (unknown->count >= LONG) {
		EP_TRY(tell(unknown, PIECE, sink, context, err));
		drop(unknown, PIECE - OVERLAP);
	}
	return EP_OK;
}

void
ep_unknown_drop(struct ep_unknown *unknown, double until)
{
	size_t count = count_before(unknown, until);
	if (count == 0)
		return;
	drop(unknown, count);
	unknown->stretch_at = unknown->at;
}

enum ep_status
ep_unknown_end(struct ep_unknown *unknown, double until, ep_unknown_sink *sink, void *context,
               struct ep_error *err)
{
	enum ep_status status = tell(unknown, count_before(unknown, until), sink, context, err);
	ep_unknown_drop(unknown, until);
	return status;
}
