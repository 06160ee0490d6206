/* plays.h - the log of plays: what streams played, and when they were not heard
 *
 *     the monitor -> changes, in transactions -> plays, gaps, events
 *                                                          |
 *                        followers, each with a watermark <-'   (webhook, what is printed)
 *
 * Each play stands in it once, and is known by its number. Its beginning and its end are events, in
 * the order in which they were committed: an event's position is given out without gaps. What was
 * committed survives a kill and a power cut. It is an LMDB environment of its own in the data
 * folder, so that who writes it never waits for an ingest. docs/formats/plays.md has the bytes.
 *
 * Moments are in milliseconds since 1970-01-01T00:00:00Z.
 */
#ifndef EP_PLAYS_PLAYS_H
#define EP_PLAYS_PLAYS_H

#include "base/text.h"
#include "store/env_compact.h"
#include "store/env_copy.h"
#include "store/env_pages.h"

/* Its folder in the data folder. */
#define EP_PLAYS_FOLDER "plays"

/* What the name of a stream may have, in bytes. It is UTF-8 without control characters. */
#define EP_STREAM_NAME_MAX 255

/* A track that a stream played. Texts that were read are good until the snapshot ends. */
struct ep_logged_play {
	uint64_t number; /* from 1, in the order of recognition */
	uint32_t stream; /* its number */
	bool ended; /* else it is under way */
	int64_t start_ms; /* when it began to be heard */
	int64_t end_ms; /* until when it was heard */
	int32_t offset_ms; /* where in the track it was at the start */
	uint32_t score;
	struct ep_text track_id;
	struct ep_text artist;
	struct ep_text release;
	struct ep_text track;
	struct ep_text fields; /* of the track, as bytes (ep_fields_write); empty: none */
};

/* A time in which a stream was not heard. */
struct ep_gap {
	uint64_t number; /* from 1 */
	uint32_t stream;
	bool ended; /* else it is not heard yet */
	int64_t start_ms;
	int64_t end_ms; /* where it has ended */
	struct ep_text reason; /* in words for the user */
};

/* What the log knows of a stream. */
struct ep_logged_stream {
	uint32_t number; /* from 1 */
	struct ep_text name;
	struct ep_text tags; /* what its user says of it: a JSON object, or nothing */
	uint64_t play; /* that is under way; 0: none */
	uint64_t gap; /* the same */
	int64_t heard_ms; /* until when it was heard; 0: never */
};

enum ep_play_event_kind { EP_PLAY_BEGUN = 1, EP_PLAY_ENDED = 2 };

struct ep_play_event {
	uint64_t position; /* from 1, without gaps */
	enum ep_play_event_kind kind;
	uint64_t play; /* its number */
};

struct ep_plays;

/* Opens the log of a data folder.
 *
 * map_size  of its map, in bytes, which it cannot outgrow; 0: 64 GiB.
 * make  for writing, and makes it where it is absent. EP_NOT_FOUND  there is none. EP_NEWER,
 * EP_CORRUPT, EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_plays_open(struct ep_plays **out, const char *data_folder, bool make,
                                         size_t map_size, struct ep_error *err);

/* Closes it; its snapshots and transactions must have ended. Accepts NULL. */
void ep_plays_close(struct ep_plays *plays);
EP_DEFINE_OWNED(struct ep_plays, ep_plays_close)

/* Frees what readers held that were killed. */
void ep_plays_check_readers(struct ep_plays *plays);

/* Begins a copy of the log as it is now. As ep_env_copy_open. */
EP_MUST_USE enum ep_status ep_plays_copy_open(struct ep_env_copy **out, struct ep_plays *plays,
                                              struct ep_error *err);

/* Its pages as they are now. As ep_env_pages_open. */
EP_MUST_USE enum ep_status ep_plays_pages_open(struct ep_env_pages **out, struct ep_plays *plays,
                                               struct ep_error *err);

