#include "index/probe.h"

#include <stdlib.h>
#include <string.h>

/* Hits at the true offset by the kind of the query's code, for postings of both kinds, in per cent:
 * counted over 700 excerpts of 100 songs, clean and degraded. */
static const float gain_of_kind[EP_SKETCH_KINDS + 1] = {
	18.1f, 3.1f, 15.4f, 0.3f, 2.4f, 4.7f, 7.3f
};

static int
compare_codes(const void *one, const void *other)
{
	const struct ep_sketch_code *a = one;
	const struct ep_sketch_code *b = other;
	if (a->code != b->code)
		return a->code < b->code ? -1 : 1;
	return a->time < b->time ? -1 : a->time > b->time;
}

static void
enter(struct ep_probe *probe, size_t number)
{
	uint32_t at = ep_probe_hash(probe->codes[number].code);
	while (probe->table[at])
		at = (at + 1) & ((1u << EP_PROBE_TABLE_BITS) - 1);
	probe->table[at] = (uint16_t)(number + 1);
}

void
ep_probe_fill(struct ep_probe *probe, const struct ep_sketch *sketch)
{
	struct ep_sketch_code sorted[EP_PROBE_PAIRS_MAX];
	size_t count = sketch->code_count;
	if (count > EP_PROBE_PAIRS_MAX)
		count = EP_PROBE_PAIRS_MAX;
	if (count)
		memcpy(sorted, sketch->codes, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare_codes);
	probe->code_count = 0;
	probe->time_count = count;
	probe->span = 1;
	memset(probe->table, 0, sizeof probe->table);
	for (size_t i = 0; i < count; i++) {
		struct ep_probe_code *code = &probe->codes[probe->code_count];
		if (i == 0 || sorted[i].code != sorted[i - 1].code) {
			*code = (struct ep_probe_code){ .code = sorted[i].code,
				                        .first = (uint32_t)i };
			enter(probe, probe->code_count++);
		} else {
			code--;
		}
		code->count++;
		code->gain += gain_of_kind[sorted[i].kind];
		probe->times[i] = sorted[i].time;
		probe->code_of_time[i] = (uint16_t)(probe->code_count - 1);
		if (sorted[i].time >= probe->span)
			probe->span = sorted[i].time + 1;
	}
}
