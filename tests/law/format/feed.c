/* Laws of feed.json: any bytes are read or refused; what is read is written so that it is read as
 * the same; from any position there is a way to the end, or the feed is said to have a gap. */
#include "format/feed.h"
#include "format/signed_json.h"
#include "sync/feed_plan.h"
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
	must_equal(ep_feed_write(&text, feed, keys, NULL), EP_OK);
	must_equal(ep_feed_read(&again, (struct ep_text){ (const char *)text.data, text.size },
	                        &keys->key, NULL),
	           EP_OK);
	must(memcmp(&again.head, &feed->head, sizeof again.head) == 0 &&
	     again.position == feed->position && again.tracks == feed->tracks &&
	     again.documents == feed->documents && again.time == feed->time &&
	     strcmp(again.name, feed->name) == 0 &&
	     memcmp(&again.digest, &feed->digest, EP_HASH_SIZE) == 0);
	must_equal(again.packet_count, feed->packet_count);
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

/* A head comes back, and not with a byte changed, nor with one more or less. */
static void
head_comes_back(const struct ep_buffer *bytes, const struct ep_head *head,
                const struct ep_keys *keys, size_t at)
{
	struct ep_head read = { 0 };
	struct ep_bytes text = { bytes->data, bytes->size };
	must_equal(ep_head_read(&read, text, &keys->key, NULL), EP_OK);
	must(memcmp(&read, head, sizeof read) == 0);
	bytes->data[at % bytes->size] ^= 1;
	must_equal(ep_head_read(&read, text, &keys->key, NULL), EP_CORRUPT);
	bytes->data[at % bytes->size] ^= 1;
	text.size--;
	must_equal(ep_head_read(&read, text, &keys->key, NULL), EP_CORRUPT);
}

/* Marks that lead to a position: so many as the size of what is read says. */
static void
make_head(struct ep_head *head, uint64_t epoch, uint64_t position, size_t size)
{
	uint64_t step = 1 + size % 3;
	size_t count = size % (EP_HEAD_MARKS_MAX + 1);
	*head = (struct ep_head){ .epoch = epoch, .epoch_tag = size };
	if (position == 0)
		return;
	while (count > 1 && (count - 1) * step >= position)
		count--;
	head->mark_count = count ? count : 1;
	for (size_t i = 0; i < head->mark_count; i++) {
		head->marks[i].position = position - step * (head->mark_count - 1 - i);
		memset(head->marks[i].hash, (int)i, EP_MARK_SIZE);
	}
}

/* The body with a head that fits what it says of epoch and position; nothing where it is no JSON.
 */
static bool
put_head(struct ep_buffer *out, const struct ep_keys *keys, const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer whole = { 0 };
	EP_BUFFER struct ep_buffer head_bytes = { 0 };
	struct ep_head head;
	uint64_t epoch;
	uint64_t position;
	must_equal(ep_buffer_append(&whole, "{", 1, NULL), EP_OK);
	must_equal(ep_buffer_append(&whole, bytes, size, NULL), EP_OK);
	EP_JSON json_t *json = json_loadb((const char *)whole.data, whole.size, 0, NULL);
	if (ep_json_number(&epoch, json, "epoch", NULL) != EP_OK ||
	    ep_json_number(&position, json, "position", NULL) != EP_OK)
		return false;
	make_head(&head, epoch, position, size);
	must_equal(ep_head_write(&head_bytes, &head, keys, NULL), EP_OK);
	head_comes_back(&head_bytes, &head, keys, size);
	must(ep_json_set_bytes(json, "head", head_bytes.data, head_bytes.size));
	char *dumped = json_dumps(json, JSON_COMPACT);
	must(dumped != NULL);
	must_equal(ep_buffer_append(out, dumped + 1, strlen(dumped) - 1, NULL), EP_OK);
	free(dumped);
	return true;
}

static void
try_feed(const struct ep_keys *keys, const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FEED struct ep_feed feed = { 0 };
	struct ep_text signed_text = sign_body(&text, keys, "echoprint feed 2", bytes, size);
	if (ep_feed_read(&feed, signed_text, &keys->key, NULL) != EP_OK)
		return;
	comes_back(&feed, keys);
	for (size_t i = 0; i < feed.packet_count && i < 20; i++) {
		way_is_whole(&feed, feed.packets[i].after);
		way_is_whole(&feed, feed.packets[i].last);
	}
	way_is_whole(&feed, 0);
}

void
law_feed(const uint8_t *bytes, size_t size)
{
	struct ep_keys keys = test_keys();
	EP_BUFFER struct ep_buffer with_head = { 0 };
	struct ep_feed none = { 0 };
	struct ep_head head;
	struct ep_text given = { (const char *)bytes, size };
	must(ep_feed_read(&none, given, &keys.key, NULL) != EP_OK);
	must_equal(ep_head_read(&head, (struct ep_bytes){ bytes, size }, &keys.key, NULL),
	           EP_CORRUPT);
	try_feed(&keys, bytes, size);
	/* A head has a signature of its own. */
	if (put_head(&with_head, &keys, bytes, size))
		try_feed(&keys, with_head.data, with_head.size);
}
