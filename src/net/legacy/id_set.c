#include "net/legacy/id_set.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/sort64.h"

#include <stdlib.h>

void
ep_id_set_init(struct ep_id_set *set)
{
	*set = (struct ep_id_set){ 0 };
	randombytes_buf(set->key, sizeof set->key);
}

void
ep_id_set_free(struct ep_id_set *set)
{
	free(set->hashes);
	set->hashes = NULL;
	set->count = set->capacity = set->sorted = 0;
}

static uint64_t
hash_of(const struct ep_id_set *set, struct ep_text id)
{
	uint8_t bytes[crypto_shorthash_BYTES];
	crypto_shorthash(bytes, (const uint8_t *)id.at, id.size, set->key);
	return ep_load64(bytes);
}

enum ep_status
ep_id_set_add(struct ep_id_set *set, struct ep_text id, struct ep_error *err)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 3 / 2 : 4096;
		uint64_t *more = realloc(set->hashes, capacity * sizeof *more);
		if (!more)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu ids", capacity);
		set->hashes = more;
		set->capacity = capacity;
	}
	set->hashes[set->count++] = hash_of(set, id);
	return EP_OK;
}

enum ep_status
ep_id_set_sort(size_t *count, struct ep_id_set *set, struct ep_error *err)
{
	EP_FREE uint64_t *scratch = calloc(set->count + 1, sizeof *scratch);
	if (!scratch)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu ids", set->count);
	ep_sort64(set->hashes, scratch, set->count, 0);
	size_t kept = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (kept == 0 || set->hashes[kept - 1] != set->hashes[i])
			set->hashes[kept++] = set->hashes[i];
	}
	set->count = set->sorted = kept;
	*count = kept;
	return EP_OK;
}

bool
ep_id_set_has(const struct ep_id_set *set, struct ep_text id)
{
	uint64_t hash = hash_of(set, id);
	size_t low = 0;
	size_t high = set->sorted;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->hashes[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->sorted && set->hashes[low] == hash;
}
