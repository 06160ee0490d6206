/* take.h - files into a node: one after the other, and then the index and copies */
#ifndef EP_NODE_TAKE_H
#define EP_NODE_TAKE_H

#include "dedup/copies.h"
#include "ingest/ingest.h"
#include "match/find_copy.h"
#include "node/node.h"

struct ep_take_options {
	const struct ep_ingest_options *ingest;
	const char *
		*paths; /* "-" is standard input; songs may also be in audio files and folders */
	size_t count;
	const struct ep_input_from *input; /* instead of paths; may be NULL */
	/* How copies of these tracks are looked for, whoever does it; EP_DEDUP_BY_ROLE: nobody
	 * said. */
	enum ep_dedup how;
	bool no_index; /* the node is not settled: who needs index and links does it later */
	/* Told at once what is wrong with a file; those behind it may follow. */
	void (*on_failed)(void *context, enum ep_status status, const char *text);
	void *context;
};

/* Ingests all files, as long as a failure is one of its file alone, and settles the node
 * (settle.h) where there was none, and it is no dry run and not left for later.
 *
 * report    starts zeroed; what was ingested, in which duplicate counts the documents of copies
 *           that were linked. position  of the log then; as it was where the log cannot be read.
 * The first failure is the result; as ep_ingest_file, ep_ingest_sounds and ep_node_settle. */
EP_MUST_USE enum ep_status ep_node_take(struct ep_ingest_report *report, uint64_t *position,
                                        struct ep_node *node, const struct ep_take_options *options,
                                        struct ep_error *err);

/* Counts documents that were new, or changed, and then linked as copies, as that: *duplicate
 * becomes their number, and counts loses them. */
void ep_node_count_copies(uint64_t *duplicate, struct ep_put_counts *counts,
                          const struct ep_copies_report *copies);

#endif
