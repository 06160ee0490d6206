/* log.h - the commit-ordered log of a node, which is its database
 *
 * Every change gets the next position, in the transaction that commits it; positions have no gaps.
 * A track has one entry, at the position of its latest change; a deleted track leaves a tombstone.
 * What follows the log keeps a watermark among the named values.
 *
 * One data folder is one LMDB environment. Any number of processes may read while one writes; each
 * writer waits for the one before. A reader sees the log as it was when it began.
 */
#ifndef EP_STORE_LOG_H
#define EP_STORE_LOG_H

#include "store/digest.h"
#include "store/entry.h"

/* Sources by number; others are numbered from 3 as they come. */
enum { EP_SOURCE_ANY = 0, EP_SOURCE_LOCAL = 1, EP_SOURCE_MASTER = 2 };
#define EP_SOURCE_NAME_MAX 64

/* Bytes of the random number that tells one node from all others: the named value "id". */
#define EP_NODE_ID_SIZE 8

struct ep_log;
struct ep_log_read;
struct ep_log_write;
struct ep_log_cursor;

enum ep_log_mode {
	EP_LOG_READ, /* EP_NOT_FOUND where there is no data folder */
	EP_LOG_WRITE, /* the same, and may write */
	EP_LOG_MAKE /* may write, and makes the data folder where there is none */
};

/* Opens the log in folder.
 *
 * EP_NOT_FOUND  no data folder is there. EP_NEWER  of a later version. EP_CORRUPT  damaged.
 * EP_IO, EP_NO_SPACE, EP_NO_MEMORY
 * The environment variable ECHOPRINT_MAP_SIZE (bytes) makes the map smaller than 1 TiB. */
EP_MUST_USE enum ep_status ep_log_open(struct ep_log **out, const char *folder,
                                       enum ep_log_mode mode, struct ep_error *err);
void ep_log_close(struct ep_log *log);
EP_DEFINE_OWNED(struct ep_log, ep_log_close)

/* The folder that the log was opened in; valid as long as the log is open. */
const char *ep_log_folder(const struct ep_log *log);

/* Gives pages of the map back to the system, which reads them again when they are needed: call it
 * now and then in long work, so that what was read does not count as this process's memory. */
void ep_log_trim(struct ep_log *log);

/* ---- reading ---- */

/* Begins to read one snapshot; it may be used by any thread, by one at a time. EP_IO. */
EP_MUST_USE enum ep_status ep_log_read_begin(struct ep_log_read **out, struct ep_log *log,
                                             struct ep_error *err);
void ep_log_read_end(struct ep_log_read *read);
EP_DEFINE_OWNED(struct ep_log_read, ep_log_read_end)

/* Whether anything has been committed since the snapshot was begun. Pages that it has and the log
 * has not any more cannot be used again while it is read, so that a snapshot which is kept for long
 * must be begun anew, or the file grows with every transaction. */
bool ep_log_read_is_old(const struct ep_log_read *read);

/* Frees what readers held that were killed, as opening the log does: for who has it open for long.
 */
void ep_log_check_readers(struct ep_log *log);

struct ep_log_state {
	uint64_t position; /* of the latest change; 0 in a new log */
	uint64_t documents; /* in live tracks */
	uint64_t tracks;
	uint64_t tombstones;
	uint64_t conflicts; /* rows kept aside, counted as (source, track) */
	uint64_t copies; /* live tracks that are copies */
};
void ep_log_state(struct ep_log_state *state, const struct ep_log_read *read);

/* The state digest: over all live tracks. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_digest(struct ep_digest *digest, const struct ep_log_read *read,
                                         struct ep_error *err);

/* What a live track adds to the state digest: its contents hash; of a copy, BLAKE2b-256 of that and
 * the original's id. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_member(struct ep_hash *member, const struct ep_entry *entry,
                                         struct ep_error *err);

/* The entry of a track, or its tombstone. Borrowed: valid until the transaction ends, or, in one
 * that writes, until its next change. EP_NOT_FOUND, EP_CORRUPT, EP_NEWER. */
EP_MUST_USE enum ep_status ep_log_find(struct ep_entry *entry, const struct ep_log_read *read,
                                       struct ep_text track_id, struct ep_error *err);

/* The entry at a position, borrowed in the same way. EP_NOT_FOUND  the track that changed there has
 * changed again since. EP_CORRUPT, EP_NEWER. */
