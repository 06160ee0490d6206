/* learn.h - what streams played at least twice, and nobody has ingested, as a track
 *
 *     track id  "unknown_" and 32 hex digits of the hash of its codes; without "-", behind which
 *               the number of a document would begin
 *     artist, release  empty
 *     track     "STREAM, MOMENT": where and when it was heard first
 */
#ifndef EP_NODE_LEARN_H
#define EP_NODE_LEARN_H

#include "code/pairs.h"
#include "node/query_service.h"

#define EP_LEARNT_ID_SIZE 48

struct ep_learn {
	struct ep_node *node; /* open for writing; borrowed, as what follows */
	struct ep_query_service *queries; /* of it */
	struct ep_text stream; /* that played it first */
	int64_t first_ms; /* and when, since 1970 */
	uint32_t seconds; /* how long it is */
	bool may_loop; /* it may be from one piece of music: loops are not learnt */
	struct ep_pairs *pairs; /* of its codes, from time 0 on; they are sorted */
};

/* What became of it. */
struct ep_learnt {
	char id[EP_LEARNT_ID_SIZE]; /* of the new track, with NUL; empty: it is not learnt */
	struct ep_answer known; /* a match: the database has it, as most of its middle is */
};

/* Puts the track, and waits some seconds until it can be found. It is not learnt if the database
 * has it, or if it says too little: it has too few codes, or is a loop.
 *
 * texts  has the texts of learnt->known.
 * EP_NO_SPACE, EP_IO, EP_CORRUPT, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_learn_track(struct ep_learnt *learnt, struct ep_arena *texts,
                                          const struct ep_learn *learn, struct ep_error *err);

#endif
