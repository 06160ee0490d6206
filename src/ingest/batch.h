/* batch.h - a piece of input on its way into the log: what it holds, made ready side by side
 *
 *     reader (one thread) -> block of rows, songs or a packet
 *         -> tracks ready to be put (many threads) -> log
 */
#ifndef EP_INGEST_BATCH_H
#define EP_INGEST_BATCH_H

#include "base/arena.h"
#include "base/buffer.h"
#include "code/cut.h"
#include "code/pairs.h"
#include "code/stored/codes.h"
#include "format/codegen_json.h"
#include "format/csv.h"
#include "format/packet.h"
#include "ingest/sounds.h"
#include "sound/audio.h"
#include "store/log.h"

/* Where a row was in the input. */
struct ep_origin {
	uint64_t number; /* of the row or object in its file, from 1 */
	struct ep_text raw; /* its bytes there */
};

/* Rows of one track, as ep_log_put takes them; or a state that a packet carries. */
struct ep_ready {
	bool offered; /* of a packet: the next three are set */
	enum ep_operation operation;
	int64_t import_date;
	struct ep_history history; /* parties are the packet's; lists in the batch's arena */
	struct ep_track track;
	size_t body_at; /* in the batch's bodies */
	size_t body_size;
	struct ep_hash hash;
	bool whole;
	struct ep_origin *origins; /* of all its rows, repeated ones too */
	size_t origin_count;
	/* Rows whose document comes again in the same group, where only the last one counts. */
	uint64_t repeated_same;
	uint64_t repeated_changed;
};

struct ep_refused {
	struct ep_origin origin;
	uint64_t documents; /* that it stands for */
	char reason[240];
};

struct ep_batch {
	/* The reader fills one of these. */
	struct ep_csv_block rows;
	struct ep_codegen_block songs;
	struct ep_packet_block packet;
	struct ep_sound_file sound;
	struct ep_sound_mark mark; /* what the log knows of it */

	/* A worker fills the rest. */
	struct ep_ready *ready;
	size_t ready_count;
	size_t ready_capacity;
	struct ep_refused *refused;
	size_t refused_count;
	size_t refused_capacity;
	struct ep_buffer bodies;
	struct ep_arena arena;
	uint64_t without_codes; /* songs that hold no pairs, and so no documents */
	uint64_t passed_over; /* objects that are no songs */
	uint64_t no_sound; /* files without audio */
	bool unknown; /* the file was given, and is neither sound nor JSON */
};

/* Scratch memory of one worker. A zeroed struct is empty. */
struct ep_batch_scratch {
	struct ep_codes_coder *coder;
	struct ep_pairs pairs;
	struct ep_cut cut;
	struct ep_decoded decoded;
	struct ep_arena arena; /* of the song at hand */
	struct ep_audio *audio; /* NULL before the first audio file */
	struct ep_recording recording;
};

/* Where the id of an audio file's track comes from. */
enum ep_id_from {
	EP_ID_MADE, /* by chance and clock, as the original makes it */
	EP_ID_FROM_PATH, /* from the absolute path: "TR" and 32 digits of its SHA-256 */
	EP_ID_FROM_HASH /* the same from what the file holds */
};

struct ep_batch_options {
	bool trusted; /* the sender of a packet is */
	int64_t now_ms; /* since 1970; goes into ids that are made */
	enum ep_id_from id_from;
	const atomic_bool *stop; /* ends the decoding of a file; may be NULL */
	const char *decoder; /* ep_sound_open */
};

void ep_batch_free(struct ep_batch *batch);
void ep_batch_scratch_free(struct ep_batch_scratch *scratch);

/* Whether what was read is so much that it is to be in memory alone: a row may have 64 MB. */
bool ep_batch_is_large(const struct ep_batch *batch);

/* Gives back the memory that a large batch took. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_batch_scratch_shrink(struct ep_batch_scratch *scratch,
                                                   struct ep_error *err);

/* Empties all that a worker fills. */
void ep_batch_reset(struct ep_batch *batch);

/* Makes the tracks of batch->rows ready; what cannot be is refused, with the reason. EP_NO_MEMORY.
 */
EP_MUST_USE enum ep_status ep_batch_rows(struct ep_batch *batch, struct ep_batch_scratch *scratch,
                                         struct ep_error *err);

/* The same for batch->songs. now_ms (since 1970) goes into ids that are made. */
EP_MUST_USE enum ep_status ep_batch_songs(struct ep_batch *batch, struct ep_batch_scratch *scratch,
                                          int64_t now_ms, struct ep_error *err);

/* The same for batch->packet, of a packet with this header. Every contents hash is checked against
 * the documents; or, of a sender that is trusted, that of one entry in EP_PACKET_SAMPLE.
 * EP_CORRUPT: the block is damaged. */
#define EP_PACKET_SAMPLE 16
EP_MUST_USE enum ep_status ep_batch_packet(struct ep_batch *batch, struct ep_batch_scratch *scratch,
                                           const struct ep_packet_header *header, bool trusted,
                                           struct ep_error *err);

/* The same for batch->sound: one file, whose track is ready behind it, or that is refused, has no
 * sound, no codes, or is unchanged (batch->mark). Callable from many threads, with a decoder in
 * each scratch. EP_INTERRUPTED, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_batch_sound(struct ep_batch *batch, struct ep_batch_scratch *scratch,
                                          const struct ep_batch_options *options,
                                          struct ep_error *err);

/* Whether two rows belong to one track, so that they should come in one batch. */
bool ep_rows_together(void *context, const struct ep_csv_row *previous,
                      const struct ep_csv_row *next);

/* ---- for those who fill batches ---- */

/* Adds an item; NULL when there is no memory. */
struct ep_ready *ep_batch_add_ready(struct ep_batch *batch);

/* Refuses documents of one origin, with a reason as for ep_fail. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_batch_refuse(struct ep_batch *batch, struct ep_origin origin,
                                           uint64_t documents, struct ep_error *err,
                                           const char *fmt, ...) EP_PRINTF(5, 6);

/* Puts what was refused into the order of the input. */
void ep_batch_sort_refused(struct ep_batch *batch);

/* Makes one song ready: its metadata, and its pairs, whose order is changed. EP_BAD_INPUT with the
 * reason where it is to be refused; EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_batch_song(struct ep_batch *batch, const struct ep_codegen_song *song,
                                         struct ep_pairs *pairs, struct ep_origin origin,
                                         struct ep_batch_scratch *scratch, int64_t now_ms,
                                         struct ep_error *err);

/* Encodes ready->track (in order, no document twice) into the bodies. usage may be NULL. The hash
 * is not made here: the caller may have many to make. EP_NO_MEMORY, EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_batch_encode(struct ep_batch *batch, struct ep_ready *ready,
                                           struct ep_codes_usage *usage,
                                           struct ep_batch_scratch *scratch, struct ep_error *err);

/* Whether an id may be that of a document; EP_BAD_INPUT with the reason, where it may not. */
EP_MUST_USE enum ep_status ep_check_id(struct ep_text id, struct ep_error *err);

/* Reads a length: a number of seconds, of which decimals are cut off, as the original rounds them
 * down. EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_check_length(struct ep_text *length, struct ep_text field,
                                           struct ep_error *err);

/* Whether a text of a row is UTF-8 without NUL and not too long; name is that of its column.
 * EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_check_text(struct ep_text text, const char *name,
                                         struct ep_error *err);

#endif
