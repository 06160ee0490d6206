#include "code/onset/onsets.h"

#include <stdlib.h>

enum ep_status
ep_onsets_grow(struct ep_onsets *onsets, struct ep_error *err)
{
	size_t capacity = onsets->capacity ? onsets->capacity * 2 : 512;
	struct ep_onset *items = realloc(onsets->items, capacity * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu onsets", capacity);
	onsets->items = items;
	onsets->capacity = capacity;
	return EP_OK;
}

void
ep_onsets_free(struct ep_onsets *onsets)
{
	free(onsets->items);
	onsets->items = NULL;
	onsets->count = 0;
	onsets->capacity = 0;
}
