#include "sync/feed_plan.h"

#include <stdlib.h>
#include <string.h>

#define LEVEL_SIZE ((uint64_t)16 << 10)
#define LEVELS 16

unsigned
ep_feed_level(uint64_t size)
{
	unsigned level = 0;
	for (uint64_t most = LEVEL_SIZE; size > most && level + 1 < LEVELS; most *= EP_FEED_FAN)
		level++;
	return level;
}

bool
ep_feed_is_whole(const struct ep_feed *feed)
{
	uint64_t at = 0;
	for (size_t i = 0; i < feed->packet_count; i++) {
		const struct ep_feed_packet *packet = &feed->packets[i];
		if (packet->merged_away)
			continue;
		if (packet->after != at || packet->last <= at)
			return false;
		at = packet->last;
	}
	return at == feed->position;
}

/* Counts the packets of a level that stand together, before those of higher levels, and gives their
 * range; smaller ones may stand behind them. */
static size_t
count_of_level(uint64_t *after, uint64_t *last, const struct ep_feed *feed, unsigned level)
{
	size_t count = 0;
	for (size_t i = feed->packet_count; i-- > 0;) {
		const struct ep_feed_packet *packet = &feed->packets[i];
		unsigned has = packet->merged_away ? 0 : ep_feed_level(packet->size);
		if (packet->merged_away || (has < level && count == 0))
			continue;
		if (has > level)
			break;
		if (count == 0)
			*last = packet->last;
		count += has == level;
		*after = packet->after;
	}
	return count;
}

bool
ep_feed_merge_due(uint64_t *after, uint64_t *last, const struct ep_feed *feed)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t start = 0;
		uint64_t end = 0;
		if (count_of_level(&start, &end, feed, level) >= EP_FEED_FAN) {
			*after = start;
			*last = end;
			return true;
		}
	}
	return false;
}

/* Drops all but the newest of each level of what was merged away. */
static void
prune(struct ep_feed *feed)
{
	size_t seen[LEVELS] = { 0 };
	size_t left = feed->packet_count;
	for (size_t i = feed->packet_count; i-- > 0;) {
		const struct ep_feed_packet packet = feed->packets[i];
		if (packet.merged_away && seen[ep_feed_level(packet.size)]++ >= EP_FEED_KEPT)
			continue;
		feed->packets[--left] = packet;
	}
	feed->packet_count -= left;
	memmove(feed->packets, feed->packets + left, feed->packet_count * sizeof *feed->packets);
}

enum ep_status
ep_feed_merge(struct ep_feed *feed, const struct ep_feed_packet *merged, struct ep_error *err)
{
	EP_TRY(ep_feed_add(feed, merged, err));
	size_t place = feed->packet_count - 1;
	for (; place > 0 && feed->packets[place - 1].last > merged->last; place--)
		feed->packets[place] = feed->packets[place - 1];
	feed->packets[place] = *merged;
	for (size_t i = 0; i < place; i++)
		feed->packets[i].merged_away |= feed->packets[i].after >= merged->after;
	prune(feed);
	return EP_OK;
}

/* ---- the way of a slave ---- */

/* The cheapest way to the end of a packet: what it takes, and the packet before it. */
struct way {
	uint64_t bytes; /* UINT64_MAX: there is none */
	size_t before; /* the packet itself, where it is the first */
};

/* Each file is asked for on its own, which is worth some bytes. */
#define FILE_COST 300

static void
find_way(struct way *ways, const struct ep_feed *feed, size_t at, uint64_t from)
{
	const struct ep_feed_packet *packet = &feed->packets[at];
	struct way *way = &ways[at];
	*way = (struct way){ .bytes = UINT64_MAX };
	if (packet->last <= from)
		return;
	if (packet->after <= from)
		*way = (struct way){ packet->size + FILE_COST, at };
	for (size_t i = 0; i < at; i++) {
		if (feed->packets[i].last < packet->after || ways[i].bytes == UINT64_MAX ||
		    feed->packets[i].last == packet->last)
			continue;
		uint64_t bytes = ways[i].bytes + packet->size + FILE_COST;
		if (bytes < way->bytes)
			*way = (struct way){ bytes, i };
	}
}

enum ep_status
ep_feed_route(size_t **out, size_t *out_count, const struct ep_feed *feed, uint64_t from,
              struct ep_error *err)
{
	size_t all = feed->packet_count;
	EP_FREE struct way *ways = calloc(all + 1, sizeof *ways);
	EP_FREE size_t *route = calloc(all + 1, sizeof *route);
	if (!ways || !route)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the packets of a feed");
	size_t best = all;
	for (size_t i = 0; i < all; i++) {
		find_way(ways, feed, i, from);
		bool there = feed->packets[i].last == feed->position && ways[i].bytes < UINT64_MAX;
		if (there && (best == all || ways[i].bytes < ways[best].bytes))
			best = i;
	}
	if (from < feed->position && best == all)
		return ep_fail(err, EP_CORRUPT,
		               "the feed's packets do not contain what follows position %llu",
		               (unsigned long long)from);
	size_t count = 0;
	for (size_t at = best; at < all; at = ways[at].before) {
		route[count++] = at;
		if (ways[at].before == at)
			break;
	}
	for (size_t i = 0; i < count / 2; i++) {
		size_t swapped = route[i];
		route[i] = route[count - 1 - i];
		route[count - 1 - i] = swapped;
	}
	*out = EP_TAKE(route);
	*out_count = count;
	return EP_OK;
}
