/* world.h - a master, slaves, mirrors, sticks and liars in one process, and what is checked of them
 *
 *     history.h   what happens, as text
 *     model.h     what must hold
 *     node.h      the product
 *     net.c       the network between them
 *     machine.h   their disks, clocks and chance
 */
#ifndef EP_WORLD_WORLD_H
#define EP_WORLD_WORLD_H

#include "history.h"
#include "model.h"

#define MESSAGES 8
#define MESSAGE_MAX 32768
#define ANSWER_MAX 8192
#define FEEDS 16
#define FEED_MAX 32768
#define HINTS 16
#define COPIES 4
#define CSVS 6

/* A contribution that was sent. */
struct message {
	int from;
	size_t size;
	uint8_t bytes[MESSAGE_MAX];
	size_t answer_size;
	uint8_t answer[ANSWER_MAX];
	uint64_t hash;
	struct knows knows; /* of its sender */
};

/* A feed.json that was published. */
struct feed_text {
	uint64_t hash;
	size_t size;
	char text[FEED_MAX];
	struct knows knows;
};

/* What users said of a track's link. */
struct link {
	unsigned by; /* nodes, a bit each; LINK_UNSURE */
	int node; /* whose word was the last */
	int original; /* -1: released */
	uint16_t copy_contents;
	uint16_t original_contents;
};
#define LINK_UNSURE (1U << 31)

/* Children share it. */
struct world {
	struct history history;
	struct model model;
	char home[100]; /* the folder that it works in */
	char root[8]; /* that folder, as paths begin */
	const struct step *step; /* NULL: all is well from now on */
	unsigned sent; /* messages in this step */
	struct message messages[MESSAGES];
	unsigned message_count;
	struct feed_text feeds[FEEDS];
	unsigned feed_count;
	struct {
		int node;
		struct knows knows;
	} hints[HINTS];
	size_t hint_count;
	struct knows left[NODES][2]; /* what was known when something was left on the stick */
	struct {
		int node;
		struct knows knows;
		bool removed[NODES]; /* of a master: sources */
		bool spoiled; /* of a master: a packet of its feed had gone */
	} copies[COPIES];
	unsigned copy_count;
	struct {
		char path[200];
		int from;
		struct knows knows;
	} csvs[CSVS];
	unsigned csv_count;
	struct link links[TRACKS];
	bool restored; /* the master, since its last new epoch */
	bool ever_restored;
	bool stale; /* the master was shown that it is an older copy, and takes nothing */
	bool shown; /* the same, by a contribution; not known after the master was restored */
	bool touched[TRACKS]; /* what the master has is of its epoch: since then it has changed */
	bool spoiled; /* a packet of the master's feed has gone, and may not have been made anew */
	bool wrong_answer; /* in this step, a receipt came that was for another contribution */
	bool disaster; /* a folder was restored, or a new epoch begun: slaves may have to start
	                  again */
	bool acted; /* in this step, as reported */
	bool shows;
	char failure[400];
	uint64_t changes; /* of files */
};

/* Makes the folder of a world and what all histories begin with. */
struct world *world_make(void);
void world_remove(struct world *world);

/* Runs a history; gives what failed, or NULL. The words before the first colon are its kind. */
const char *world_run(struct world *world, const struct history *history);

/* Says what failed, once. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Looks at a node, and tells the model. */
void world_look(struct world *world, int node);

void world_hint(struct world *world, int node, const struct knows *knows);

/* A slave fetches the feed, and nothing else. */
void world_fetch(struct world *world, int node);

/* The master takes a message. */
enum ep_status world_deliver(struct world *world, struct message *message, const uint8_t *bytes,
                             size_t size);

/* Notes a feed.json that the master wrote in a folder; gives what was known of one that was noted,
 * or NULL. */
void world_note_feed(struct world *world, const char *folder);
const struct knows *world_known_feed(const struct world *world, const char *text, size_t size);

/* ---- net.c ---- */

/* The way of a slave to its master, whose feed comes from a node. */
struct way {
	struct world *world;
	int slave;
	int from;
};
struct ep_transport net_way(struct way *way);

/* Keeps a message for later, over the oldest. */
struct message *net_keep(struct world *world, int from, const void *bytes, size_t size);

#endif
