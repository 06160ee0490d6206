/* Laws of feed.json: any bytes are read or refused; what is read is written so that it is read as
 * the same; from any position there is a way to the end, or the feed is said to have a gap. */
#include "format/feed.h"
#include "replication/feed_plan.h"
#include "tests/law/signed.h"

#include <stdlib.h>

void law_feed(const uint8_t *bytes, size_t size);

/* The way leads from the position to the end without a gap, and takes nothing twice. */
static void
way_is_whole(const struct ep_feed *feed, uint64_t from)
{
	EP_FREE size_t *route = NULL;
	size_t count = 0;
	enum ep_status status = ep_feed_route(&route, &count, feed, from, NULL);
	must(status == EP_OK || status == EP_CORRUPT);
	if (status != EP_OK)
		return;
	uint64_t at = from;
	for (size_t i = 0; i < count; i++) {
		const struct ep_feed_packet *packet = &feed->packets[route[i]];
		must(packet->after <= at && packet->last > at);
		at = packet->last;
	}
	must(at >= feed->position);
}

static void
comes_back(const struct ep_feed *feed, const struct ep_keys *keys)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FEED struct ep_feed again = { 0 };
	must(ep_feed_write(&text, feed, keys, NULL) == EP_OK);
	must(ep_feed_read(&again, (struct ep_text){ (const char *)text.data, text.size },
	                  &keys->key, NULL) == EP_OK);
	must(memcmp(&again.head, &feed->head, sizeof again.head) == 0 &&
	     again.position == feed->position && again.tracks == feed->tracks &&
	     again.documents == feed->documents && again.time == feed->time &&
	     strcmp(again.name, feed->name) == 0 &&
	     memcmp(&again.digest, &feed->digest, EP_HASH_SIZE) == 0);
	must(again.packet_count == feed->packet_count);
	for (size_t i = 0; i < feed->packet_count; i++) {
		must(again.packets[i].after == feed->packets[i].after &&
		     again.packets[i].last == feed->packets[i].last &&
		     again.packets[i].size == feed->packets[i].size &&
		     again.packets[i].merged_away == feed->packets[i].merged_away);
	}
	/* Not by another key, and not with a byte changed. */
	struct ep_key other = keys->key;
	other.bytes[0] ^= 1;
	struct ep_feed none = { 0 };
	must(ep_feed_read(&none, (struct ep_text){ (const char *)text.data, text.size }, &other,
	                  NULL) != EP_OK);
	text.data[text.size / 2] ^= 1;
	must(ep_feed_read(&none, (struct ep_text){ (const char *)text.data, text.size }, &keys->key,
	                  NULL) != EP_OK);
}

void
law_feed(const uint8_t *bytes, size_t size)
{
	struct ep_keys keys = test_keys();
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FEED struct ep_feed feed = { 0 };
	must(ep_feed_read(&feed, (struct ep_text){ (const char *)bytes, size }, &keys.key, NULL) !=
	     EP_OK);
	struct ep_text signed_text = sign_body(&text, &keys, "echoprint feed 2", bytes, size);
	if (ep_feed_read(&feed, signed_text, &keys.key, NULL) != EP_OK)
		return;
	comes_back(&feed, &keys);
	for (size_t i = 0; i < feed.packet_count && i < 20; i++) {
		way_is_whole(&feed, feed.packets[i].after);
		way_is_whole(&feed, feed.packets[i].last);
	}
	way_is_whole(&feed, 0);
}
