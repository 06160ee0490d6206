#include "format/feed.h"

#include "base/bytes.h"
#include "base/time.h"
#include "format/signed_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PURPOSE "echoprint feed 2"
#define HEAD_PURPOSE "echoprint head 1"

#define HEAD_FIXED 17
#define HEAD_MARK (8 + EP_MARK_SIZE)

void
ep_feed_free(struct ep_feed *feed)
{
	free(feed->packets);
	*feed = (struct ep_feed){ 0 };
}

enum ep_status
ep_feed_add(struct ep_feed *feed, const struct ep_feed_packet *packet, struct ep_error *err)
{
	struct ep_feed_packet *packets =
		realloc(feed->packets, (feed->packet_count + 1) * sizeof *packets);
	if (!packets)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the packets of a feed");
	feed->packets = packets;
	packets[feed->packet_count++] = *packet;
	return EP_OK;
}

void
ep_feed_packet_name(char name[EP_FEED_NAME], const struct ep_feed_packet *packet)
{
	char hash[EP_HASH_TEXT];
	ep_hash_print(hash, &packet->sha256);
	snprintf(name, EP_FEED_NAME, "%" PRIu64 "-%" PRIu64 "-%.16s.packet", packet->after,
	         packet->last, hash);
}

/* ---- heads ---- */

void
ep_feed_mark(struct ep_mark *out, const struct ep_mark *before, uint64_t position,
             const struct ep_hash *digest, const struct ep_hash *changes)
{
	static const char words[] = "echoprint mark 2\n";
	struct ep_hasher hasher;
	struct ep_hash hash;
	uint8_t number[8];
	ep_store64(number, position);
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, words, sizeof words - 1);
	if (before)
		ep_hasher_add(&hasher, before->hash, EP_MARK_SIZE);
	ep_hasher_add(&hasher, number, sizeof number);
	ep_hasher_add(&hasher, digest->bytes, EP_HASH_SIZE);
	ep_hasher_add(&hasher, changes->bytes, EP_HASH_SIZE);
	ep_hasher_done(&hash, &hasher);
	out->position = position;
	memcpy(out->hash, hash.bytes, EP_MARK_SIZE);
}

const struct ep_mark *
ep_head_last(const struct ep_head *head)
{
	return head->mark_count ? &head->marks[head->mark_count - 1] : NULL;
}

const struct ep_mark *
ep_head_find(const struct ep_head *head, uint64_t position)
{
	for (size_t i = 0; i < head->mark_count; i++) {
		if (head->marks[i].position == position)
			return &head->marks[i];
	}
	return NULL;
}

enum ep_status
ep_head_write(struct ep_buffer *out, const struct ep_head *head, const struct ep_keys *keys,
              struct ep_error *err)
{
	uint8_t bytes[EP_HEAD_MAX];
	struct ep_signature signature;
	size_t size = HEAD_FIXED;
	ep_store64(bytes, head->epoch);
	ep_store64(bytes + 8, head->epoch_tag);
	bytes[16] = (uint8_t)head->mark_count;
	for (size_t i = 0; i < head->mark_count; i++, size += HEAD_MARK) {
		ep_store64(bytes + size, head->marks[i].position);
		memcpy(bytes + size + 8, head->marks[i].hash, EP_MARK_SIZE);
	}
	ep_sign(&signature, keys, HEAD_PURPOSE, bytes, size);
	memcpy(bytes + size, signature.bytes, EP_SIGNATURE_SIZE);
	return ep_buffer_append(out, bytes, size + EP_SIGNATURE_SIZE, err);
}

