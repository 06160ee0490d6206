/* heard_internal.h - what the files of heard.h share; of no use elsewhere
 *
 *     heard.c         what is kept
 *     heard_before.c  what was heard before
 */
#ifndef EP_NODE_HEARD_INTERNAL_H
#define EP_NODE_HEARD_INTERNAL_H

#include "index/collect.h"
#include "index/search.h"
#include "ingest/sounds.h"
#include "match/evidence.h"
#include "node/heard.h"
#include "node/node.h"

/* Hex digits of the hash of a stream's name, and NUL. */
#define EP_HEARD_HASH 17

/* Where the pieces of a stream go. */
struct ep_heard_stream {
	char hash[EP_HEARD_HASH];
	int64_t newest_ms;
	uint32_t next; /* the place of the next one */
};

struct ep_heard {
	char *folder;
	struct ep_node *node;
	struct ep_index *index; /* as of the last piece that was kept */
	unsigned tail; /* pieces that its files do not have, about */
	struct ep_heard_stream *streams;
	size_t stream_count;

	struct ep_codes_coder *coder; /* and scratch memory from here on */
	struct ep_searcher *searcher;
	struct ep_weigher *weigher;
	struct ep_sketcher *sketcher;
	struct ep_decoded decoded;
	struct ep_sketch piece;
	struct ep_sketch window;
	struct ep_sketch other;
	struct ep_probe probe;
};

/* What the metadata of a kept piece says; texts are of the entry. */
struct ep_heard_track {
	struct ep_text stream;
	int64_t stretch_ms;
	int64_t begin_ms;
};
EP_MUST_USE enum ep_status ep_heard_read(struct ep_heard_track *track, struct ep_decoded *decoded,
                                         const struct ep_entry *entry, struct ep_error *err);

#endif
