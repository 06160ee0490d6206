/* What the parts of ingest know of each other: the stage that puts, and what packets need of it. */
#ifndef EP_INGEST_INGEST_INTERNAL_H
#define EP_INGEST_INGEST_INTERNAL_H

#include "ingest/batch_reader.h"
#include "ingest/ingest.h"
#include "ingest/input.h"

#include <stdatomic.h>

/* A transaction is committed when it holds so many bytes, or is so old when nothing comes. */
#define EP_INGEST_COMMIT_BYTES ((size_t)16 << 20)
#define EP_INGEST_COMMIT_IDLE_MS 300

struct ep_ingest {
	struct ep_log *log;
	const struct ep_ingest_options *options;
	struct ep_ingest_report *report;
	unsigned workers;
	struct ep_batch_scratch *scratch; /* one a worker */

	/* The file at hand. */
	struct ep_input *input; /* NULL while audio files come */
	struct ep_batch_reader *reader;
	int64_t now_ms;
	uint64_t rejected_here;
	atomic_bool stop; /* the reader is to stop: a later stage failed */

	/* The stage that puts. */
	struct ep_log_write *write; /* NULL while nothing is to be committed */
	bool broken; /* a put failed half way: not to be committed */
	uint32_t source;
	bool checking; /* the file is only looked at */
	bool checked; /* it was */
	uint64_t *bad; /* positions of a packet that were refused then, ascending */
	size_t bad_count;
	/* Of a packet: parties as they are numbered in the transaction. */
	uint32_t *parties; /* by place in the packet's header */
	uint32_t sender;
	bool has_feed; /* a packet of the master came by hand to a node that follows a feed */
	size_t uncommitted;
	uint64_t unpacked; /* bytes of packets */
	double begun; /* when the transaction was */
	uint64_t after; /* position of the log then */
	size_t untrimmed;
	struct ep_ingest_report pending; /* of the transaction at hand */
	double shown;
};

/* ---- ingest_commit.c: transactions ---- */

/* Begins a transaction, where none is open. */
EP_MUST_USE enum ep_status ep_ingest_begin(struct ep_ingest *ingest, struct ep_error *err);

/* Commits what was put, and adds what is pending to the report. */
EP_MUST_USE enum ep_status ep_ingest_commit(struct ep_ingest *ingest, struct ep_error *err);

/* Whether what is read now is to be kept whole or not at all; an audio file always is. */
bool ep_ingest_is_strict(const struct ep_ingest *ingest);

/* Whether nothing is committed before the end of a file. */
bool ep_ingest_is_one(const struct ep_ingest *ingest);

/* ---- ingest_tell.c: what all of them need ---- */

/* Tells what came of an entry of a packet. */
EP_MUST_USE enum ep_status ep_ingest_tell(struct ep_ingest *ingest, uint64_t position,
                                          struct ep_text id, enum ep_outcome outcome,
                                          const char *detail, struct ep_error *err);

/* A packet carries import dates; everything else is of this ingest. */
int64_t ep_ingest_date(const struct ep_ingest *ingest, const struct ep_ready *ready);

/* ---- ingest_put.c: what a batch brings ---- */

/* Puts the tracks of a batch, or only notes what is refused while the file is looked at. */
EP_MUST_USE enum ep_status ep_ingest_put(struct ep_ingest *ingest, struct ep_batch *batch,
                                         struct ep_error *err);

/* ---- ingest_packet.c: what packets need ---- */

/* Refuses a slave's own tracks as a word of the master. */
EP_MUST_USE enum ep_status ep_ingest_check_sender(const struct ep_ingest *ingest,
                                                  struct ep_error *err);

/* Finds who a packet speaks of, in the transaction at hand. */
EP_MUST_USE enum ep_status ep_ingest_map_parties(struct ep_ingest *ingest, struct ep_error *err);

/* Offers an entry of a packet to the log. EP_BAD_INPUT  it is refused, with the reason. */
EP_MUST_USE enum ep_status ep_ingest_offer(struct ep_ingest *ingest, const struct ep_batch *batch,
                                           struct ep_ready *ready, struct ep_error *err);

/* Notes what was refused of a file that is only looked at; whether an entry was. */
EP_MUST_USE enum ep_status ep_ingest_note_bad(struct ep_ingest *ingest, struct ep_batch *batch,
                                              struct ep_error *err);
bool ep_ingest_is_bad(const struct ep_ingest *ingest, uint64_t position);

#endif