enum ep_status
ep_head_read(struct ep_head *head, struct ep_bytes given, const struct ep_key *key,
             struct ep_error *err)
{
	const uint8_t *bytes = given.at;
	struct ep_signature signature;
	struct ep_head read = { 0 };
	size_t size = given.size >= HEAD_FIXED ? HEAD_FIXED + (size_t)bytes[16] * HEAD_MARK : 0;
	if (!size || given.size != size + EP_SIGNATURE_SIZE || bytes[16] > EP_HEAD_MARKS_MAX)
		return ep_fail(err, EP_CORRUPT, "the head of a feed has the wrong size");
	memcpy(signature.bytes, bytes + size, EP_SIGNATURE_SIZE);
	if (!ep_sign_check(&signature, key, HEAD_PURPOSE, bytes, size))
		return ep_fail(err, EP_CORRUPT,
		               "the head of a feed is not signed with the key of its master");
	read.epoch = ep_load64(bytes);
	read.epoch_tag = ep_load64(bytes + 8);
	read.mark_count = bytes[16];
	for (size_t i = 0; i < read.mark_count; i++) {
		const uint8_t *at = bytes + HEAD_FIXED + i * HEAD_MARK;
		read.marks[i].position = ep_load64(at);
		memcpy(read.marks[i].hash, at + 8, EP_MARK_SIZE);
		if (read.marks[i].position <= (i ? read.marks[i - 1].position : 0))
			return ep_fail(err, EP_CORRUPT, "the head of a feed is out of order");
	}
	*head = read;
	return EP_OK;
}

/* ---- writing ---- */

static json_t *
packets_json(const struct ep_feed *feed)
{
	json_t *list = json_array();
	for (size_t i = 0; i < feed->packet_count; i++) {
		const struct ep_feed_packet *packet = &feed->packets[i];
		char hash[EP_HASH_TEXT];
		char name[EP_FEED_NAME];
		ep_hash_print(hash, &packet->sha256);
		ep_feed_packet_name(name, packet);
		json_t *item =
			json_pack("{s:I, s:I, s:I}", "after", (json_int_t)packet->after, "last",
		                  (json_int_t)packet->last, "size", (json_int_t)packet->size);
		if (packet->size) {
			json_object_set_new(item, "name", json_string(name));
			json_object_set_new(item, "sha256", json_string(hash));
		}
		if (packet->merged_away)
			json_object_set_new(item, "merged_away", json_true());
		json_array_append_new(list, item);
	}
	return list;
}

enum ep_status
ep_feed_write(struct ep_buffer *out, const struct ep_feed *feed, const struct ep_keys *keys,
              struct ep_error *err)
{
	char time[EP_TIME_TEXT];
	EP_BUFFER struct ep_buffer head = { 0 };
	ep_time_print(time, feed->time);
	EP_TRY(ep_head_write(&head, &feed->head, keys, err));
	json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s}", "name", feed->name, "epoch",
	                         (json_int_t)feed->head.epoch, "position",
	                         (json_int_t)feed->position, "tracks", (json_int_t)feed->tracks,
	                         "documents", (json_int_t)feed->documents, "time", time);
	if (!json || !ep_json_set_bytes(json, "key", keys->key.bytes, EP_KEY_SIZE) ||
	    !ep_json_set_bytes(json, "node", feed->node_id, EP_NODE_ID_SIZE) ||
	    !ep_json_set_bytes(json, "digest", feed->digest.bytes, EP_HASH_SIZE) ||
	    !ep_json_set_bytes(json, "head", head.data, head.size) ||
	    json_object_set_new(json, "packets", packets_json(feed)) != 0) {
		json_decref(json);
		return ep_fail(err, EP_NO_MEMORY, "out of memory for feed.json");
	}
	return ep_signed_write(out, json, EP_FEED_FORMAT, PURPOSE, keys, err);
}

/* ---- reading ---- */

static enum ep_status
read_packet(struct ep_feed_packet *packet, const json_t *item, struct ep_error *err)
{
	*packet = (struct ep_feed_packet){ 0 };
	EP_TRY(ep_json_number(&packet->after, item, "after", err));
	EP_TRY(ep_json_number(&packet->last, item, "last", err));
	EP_TRY(ep_json_number(&packet->size, item, "size", err));
	packet->merged_away = json_is_true(json_object_get(item, "merged_away"));
	if (packet->size == 0)
		return EP_OK;
	EP_TRY(ep_json_bytes(packet->sha256.bytes, EP_HASH_SIZE, item, "sha256", err));
	/* The name follows from the rest: nobody's words become a path. */
	char name[EP_FEED_NAME];
	struct ep_text said;
	ep_feed_packet_name(name, packet);
	EP_TRY(ep_json_string(&said, item, "name", err));
	if (!ep_text_equal(said, ep_text_of(name)))
		return ep_fail(err, EP_CORRUPT, "a packet has a wrong name: it should be %s", name);
	return EP_OK;
}

