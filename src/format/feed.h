/* feed.h - feed.json, which names the packets of a feed: docs/formats/feed.md
 *
 * A feed represents the history of one log up to a position. Its packets overlap: a range is in
 * small packets for slaves that are nearly current, and in a merged one for the others.
 */
#ifndef EP_FORMAT_FEED_H
#define EP_FORMAT_FEED_H

#include "base/hash.h"
#include "base/sign.h"
#include "format/packet.h"

#define EP_FEED_FORMAT 2
#define EP_FEED_PACKETS_MAX 4096

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
	bool merged_away; /* a larger packet has its range too; it will be removed */
};

/* The head of a feed: which history it is of, signed for itself, so that a slave can show its
 * master what it has seen of it. Marks are points of the history; the last one is the feed's
 * position, and those before it are nearer to each other the newer they are.
 *
 *     offset size
 *      0      8   number of the epoch
 *      8      8   its tag
 *     16      1   count of marks
 *     17     24   each: position, front of the chain hash
 *     end-64 64   signature of all before, for the purpose "echoprint head 1"
 */
#define EP_HEAD_MARKS_MAX 64
#define EP_HEAD_MAX (17 + EP_HEAD_MARKS_MAX * 24 + EP_SIGNATURE_SIZE)
struct ep_head {
	uint64_t epoch;
	uint64_t epoch_tag;
	struct ep_mark marks[EP_HEAD_MARKS_MAX]; /* positions ascend */
	size_t mark_count;
};

/* This many of a head's marks are the newest ones, without gaps; if there are fewer, they are all
 * marks. */
#define EP_HEAD_NEWEST 16

/* The newest mark; NULL: nothing was published. */
const struct ep_mark *ep_head_last(const struct ep_head *head);

/* The mark at a position; NULL: none. */
const struct ep_mark *ep_head_find(const struct ep_head *head, uint64_t position);

/* Appends the bytes of a head, signed. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_head_write(struct ep_buffer *out, const struct ep_head *head,
                                         const struct ep_keys *keys, struct ep_error *err);

/* Reads a head. EP_CORRUPT  it is damaged, or not signed by key. */
EP_MUST_USE enum ep_status ep_head_read(struct ep_head *head, struct ep_bytes given,
                                        const struct ep_key *key, struct ep_error *err);

struct ep_feed {
	char name[65]; /* of the master */
	struct ep_key key;
	uint8_t node_id[EP_NODE_ID_SIZE];
	struct ep_head head;
	uint8_t head_bytes[EP_HEAD_MAX]; /* as it was read */
	size_t head_size;
	uint64_t position;
	uint64_t tracks; /* that live at position */
	uint64_t documents;
	struct ep_hash digest; /* the short name of the state digest at position */
	int64_t time; /* seconds since 1970 */
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
 * EP_CORRUPT  it is not a feed.json, is not signed by key, or contradicts itself. EP_NEWER,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_read(struct ep_feed *feed, struct ep_text text,
                                        const struct ep_key *key, struct ep_error *err);

/* The name of a packet's file: "AFTER-LAST-HASH.packet", with 16 digits of the hash. */
#define EP_FEED_NAME 72
void ep_feed_packet_name(char name[EP_FEED_NAME], const struct ep_feed_packet *packet);

/* The mark at a position, from the one before (NULL: there is none), the state digest's short name,
 * and the hash of the changes between the two (ep_log_hash_changes). */
void ep_feed_mark(struct ep_mark *out, const struct ep_mark *before, uint64_t position,
                  const struct ep_hash *digest, const struct ep_hash *changes);

#endif
