/* node.h - a node of the world, with the product's own code: all that knows its interfaces
 *
 * Node 0 is the master, the others are its slaves "p1", "p2", ...; all have joined. Each data
 * folder is ROOT/nN. Tracks are numbers, and so are contents: of one document or two, each with a
 * label.
 *
 * Functions give the product's status; node_why() has its words. Who acts is set by the caller
 * (machine_acts) for slaves; what a master does for a slave, it does as itself.
 */
#ifndef EP_WORLD_NODE_H
#define EP_WORLD_NODE_H

#include "sync/slave/sync.h"

#include <stdbool.h>
#include <stdint.h>

#define NODES 6
#define TRACKS 4
#define ASIDE_MAX 24

/* The sender of CSV that has no node. */
#define LEGACY NODES

/* Contents: label + 1 of document -0, and 64 times label + 1 of document -1; 0: no track. */
#define LABELS 62
#define CONTENTS(first, second) ((uint16_t)((first) + 1 + 64 * ((second) + 1)))
/* What no contents of a history are. */
#define CONTENTS_UNKNOWN ((uint16_t)0xffff)

struct node_view {
	uint16_t contents[TRACKS];
	uint64_t at[TRACKS]; /* position of its state; 0: none */
	bool known[TRACKS]; /* there is a track, or that one was deleted */
	int8_t copy_of[TRACKS]; /* -1: a song of its own */
	int8_t owner[TRACKS]; /* a node, LEGACY, -1: nobody is known */
	bool links_foreign[TRACKS]; /* a slave's own link, not confirmed, is on another's track */
	struct {
		uint8_t track;
		uint16_t contents; /* 0: a deletion */
		uint8_t hash[16]; /* the front of its contents' hash */
		bool rows; /* of a CSV: further ones join them */
	} aside[ASIDE_MAX];
	size_t aside_count;
	uint8_t digest[32];
	uint64_t position;
	uint64_t epoch;
	uint64_t epoch_tag;
};

/* Makes the nodes that all histories begin with. */
void node_setup(const char *root);

/* Begins a history with so many nodes, as they were made; each as itself, or as a copy of another's
 * data folder, key and all. */
void node_begin(int count, const int made_as[]);
void node_begin_one(int node, int made_as);

const char *node_why(void);
const char *node_folder(int node);

/* Closes what is open: before a folder is replaced, and before a child is made. Forget: it was
 * open in a child. */
void node_close(int node);
void node_forget(void);

/* ---- what users do ---- */

enum ep_status node_put(int node, int track, uint16_t contents, bool *conflict);
/* Puts a long track that nobody looks at. */
enum ep_status node_fill(int node, unsigned number);
enum ep_status node_delete(int node, int track);
enum ep_status node_link(int node, int track, int original); /* original -1: release */
enum ep_status node_accept(int node, int track, bool accept);

/* Takes a CSV file in: of the master on a slave, of `from` on the master. */
enum ep_status node_read_csv(int node, const char *path, int from);
/* The rows of a track as a CSV file. */
void node_write_csv(const char *path, int track, uint16_t contents);
/* Dumps what is new; path becomes that of the file, empty where there was nothing. */
enum ep_status node_dump(char path[200], int node);

/* Which labels the rows have that the master's dumps hold, a bit each, by track and document. */
void node_dumped(uint64_t labels[TRACKS][2]);

/* ---- replication ---- */

/* The master writes its feed: in its data folder as `serve` does (stick NULL), or on a stick, after
 * it took what lies there. */
enum ep_status node_publish(const char *stick);
enum ep_status node_new_epoch(void);
/* A packet in the master's feed goes, by other hands: of that number, as names are in order. */
void node_spoil(unsigned number);
enum ep_status node_source_remove(int node, bool with_tracks);
enum ep_status node_source_add(int node);
/* How many tracks a source may have; 0: the product's own limit. */
enum ep_status node_source_limit(int node, uint64_t tracks);

/* The master takes a contribution as `serve` does; the answer is appended. */
enum ep_status node_take(struct ep_buffer *answer, const void *bytes, size_t size);

/* What a contribution says, and what became of it. */
#define SAID_MAX 32
struct node_said {
	bool has_head; /* of the newest feed that its sender has seen */
	uint64_t epoch;
	uint64_t epoch_tag;
	uint64_t position;
	size_t count;
	struct {
		int track; /* -1: none of the world's */
		bool link;
		bool deleted;
		bool conflict; /* as the receipt says */
		uint8_t hash[16];
	} entries[SAID_MAX];
};
/* false: it is damaged. answer: its receipt; empty where there is none. */
bool node_said(struct node_said *said, const void *bytes, size_t size, const void *answer,
               size_t answer_size);

struct node_sync {
	bool contributes;
	bool fetches;
	bool restart;
	bool retries; /* what was over a limit */
	bool mirrors; /* into its own data folder's feed */
};
enum ep_status node_sync(int node, const struct node_sync *how, const struct ep_transport *master,
                         const struct ep_transport *feed);

/* What a lying member sends: bytes of a contribution under its own key. */
#define NODE_LIES 12
enum ep_status node_lie(struct ep_buffer *out, int node, int kind, int track, uint16_t contents,
                        unsigned salt);

/* For lies.c: an open log and its node's keys; and the body and hash of a put. */
enum ep_status node_open(struct ep_log **log, struct ep_keys *pair, int node, struct ep_error *err);
struct ep_text node_track_id(int track);
enum ep_status node_body(struct ep_buffer *body, struct ep_hash *hash, int track,
                         uint16_t contents);

/* ---- what is seen ---- */

enum ep_status node_look(struct node_view *view, int node);
/* EP_CORRUPT  something is found wrong. */
enum ep_status node_verify(int node);
/* Which revision a node has of each track; zeros where there is none. */
enum ep_status node_revisions(uint8_t revisions[TRACKS][16], int node);
/* How many changes of a slave the feed has not confirmed, and the master has not refused. */
enum ep_status node_pending(uint64_t *count, int node);
/* Whether all packets that a folder's feed.json names are there, as it says; it need not have one.
 * EP_CORRUPT  they are not. */
enum ep_status node_feed_whole(const char *folder);
/* Bytes of all files of a node. */
uint64_t node_bytes(int node);

#endif
