/* places.h - the names in a folder that a master and its slaves share */
#ifndef EP_SYNC_PLACES_H
#define EP_SYNC_PLACES_H

/* Where `serve` keeps the feed, in the data folder, and where packets are in a feed. */
#define EP_FEED_FOLDER "feed"
#define EP_FEED_PACKETS "packets"
#define EP_FEED_JSON "feed.json"

/* An older feed.json, from which a publisher continues if feed.json is damaged. */
#define EP_FEED_SPARE "feed.json.spare"

/* Where empty files have the names of packets that slaves found damaged. */
#define EP_FEED_DAMAGED "damaged"

/* What slaves leave in a folder that stands for a master: "joins/ID.json",
 * "contributions/ID.packet", and the answers to both, "answers/ID.json". */
#define EP_INBOX_JOINS "joins"
#define EP_INBOX_CONTRIBUTIONS "contributions"
#define EP_INBOX_ANSWERS "answers"

#endif