static enum ep_status
read_packets(struct ep_feed *feed, const json_t *list, struct ep_error *err)
{
	if (!json_is_array(list) || json_array_size(list) > EP_FEED_PACKETS_MAX)
		return ep_fail(err, EP_CORRUPT, "\"packets\" is not a list of at most %d packets",
		               EP_FEED_PACKETS_MAX);
	uint64_t last = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct ep_feed_packet packet;
		EP_TRY(read_packet(&packet, json_array_get(list, i), err));
		if (packet.last < last || packet.after >= packet.last ||
		    packet.last > feed->position)
			return ep_fail(err, EP_CORRUPT, "packet %zu is out of order", i + 1);
		last = packet.last;
		EP_TRY(ep_feed_add(feed, &packet, err));
	}
	return last == feed->position
	               ? EP_OK
	               : ep_fail(err, EP_CORRUPT, "its packets do not lead to its position");
}

/* Reads the head, whose last mark is the feed's position. */
static enum ep_status
read_chain(struct ep_feed *feed, const json_t *json, const struct ep_key *key, struct ep_error *err)
{
	struct ep_text digits;
	uint64_t epoch;
	EP_TRY(ep_json_string(&digits, json, "head", err));
	feed->head_size = digits.size / 2;
	if (feed->head_size > EP_HEAD_MAX ||
	    !ep_hex_parse(feed->head_bytes, feed->head_size, digits))
		return ep_fail(err, EP_CORRUPT, "\"head\" is not the hex digits of a feed head");
	EP_TRY(ep_head_read(&feed->head, (struct ep_bytes){ feed->head_bytes, feed->head_size },
	                    key, err));
	EP_TRY(ep_json_number(&epoch, json, "epoch", err));
	const struct ep_mark *last = ep_head_last(&feed->head);
	return epoch == feed->head.epoch && (last ? last->position : 0) == feed->position
	               ? EP_OK
	               : ep_fail(err, EP_CORRUPT, "\"head\" is of another epoch or position");
}

static enum ep_status
read_head(struct ep_feed *feed, const json_t *json, struct ep_error *err)
{
	struct ep_text name;
	struct ep_text time;
	EP_TRY(ep_json_string(&name, json, "name", err));
	EP_TRY(ep_json_string(&time, json, "time", err));
	if (name.size >= sizeof feed->name || !ep_time_parse(&feed->time, time))
		return ep_fail(err, EP_CORRUPT, "its \"name\" or \"time\" is not valid");
	memcpy(feed->name, name.at, name.size);
	EP_TRY(ep_json_bytes(feed->key.bytes, EP_KEY_SIZE, json, "key", err));
	EP_TRY(ep_json_bytes(feed->node_id, EP_NODE_ID_SIZE, json, "node", err));
	EP_TRY(ep_json_bytes(feed->digest.bytes, EP_HASH_SIZE, json, "digest", err));
	EP_TRY(ep_json_number(&feed->position, json, "position", err));
	EP_TRY(ep_json_number(&feed->tracks, json, "tracks", err));
	return ep_json_number(&feed->documents, json, "documents", err);
}

enum ep_status
ep_feed_read(struct ep_feed *feed, struct ep_text text, const struct ep_key *key,
             struct ep_error *err)
{
	EP_JSON json_t *json = NULL;
	EP_FEED struct ep_feed read = { 0 };
	EP_TRY(ep_signed_read(&json, text, EP_FEED_FORMAT, PURPOSE, key, "feed.json", err));
	enum ep_status status = read_head(&read, json, err);
	if (status == EP_OK)
		status = read_packets(&read, json_object_get(json, "packets"), err);
	if (status == EP_OK)
		status = read_chain(&read, json, key, err);
	if (status != EP_OK) {
		ep_error_prefix(err, "feed.json: ");
		return status;
	}
	*feed = read;
	read = (struct ep_feed){ 0 };
	return EP_OK;
}