EP_MUST_USE enum ep_status ep_log_entry_at(struct ep_entry *entry, const struct ep_log_read *read,
                                           uint64_t position, struct ep_error *err);

/* A named value, borrowed as an entry is. EP_NOT_FOUND; EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_value(struct ep_text *value, const struct ep_log_read *read,
                                        const char *name, struct ep_error *err);

/* The same for a value that is a number; 0 where there is none. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_number(uint64_t *value, const struct ep_log_read *read,
                                         const char *name, struct ep_error *err);

struct ep_source_info {
	char name[EP_SOURCE_NAME_MAX + 1];
	uint32_t number;
	uint64_t tracks;
	uint64_t documents;
};

/* All sources, by number, in an array for free(). EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_sources(struct ep_source_info **sources, size_t *count,
                                          const struct ep_log_read *read, struct ep_error *err);

/* Whether name may name a source: 1 to 64 of A-Z a-z 0-9 . _ -; local and master are sources too.
 */
bool ep_source_name_ok(struct ep_text name);

/* Whether name may name a slave: as above, and neither local nor master. */
bool ep_slave_name_ok(struct ep_text name);

/* The ids of the live copies of a track, or of all copies where original is empty, in order of
 * original and copy: appended to ids, to be read with ep_log_copy_id. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_copies(struct ep_buffer *ids, size_t *count,
                                         const struct ep_log_read *read, struct ep_text original,
                                         struct ep_error *err);
struct ep_text ep_log_copy_id(const struct ep_buffer *ids, size_t i);

/* Goes through the entries behind the position `after`, in order, tombstones too; of one source, or
 * of all (EP_SOURCE_ANY). Those of one source are found without reading the others. EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_cursor_open(struct ep_log_cursor **out,
                                              const struct ep_log_read *read, uint64_t after,
                                              uint32_t source, struct ep_error *err);
void ep_log_cursor_close(struct ep_log_cursor *cursor);
EP_DEFINE_OWNED(struct ep_log_cursor, ep_log_cursor_close)

/* The next entry, borrowed from the snapshot; EP_NOT_FOUND at the end. EP_CORRUPT, EP_NEWER. */
EP_MUST_USE enum ep_status ep_log_cursor_next(struct ep_entry *entry, struct ep_log_cursor *cursor,
                                              struct ep_error *err);

/* ---- writing ---- */

/* Begins the one transaction that writes, waiting for that of another process. Nothing is kept
 * before it is committed. */
EP_MUST_USE enum ep_status ep_log_write_begin(struct ep_log_write **out, struct ep_log *log,
                                              struct ep_error *err);

/* Commits: on EP_OK everything survives power loss. The transaction is gone in any case: *write
 * becomes NULL. EP_NO_SPACE, EP_IO: the log is as before the transaction. */
EP_MUST_USE enum ep_status ep_log_commit(struct ep_log_write **write, struct ep_error *err);

/* Drops everything since ep_log_write_begin; accepts NULL. */
void ep_log_abort(struct ep_log_write *write);
EP_DEFINE_OWNED(struct ep_log_write, ep_log_abort)

/* The log as it is within the transaction. */
const struct ep_log_read *ep_log_inside(const struct ep_log_write *write);

/* The number of a source, which is made where it is new. EP_BAD_INPUT: no name of a source. */
EP_MUST_USE enum ep_status ep_log_source(uint32_t *number, struct ep_log_write *write,
                                         struct ep_text name, struct ep_error *err);

/* The number under which the log keeps up to where local changes have been sent to the master: a
 * local deletion above it is not undone by what the master says. */
#define EP_SENT_VALUE "watermark.slave-dump"

/* The same, as far as the master has acknowledged what was contributed over the feed. */
#define EP_ACKNOWLEDGED_VALUE "watermark.contribution"

/* The tag of a log, by which words are known: of the id of its node and its epoch; never 0. */
uint32_t ep_log_tag(const uint8_t id[EP_NODE_ID_SIZE], uint64_t epoch);

/* The tag of this log. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_own_tag(uint32_t *tag, const struct ep_log_read *read,
                                          struct ep_error *err);

/* When and in knowledge of what another node says something of a track. Zeros: nothing is known of
 * that, and what is said stands as if it were new. */
