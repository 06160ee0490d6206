/* old_fetch.h - documents with their codes from the two servers of 2011, a piece at a time */
#ifndef EP_NET_LEGACY_OLD_FETCH_H
#define EP_NET_LEGACY_OLD_FETCH_H

#include "ingest/batch.h"
#include "net/legacy/old_walk.h"
#include "net/legacy/tyrant.h"

/* A document with its codes. */
struct ep_old_row {
	struct ep_old_document document;
	struct ep_text source; /* by its name here */
	int64_t import_date;
	struct ep_text codes;
	const char *fault; /* why it cannot be a row; NULL: it can */
	bool no_codes; /* the fault is that Tokyo Tyrant has none */
};

/* Some of them, in the order of the walk, of as many tracks as fit. Neighbours of one track have
 * one source and one date. All texts are the piece's. A zeroed struct is an empty one. */
struct ep_old_piece {
	struct ep_old_row *rows;
	size_t count;
	size_t capacity;
	uint64_t known; /* documents that were passed over: the log has them */
	uint64_t done; /* documents of the walk so far */
	uint64_t all; /* and all that there are */
	size_t size; /* bytes of codes */
	struct ep_arena arena;
	struct ep_batch batch; /* what comes of the rows: for those who ingest them */
};
void ep_old_piece_free(struct ep_old_piece *piece);

struct ep_old_fetch_options {
	struct ep_old_solr *solr; /* all is borrowed */
	struct ep_tyrant *tyrant;
	/* The source of documents whose source has a name that cannot be one here; NULL: these
	 * are at fault. */
	const char *other_source;
	int64_t now; /* the date of documents that have none */
	/* Documents that this log has with the same texts, source and date are passed over without
	 * reading their codes; NULL: none are. */
	struct ep_log *known_in;
};

struct ep_old_fetch;

/* Begins; options is copied. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_fetch_new(struct ep_old_fetch **out,
                                            const struct ep_old_fetch_options *options,
                                            struct ep_error *err);
void ep_old_fetch_free(struct ep_old_fetch *fetch);
EP_DEFINE_OWNED(struct ep_old_fetch, ep_old_fetch_free)

/* Fills piece with the next documents, in place of what it held; or sets *end. As
 * ep_old_walk_next and ep_tyrant_get; EP_CORRUPT and EP_IO also of the log. */
EP_MUST_USE enum ep_status ep_old_fetch_next(struct ep_old_piece *piece, bool *end,
                                             struct ep_old_fetch *fetch, struct ep_error *err);

/* The walk, which has seen all ids when the end has come; the fetch's. */
const struct ep_old_walk *ep_old_fetch_walk(const struct ep_old_fetch *fetch);

#endif
