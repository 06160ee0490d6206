#include "code/onset_hash.h"

#include <pthread.h>
#include <stdlib.h>

/* EP_ONSET_HASH_M * INVERSE_M = 1 modulo 2^32 */
#define INVERSE_M 0xe59b19bdu

size_t
ep_onset_invert(struct ep_onset_source *sources, uint32_t code, unsigned bands)
{
	uint32_t hashes[1u << 12]; /* before the band was mixed in */
	size_t count = 0;
	for (uint32_t top = 0; top < 1u << 12; top++) {
		uint32_t hash = code | top << 20;
		hash ^= hash >> 15 ^ hash >> 30;
		hash *= INVERSE_M;
		hash ^= hash >> 13 ^ hash >> 26;
		hashes[top] = (hash * INVERSE_M) ^ EP_ONSET_HASH_START;
	}
	for (; bands; bands &= bands - 1) {
		uint32_t band = (uint32_t)__builtin_ctz(bands);
		for (uint32_t top = 0; top < 1u << 12; top++) {
			uint32_t mixed = (hashes[top] ^ band) * INVERSE_M;
			mixed = (mixed ^ mixed >> 24) * INVERSE_M;
			if ((mixed & 0xf000f000u) != 0 || count == EP_ONSET_SOURCES_MAX)
				continue;
			sources[count++] =
				(struct ep_onset_source){ (uint16_t)(mixed & 0xffff),
				                          (uint16_t)(mixed >> 16), (uint8_t)band };
		}
	}
	return count;
}

/* The table is the only thing that outlives a call: made once, then constant. */
static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static struct ep_onset_table table;

#define TABLE_SPAN (EP_ONSET_TABLE_END - EP_ONSET_TABLE_FIRST)
#define TABLE_COUNT ((size_t)EP_ONSET_BANDS * TABLE_SPAN * TABLE_SPAN)

/* The thread sanitizer does not watch the four million accesses, which take it half a second in
 * every process: the memory is nobody else's until table has it. */
__attribute__((no_sanitize("thread"))) static void
table_fill(uint32_t *start, uint32_t *entries)
{
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++)
		for (uint32_t first = EP_ONSET_TABLE_FIRST; first < EP_ONSET_TABLE_END; first++)
			for (uint32_t second = EP_ONSET_TABLE_FIRST; second < EP_ONSET_TABLE_END;
			     second++)
				start[ep_onset_hash(first, second, band)]++;
	uint32_t sum = 0;
	for (size_t code = 0; code < EP_ONSET_CODE_COUNT; code++) {
		sum += start[code];
		start[code] = sum;
	}
	start[EP_ONSET_CODE_COUNT] = sum;
	/* Counting the ends down to the starts. */
	for (uint32_t band = EP_ONSET_BANDS; band-- > 0;)
		for (uint32_t first = EP_ONSET_TABLE_END; first-- > EP_ONSET_TABLE_FIRST;)
			for (uint32_t second = EP_ONSET_TABLE_END;
			     second-- > EP_ONSET_TABLE_FIRST;) {
				uint32_t code = ep_onset_hash(first, second, band);
				entries[--start[code]] = band << 20 | first << 10 | second;
			}
}

/* Leaves table empty where there is no memory. */
static void
table_make(void)
{
	uint32_t *start = calloc(EP_ONSET_CODE_COUNT + 1, sizeof *start);
	uint32_t *entries = malloc(TABLE_COUNT * sizeof *entries);
	if (!start || !entries) {
		free(start);
		free(entries);
		return;
	}
	table_fill(start, entries);
	table = (struct ep_onset_table){ start, entries };
}

enum ep_status
ep_onset_table_get(struct ep_onset_table *out, struct ep_error *err)
{
	if (pthread_once(&table_once, table_make) != 0 || !table.start)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the table of codes");
	*out = table;
	return EP_OK;
}
