#include "net/recent_lags.h"

#include "base/bytes.h"

#include <stdlib.h>

/* ---- counting ---- */

/* The place of a slave: its own, or an empty one, or that of the slave with the smallest lag. */
static size_t
place_of(const struct ep_recent_lags *lags, uint64_t id)
{
	size_t least = 0;
	for (size_t i = 0; i < EP_RECENT_LAGS; i++) {
		if (lags->top[i].id == id || lags->top[i].id == 0)
			return i;
		if (lags->top[i].lag < lags->top[least].lag)
			least = i;
	}
	return least;
}

void
ep_recent_lags_add(struct ep_recent_lags *lags, const struct ep_recent_slaves *slaves)
{
	uint32_t behind = 0;
	for (size_t i = 0; i < slaves->count; i++) {
		const struct ep_recent_slave *slave = &slaves->all[i];
		size_t place = place_of(lags, slave->id);
		behind += slave->lag > 0;
		if (lags->top[place].id != 0 && slave->lag <= lags->top[place].lag)
			continue;
		lags->top[place].id = slave->id;
		lags->top[place].lag = slave->lag;
	}
	lags->known = (uint32_t)slaves->count;
	lags->behind = behind > lags->behind ? behind : lags->behind;
}

/* ---- bytes ---- */

void
ep_recent_lags_store(uint8_t *bytes, const struct ep_recent_lags *lags)
{
	ep_store32(bytes, lags->known);
	ep_store32(bytes + 4, lags->behind);
	for (size_t i = 0; i < EP_RECENT_LAGS; i++) {
		ep_store64(bytes + 8 + 16 * i, lags->top[i].id);
		ep_store64(bytes + 16 + 16 * i, lags->top[i].lag);
	}
}

void
ep_recent_lags_load(struct ep_recent_lags *lags, const uint8_t *bytes)
{
	lags->known = ep_load32(bytes);
	lags->behind = ep_load32(bytes + 4);
	for (size_t i = 0; i < EP_RECENT_LAGS; i++) {
		lags->top[i].id = ep_load64(bytes + 8 + 16 * i);
		lags->top[i].lag = ep_load64(bytes + 16 + 16 * i);
	}
}

/* ---- telling ---- */

json_t *
ep_recent_lags_most(const struct ep_recent_lags *lags)
{
	uint64_t most = 0;
	if (lags->top[0].id == 0)
		return json_null();
	for (size_t i = 0; i < EP_RECENT_LAGS; i++)
		most = lags->top[i].lag > most ? lags->top[i].lag : most;
	return json_integer((json_int_t)most);
}

/* The lag of a slave in a slot; -1: it is not known. Where a slot has no room for more slaves, and
 * one of its own was not behind, no other was. */
static json_int_t
lag_in(const struct ep_recent_lags *lags, uint64_t id)
{
	size_t place = place_of(lags, id);
	if (lags->top[place].id == id)
		return (json_int_t)lags->top[place].lag;
	return lags->top[place].id != 0 && lags->top[place].lag == 0 ? 0 : -1;
}

/* A slave, and how far it was behind at most. */
struct ranked {
	const struct ep_recent_slave *slave;
	json_int_t most;
};

static int
by_most(const void *a, const void *b)
{
	json_int_t left = ((const struct ranked *)a)->most;
	json_int_t right = ((const struct ranked *)b)->most;
	return (left < right) - (left > right);
}

static json_t *
slave_json(const struct ep_recent_lags *const *slots, size_t count,
           const struct ep_recent_slave *slave)
{
	json_t *lags = json_array();
	for (size_t i = 0; i < count; i++) {
		json_int_t lag = lag_in(slots[i], slave->id);
		json_array_append_new(lags, lag < 0 ? json_null() : json_integer(lag));
	}
	return json_pack("{s:s, s:o}", "name", slave->name, "lags", lags);
}

json_t *
ep_recent_lags_json(const struct ep_recent_lags *const *slots, size_t count,
                    const struct ep_recent_slaves *slaves)
{
	struct ranked *ranked = calloc(slaves->count + 1, sizeof *ranked);
	json_t *json = ranked ? json_array() : NULL;
	for (size_t i = 0; ranked && i < slaves->count; i++) {
		ranked[i] = (struct ranked){ &slaves->all[i], -1 };
		for (size_t at = 0; at < count; at++) {
			json_int_t lag = lag_in(slots[at], slaves->all[i].id);
			ranked[i].most = lag > ranked[i].most ? lag : ranked[i].most;
		}
	}
	if (ranked)
		qsort(ranked, slaves->count, sizeof *ranked, by_most);
	for (size_t i = 0; ranked && i < slaves->count && i < EP_RECENT_LAGS; i++)
		if (ranked[i].most >= 0)
			json_array_append_new(json, slave_json(slots, count, ranked[i].slave));
	free(ranked);
	return json;
}
