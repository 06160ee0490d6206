/* feed.h - feed.json, which names the packets of a feed: docs/formats/feed.md
 *
 * A feed stands for the history of one log up to a position. Its packets overlap: a range stands in
 * small packets for those who are nearly current, and in a merged one for those who are not.
 */
#ifndef EP_FORMAT_FEED_H
#define EP_FORMAT_FEED_H

#include "base/hash.h"
#include "base/sign.h"
#include "format/packet.h"

#define EP_FEED_FORMAT 1
#define EP_FEED_PACKETS_MAX 4096
#define EP_FEED_MARKS_MAX 64

/* The largest feed.json that is read, in bytes. */
#define EP_FEED_JSON_MAX ((size_t)2 << 20)

/* A packet of a feed: the tracks whose latest change is at a position above after and up to last,
 * as its maker's log was at a position of the feed. size 0: there were none, and there is no file.
 */
struct ep_feed_packet {
	uint64_t after;
	uint64_t last;
	uint64_t size; /* bytes */
	struct ep_hash sha256; /* of the file */
	bool merged_away; /* its range stands in a larger packet too; it goes some day */
};

/* A point of the history: what the chain hash was there. */
struct ep_feed_mark {
	uint64_t position;
	struct ep_hash chain;
};

struct ep_feed {
	char name[65]; /* of the master */
	struct ep_key key;
	uint8_t node_id[EP_PACKET_NODE_ID];
	uint64_t epoch;
	uint64_t position;
	uint64_t tracks; /* that live at position */
	uint64_t documents;
	struct ep_hash digest; /* the short name of the state digest at position */
	int64_t time; /* seconds since 1970 */
	struct ep_feed_mark marks[EP_FEED_MARKS_MAX]; /* positions ascend; the last is position */
	size_t mark_count;
	struct ep_feed_packet *packets; /* by last, then after; owned */
	size_t packet_count;
};

void ep_feed_free(struct ep_feed *feed);
#define EP_FEED __attribute__((cleanup(ep_feed_free)))

/* Adds a packet at the end. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_add(struct ep_feed *feed, const struct ep_feed_packet *packet,
                                       struct ep_error *err);

/* Appends feed.json, signed. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_write(struct ep_buffer *out, const struct ep_feed *feed,
                                         const struct ep_keys *keys, struct ep_error *err);

/* Reads feed.json; feed is to be freed with ep_feed_free.
 *
 * key  whose signature it must have.
 * EP_CORRUPT  it is none, is not signed by key, or says what cannot be. EP_NEWER, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_read(struct ep_feed *feed, struct ep_text text,
                                        const struct ep_key *key, struct ep_error *err);

/* The name of a packet's file: "AFTER-LAST-HASH.packet", with 16 digits of the hash. */
#define EP_FEED_NAME 72
void ep_feed_packet_name(char name[EP_FEED_NAME], const struct ep_feed_packet *packet);

/* The chain hash at a position, from that at the mark before (NULL: there is none) and the state
 * digest's short name. */
void ep_feed_chain(struct ep_hash *out, const struct ep_hash *before, uint64_t position,
                   const struct ep_hash *digest);

#endif
