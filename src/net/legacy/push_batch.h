/* push_batch.h - changes of the log on their way to the servers of 2011: some entries in order */
#ifndef EP_NET_LEGACY_PUSH_BATCH_H
#define EP_NET_LEGACY_PUSH_BATCH_H

#include "net/legacy/old_solr.h"
#include "net/legacy/old_xml.h"
#include "net/legacy/tyrant.h"
#include "store/log.h"

/* A document to be sent, unless the servers have it. */
struct ep_push_row {
	struct ep_old_row_out out;
	bool same; /* Solr has its texts; then, Tokyo Tyrant its codes */
};

/* Documents of a track that are to go: those of segment `from` and above. */
struct ep_push_gone {
	struct ep_text track;
	uint32_t from;
	uint32_t count; /* documents that the track had, where all go; else 0 */
};

/* What is left out, and who is told of it; as of ep_legacy_push_options. */
struct ep_push_filter {
	bool ascii;
	void (*on_document)(void *context, struct ep_text id, const char *what);
	void *context;
};

/* A zeroed struct is an empty one; all texts are in the arena. */
struct ep_push_batch {
	struct ep_push_row *rows;
	size_t count;
	size_t capacity;
	struct ep_push_gone *gone;
	size_t gone_count;
	size_t gone_capacity;
	struct ep_arena arena;
	size_t size; /* bytes of texts */
	uint64_t left_out; /* documents */
	uint64_t position; /* of the last entry */
	/* Scratch memory. */
	struct ep_decoded decoded;
	struct ep_pairs pairs;
	struct ep_codes_coder *coder;
	struct ep_source_info *sources;
	size_t source_count;
};
void ep_push_batch_free(struct ep_push_batch *batch);

/* Fills batch with the next entries behind a position, in place of what it held; *end where there
 * are none. What the servers cannot take is told, and left out. EP_CORRUPT, EP_NEWER, EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_push_batch_collect(struct ep_push_batch *batch, bool *end,
                                                 const struct ep_log_read *read, uint64_t after,
                                                 const struct ep_push_filter *filter,
                                                 struct ep_error *err);

#endif