struct ep_said {
	struct ep_word word;
	uint64_t known; /* position of this log's last word about the track that that node knew */
	bool echo; /* it is that word, said again */
	bool in_order; /* it comes behind everything that node said before */
};

/* What came of the rows of a put. */
struct ep_put_counts {
	uint64_t added;
	uint64_t updated;
	uint64_t unchanged;
	uint64_t conflict;
};

struct ep_put {
	const struct ep_track *track; /* the rows, at least one */
	const void *body; /* ep_entry_put_body of them */
	size_t body_size;
	struct ep_hash hash; /* ep_track_hash of them */
	uint32_t source;
	int64_t import_date;
	bool whole; /* the rows are all of the track; else they join those that are there */
	bool overrules; /* the user's word: the source may change what it did not bring */
	bool states_link; /* the body says whether the track is a copy, or was released; else the
	                     rows alone are put, and a track whose rows change is no copy */
	struct ep_said said; /* of a packet */
};

/* Puts rows of one track; adds to counts.
 *
 * The same again changes nothing and takes no position; where it comes from the master, a local
 * track is marked as confirmed. A source changes only what it brought itself, except that the
 * master's word stands against anybody's; other changes are kept aside as conflicts. So is what a
 * source says that is older than its last word, or of a track that this node has deleted since the
 * source last knew this log; the master's older word is passed over as unchanged. EP_BAD_INPUT
 * the track would hold more than EP_TRACK_TEXT_MAX or EP_TRACK_DOCUMENTS_MAX. EP_NO_SPACE, EP_IO,
 * EP_CORRUPT, EP_NO_MEMORY: abort the transaction. */
EP_MUST_USE enum ep_status ep_log_put(struct ep_log_write *write, const struct ep_put *put,
                                      struct ep_put_counts *counts, struct ep_error *err);

/* Tells each of what is kept aside, by source and track: an entry with its source, whose position
 * is 0. EP_CORRUPT, or what each fails with. */
EP_MUST_USE enum ep_status ep_log_conflicts(const struct ep_log_read *read,
                                            enum ep_status (*each)(void *context,
                                                                   const struct ep_entry *entry,
                                                                   struct ep_error *err),
                                            void *context, struct ep_error *err);

/* Takes what is kept aside of a track, of all sources, out of there, and puts it where accepted.
 * EP_NOT_FOUND  nothing is. EP_BAD_INPUT as ep_log_put. */
EP_MUST_USE enum ep_status ep_log_settle_conflict(struct ep_put_counts *counts,
                                                  struct ep_log_write *write, struct ep_text track,
                                                  bool accepted, struct ep_error *err);

/* Links a live track to the one that it is a copy of, at the next position; copies that it had
 * become copies of that one too. link->original may be a copy itself: it is followed.
 * EP_NOT_FOUND  one of them is not there. EP_BAD_INPUT  they are one. */
EP_MUST_USE enum ep_status ep_log_link(struct ep_log_write *write, struct ep_text copy,
                                       const struct ep_link *link, struct ep_error *err);

/* Makes a copy a song of its own again, which no ingest links by itself. EP_NOT_FOUND  no copy. */
EP_MUST_USE enum ep_status ep_log_release(struct ep_log_write *write, struct ep_text copy,
                                          struct ep_error *err);

/* Deletes a track and leaves a tombstone; for a source, only what it brought itself, or the
 * master's word: EP_SOURCE_ANY is this node's user, who may delete all.
 *
 * said  of a packet, else NULL. A word older than the last is passed over; one about a track that
 *       is not there leaves a tombstone too, so that an older put does not bring it.
 * EP_NOT_FOUND  no such track, or it is deleted already, or changed since. EP_BAD_INPUT  it is
 *       another source's. */
EP_MUST_USE enum ep_status ep_log_delete(struct ep_log_write *write, struct ep_text track_id,
                                         uint32_t source, int64_t now, const struct ep_said *said,
                                         struct ep_error *err);

/* Sets a named value, or removes it (an absent one too). */
EP_MUST_USE enum ep_status ep_log_set_value(struct ep_log_write *write, const char *name,
                                            struct ep_text value, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_set_number(struct ep_log_write *write, const char *name,
                                             uint64_t value, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_remove_value(struct ep_log_write *write, const char *name,
                                               struct ep_error *err);

#endif
