#include "index/probe.h"

#include "base/sort64.h"

#include <string.h>

/* Hits at the true offset by the kind of the query's code, for postings of both kinds, in per cent:
 * counted over 700 excerpts of 100 songs, clean and degraded. */
static const float gain_of_kind[EP_SKETCH_KINDS + 1] = {
	18.1f, 3.1f, 15.4f, 0.3f, 2.4f, 4.7f, 7.3f
};

static void
enter(struct ep_probe *probe, size_t number)
{
	uint32_t at = ep_probe_hash(probe->codes[number].code);
	while (probe->table[at])
		at = (at + 1) & ((1u << EP_PROBE_TABLE_BITS) - 1);
	probe->table[at] = (uint16_t)(number + 1);
}

/* Codes with their times, and below them their kinds, in order; returns how many. */
static size_t
sort_codes(uint64_t sorted[EP_PROBE_PAIRS_MAX], const struct ep_sketch *sketch)
{
	uint64_t scratch[EP_PROBE_PAIRS_MAX];
	size_t count = sketch->code_count;
	if (count > EP_PROBE_PAIRS_MAX)
		count = EP_PROBE_PAIRS_MAX;
	for (size_t i = 0; i < count; i++)
		sorted[i] = (uint64_t)sketch->codes[i].code << 32 |
		            (uint64_t)sketch->codes[i].time << 8 | sketch->codes[i].kind;
	ep_sort64(sorted, scratch, count, 8);
	return count;
}

void
ep_probe_fill(struct ep_probe *probe, const struct ep_sketch *sketch)
{
	uint64_t sorted[EP_PROBE_PAIRS_MAX];
	size_t count = sort_codes(sorted, sketch);
	probe->code_count = 0;
	probe->time_count = count;
	probe->span = 1;
	memset(probe->table, 0, sizeof probe->table);
	for (size_t i = 0; i < count; i++) {
		struct ep_probe_code *code = &probe->codes[probe->code_count];
		uint32_t time = (uint32_t)sorted[i] >> 8;
		if (i == 0 || sorted[i] >> 32 != sorted[i - 1] >> 32) {
			*code = (struct ep_probe_code){ .code = (uint32_t)(sorted[i] >> 32),
				                        .first = (uint32_t)i };
			enter(probe, probe->code_count++);
		} else {
			code--;
		}
		code->count++;
		code->gain += gain_of_kind[sorted[i] & 0xff];
		probe->times[i] = time;
		probe->code_of_time[i] = (uint16_t)(probe->code_count - 1);
		if (time >= probe->span)
			probe->span = time + 1;
	}
}