/* As ep_env_take_alone and ep_env_compact. The copy is compared by its id and position. */
EP_MUST_USE enum ep_status ep_plays_take_alone(struct ep_plays *plays, struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_compact(struct ep_compacted *compacted, struct ep_plays *plays,
                                            struct ep_error *err);

/* ---- reading ---- */

/* A snapshot; a thread's own. */
struct ep_plays_read;
EP_MUST_USE enum ep_status ep_plays_read_begin(struct ep_plays_read **out, struct ep_plays *plays,
                                               struct ep_error *err);
void ep_plays_read_end(struct ep_plays_read *read);
EP_DEFINE_OWNED(struct ep_plays_read, ep_plays_read_end)

/* The random number by which this log is told from all others, as 16 hex digits. EP_CORRUPT. */
#define EP_PLAYS_ID_TEXT 17
EP_MUST_USE enum ep_status ep_plays_id(char id[EP_PLAYS_ID_TEXT], const struct ep_plays_read *read,
                                       struct ep_error *err);

/* EP_NOT_FOUND  there is none of that number, or name. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_plays_play(struct ep_logged_play *play,
                                         const struct ep_plays_read *read, uint64_t number,
                                         struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_gap(struct ep_gap *gap, const struct ep_plays_read *read,
                                        uint64_t number, struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_stream(struct ep_logged_stream *stream,
                                           const struct ep_plays_read *read, uint32_t number,
                                           struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_stream_named(struct ep_logged_stream *stream,
                                                 const struct ep_plays_read *read,
                                                 struct ep_text name, struct ep_error *err);

/* Tells all streams there ever were, by number. */
typedef enum ep_status ep_stream_sink(void *context, const struct ep_logged_stream *stream,
                                      struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_each_stream(const struct ep_plays_read *read,
                                                ep_stream_sink *sink, void *context,
                                                struct ep_error *err);

/* Which plays, or gaps. */
struct ep_plays_range {
	int64_t from_ms; /* that began at this moment or later */
	int64_t to_ms; /* and before this one */
	uint32_t stream; /* of this stream; 0: of all */
	uint64_t after; /* of those that began at from_ms itself: behind this number; 0: all */
	uint64_t most; /* the first so many; 0: all */
};

/* Told one; what it fails with ends the walk. */
typedef enum ep_status ep_play_sink(void *context, const struct ep_logged_play *play,
                                    struct ep_error *err);
typedef enum ep_status ep_gap_sink(void *context, const struct ep_gap *gap, struct ep_error *err);

/* Tells the plays, or gaps, of a range in the order in which they began. EP_CORRUPT, and what sink
 * fails with. */
EP_MUST_USE enum ep_status ep_plays_each_play(const struct ep_plays_read *read,
                                              const struct ep_plays_range *range,
                                              ep_play_sink *sink, void *context,
                                              struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_each_gap(const struct ep_plays_read *read,
                                             const struct ep_plays_range *range, ep_gap_sink *sink,
                                             void *context, struct ep_error *err);

/* ---- followers ---- */

/* The event behind a position. EP_NOT_FOUND  there is none yet. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_plays_next_event(struct ep_play_event *event,
                                               const struct ep_plays_read *read, uint64_t after,
                                               struct ep_error *err);

/* The position of the last event; 0: there is none. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_plays_position(uint64_t *position, const struct ep_plays_read *read,
                                             struct ep_error *err);

/* The watermark of a follower. EP_NOT_FOUND  it has none. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_plays_watermark(uint64_t *position, const struct ep_plays_read *read,
                                              const char *follower, struct ep_error *err);

/* ---- writing ---- */

/* The transaction that writes; a thread's own. Without a commit nothing of it stays. */
struct ep_plays_write;
EP_MUST_USE enum ep_status ep_plays_write_begin(struct ep_plays_write **out, struct ep_plays *plays,
                                                struct ep_error *err);

/* What was written so far, and before. Good until the next change. */
const struct ep_plays_read *ep_plays_inside(const struct ep_plays_write *write);

/* Makes all changes durable. The transaction has ended, also where that fails. EP_NO_SPACE, EP_IO.
 */
EP_MUST_USE enum ep_status ep_plays_commit(struct ep_plays_write *write, struct ep_error *err);

/* Ends it without. Accepts NULL. */
void ep_plays_abort(struct ep_plays_write *write);
EP_DEFINE_OWNED(struct ep_plays_write, ep_plays_abort)

/* Gives the number of a stream, which it gets now where it has none, and notes its tags. All of
 * these fail with EP_NO_SPACE, EP_IO, EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_plays_add_stream(uint32_t *number, struct ep_plays_write *write,
                                               struct ep_text name, struct ep_text tags,
                                               struct ep_error *err);

/* Notes a play of play->stream, until play->end_ms for now; number and ended are not read. One that
 * is under way there ends first, when it was last heard. */
EP_MUST_USE enum ep_status ep_plays_begin(struct ep_plays_write *write,
                                          const struct ep_logged_play *play, struct ep_error *err);

/* Notes a play that was found when it had ended, with both events. What is under way there goes on.
 */
EP_MUST_USE enum ep_status ep_plays_add(struct ep_plays_write *write,
                                        const struct ep_logged_play *play, struct ep_error *err);

/* Notes that the stream's play was heard until then, or that it has ended then. A moment before the
 * one that is noted changes nothing where it goes on, and is the end where it ends. Nothing, where
 * none is under way. */
EP_MUST_USE enum ep_status ep_plays_hear(struct ep_plays_write *write, uint32_t stream,
                                         int64_t end_ms, struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_end(struct ep_plays_write *write, uint32_t stream,
                                        int64_t end_ms, struct ep_error *err);

/* Notes that the stream was heard until then. */
EP_MUST_USE enum ep_status ep_plays_heard(struct ep_plays_write *write, uint32_t stream,
                                          int64_t heard_ms, struct ep_error *err);

/* Notes that the stream is not heard from start_ms on: nothing, where a gap is under way; and that
 * it is heard again: nothing, where none is. A gap that ends where it began is taken back. */
EP_MUST_USE enum ep_status ep_plays_lose(struct ep_plays_write *write, uint32_t stream,
                                         int64_t start_ms, struct ep_text reason,
                                         struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_regain(struct ep_plays_write *write, uint32_t stream,
                                           int64_t end_ms, struct ep_error *err);

/* Moves the watermark of a follower, or takes it away. */
EP_MUST_USE enum ep_status ep_plays_move(struct ep_plays_write *write, const char *follower,
                                         uint64_t position, struct ep_error *err);
EP_MUST_USE enum ep_status ep_plays_forget(struct ep_plays_write *write, const char *follower,
                                           struct ep_error *err);

#endif
