/* log.h - the commit-ordered log of a node, which is its database
 *
 * Every change gets the next position, in the transaction that commits it; positions have no gaps.
 * A track has one entry, at the position of its latest change; a deleted track leaves a tombstone.
 * What follows the log keeps a watermark among the named values.
 *
 * One data folder is one LMDB environment. Any number of processes may read while one writes; each
 * writer waits for the one before. A reader sees the log as it was when it began.
 *
 * One long header: other rooms see one log, and need not know which of the files log_*.c does what.
 */
#ifndef EP_STORE_LOG_H
#define EP_STORE_LOG_H

#include "store/digest.h"
#include "store/entry.h"
#include "store/env_compact.h"
#include "store/env_copy.h"
#include "store/env_pages.h"
#include "store/values.h"

/* Sources by number; others are numbered from 3 as they come. */
enum { EP_SOURCE_ANY = 0, EP_SOURCE_LOCAL = 1, EP_SOURCE_MASTER = 2 };
#define EP_SOURCE_NAME_MAX 64

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
 * Its map takes 1 TiB of addresses. */
EP_MUST_USE enum ep_status ep_log_open(struct ep_log **out, const char *folder,
                                       enum ep_log_mode mode, struct ep_error *err);

/* The same with a map of so many bytes, which the log cannot outgrow; 0: 1 TiB. */
EP_MUST_USE enum ep_status ep_log_open_within(struct ep_log **out, const char *folder,
                                              enum ep_log_mode mode, size_t map_size,
                                              struct ep_error *err);
void ep_log_close(struct ep_log *log);
EP_DEFINE_OWNED(struct ep_log, ep_log_close)

/* The folder that the log was opened in; valid as long as the log is open. */
const char *ep_log_folder(const struct ep_log *log);

/* Gives pages of the map back to the system, which reads them again when they are needed: call it
 * now and then in long work, so that what was read does not count as this process's memory. */
void ep_log_trim(struct ep_log *log);

/* Announces look-ups of single entries: from now on the system reads only the pages that they need.
 * Going through the whole log then reads it page by page, at some 60 MB/s, which is still more than
 * what reads entries can do with them. */
void ep_log_expect_lookups(struct ep_log *log);

/* Adds bytes that were read to *untrimmed, and trims, and begins again from 0, when they reach
 * `every`. */
#define EP_LOG_TRIM_BYTES ((size_t)16 << 20)
void ep_log_trim_after(struct ep_log *log, size_t *untrimmed, size_t bytes, size_t every);

/* What looking up a track adds besides its bytes: the system maps the pages around the one that is
 * needed, too. */
#define EP_LOG_TRIM_TRACK ((size_t)64 << 10)

/* ---- reading ---- */

/* Begins to read one snapshot; it may be used by any thread, by one at a time. EP_IO. */
EP_MUST_USE enum ep_status ep_log_read_begin(struct ep_log_read **out, struct ep_log *log,
                                             struct ep_error *err);
void ep_log_read_end(struct ep_log_read *read);
EP_DEFINE_OWNED(struct ep_log_read, ep_log_read_end)

/* Whether anything has been committed since the snapshot was begun. Pages of the snapshot that the
 * log no longer uses cannot be reused while it is read, so a snapshot that is kept for long must be
 * begun again, or the file grows with every transaction. */
bool ep_log_read_is_old(const struct ep_log_read *read);

/* Frees what killed readers held, as opening the log does: for a process that has it open for long.
 */
void ep_log_check_readers(struct ep_log *log);

struct ep_log_state {
	uint64_t position; /* of the latest change; 0 in a new log */
	uint64_t documents; /* in live tracks */
	uint64_t tracks;
	uint64_t tombstones;
	uint64_t links; /* to an original, in force or not */
	uint64_t conflicts; /* versions that were set aside */
};
void ep_log_state(struct ep_log_state *state, const struct ep_log_read *read);

/* The position alone, as it is now. EP_IO. */
EP_MUST_USE enum ep_status ep_log_position(uint64_t *position, struct ep_log *log,
                                           struct ep_error *err);

/* The state digest: over all live tracks and all links to an original. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_digest(struct ep_digest *digest, const struct ep_log_read *read,
                                         struct ep_error *err);

/* Whether an entry adds its hash to the state digest: live tracks and links to an original do.
 * EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_is_member(bool *is, const struct ep_entry *entry,
                                            struct ep_error *err);

/* The entry of a track, or its tombstone. Borrowed: valid until the transaction ends, or, in one
 * that writes, until its next change. EP_NOT_FOUND, EP_CORRUPT, EP_NEWER. */
EP_MUST_USE enum ep_status ep_log_find(struct ep_entry *entry, const struct ep_log_read *read,
                                       struct ep_text track_id, struct ep_error *err);

/* The link of a track, in force or not, borrowed in the same way. */
EP_MUST_USE enum ep_status ep_log_find_link(struct ep_entry *entry, const struct ep_log_read *read,
                                            struct ep_text copy, struct ep_error *err);

/* What the link of a live track, which is borrowed in *link, makes of it. A link is in force where
 * both are live and have the contents that it names, and the original's own link is not valid in
 * the same sense: one hop, and no circles. EP_CORRUPT. */
enum ep_link_state {
	EP_LINK_NONE, /* a song of its own */
	EP_LINK_IN_FORCE, /* a copy */
	EP_LINK_RELEASED, /* not to be linked again automatically with these contents */
	EP_LINK_VOID /* something has changed since, or is not there */
};
EP_MUST_USE enum ep_status ep_log_link_state(enum ep_link_state *state, struct ep_link *link,
                                             const struct ep_log_read *read,
                                             const struct ep_entry *track, struct ep_error *err);

/* Whether a live track is a copy: a link of it is in force. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_is_copy(bool *is, const struct ep_log_read *read,
                                          const struct ep_entry *track, struct ep_error *err);

/* The entry at a position, borrowed in the same way. EP_NOT_FOUND  the track that changed there has
 * changed again since. EP_CORRUPT, EP_NEWER. */
EP_MUST_USE enum ep_status ep_log_entry_at(struct ep_entry *entry, const struct ep_log_read *read,
                                           uint64_t position, struct ep_error *err);

/* A named value, borrowed as an entry is. EP_NOT_FOUND; EP_CORRUPT  also where every log has it. */
EP_MUST_USE enum ep_status ep_log_value(struct ep_bytes *value, const struct ep_log_read *read,
                                        const char *name, struct ep_error *err);

/* The same for a value that is a number; 0 where there is none. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_number(uint64_t *value, const struct ep_log_read *read,
                                         const char *name, struct ep_error *err);

/* Calls each with every named value whose name begins with front, in order: with the rest of its
 * name. What is borrowed is valid during the call. EP_IO, and what each fails with. */
EP_MUST_USE enum ep_status
ep_log_each_value(const struct ep_log_read *read, const char *front,
                  enum ep_status (*each)(void *context, struct ep_text rest, struct ep_bytes value,
                                         struct ep_error *err),
                  void *context, struct ep_error *err);

struct ep_source_info {
	char name[EP_SOURCE_NAME_MAX + 1];
	uint32_t number;
	uint64_t tracks;
	uint64_t documents;
	uint64_t tombstones;
	uint64_t bytes; /* of its entries in the log */
};

/* All sources, by number, in an array for free(). EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_sources(struct ep_source_info **sources, size_t *count,
                                          const struct ep_log_read *read, struct ep_error *err);

/* The name of one of them, by its number: in sources, or `otherwise`. */
const char *ep_source_name(const struct ep_source_info *sources, size_t count, uint32_t number,
                           const char *otherwise);

/* Whether name may name a source: 1 to 64 of A-Z a-z 0-9 . _ -; local and master are sources too.
 */
bool ep_source_name_ok(struct ep_text name);

/* Whether name may name a slave: as above, and neither local nor master. */
bool ep_slave_name_ok(struct ep_text name);

/* The ids of tracks with a link in force to a track, or of all copies where original is empty, in
 * order of original and copy: appended to ids, to be read with ep_log_copy_id. EP_IO, EP_CORRUPT,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_copies(struct ep_buffer *ids, size_t *count,
                                         const struct ep_log_read *read, struct ep_text original,
                                         struct ep_error *err);
/* The ids of tracks whose links may come into force, or become void, by a change of a track: those
 * with any link to it, and those with any link to these. Read as those of ep_log_copies, which it
 * fails as. */
EP_MUST_USE enum ep_status ep_log_dependents(struct ep_buffer *ids, size_t *count,
                                             const struct ep_log_read *read, struct ep_text track,
                                             struct ep_error *err);
struct ep_text ep_log_copy_id(const struct ep_buffer *ids, size_t i);

/* The parties of this log, in an array for free(). EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_parties(struct ep_party **list, uint32_t *count,
                                          const struct ep_log_read *read, struct ep_error *err);

/* Goes through the entries behind the position `after`, in order, tombstones and links too; of one
 * source, or of all (EP_SOURCE_ANY). Those of one source are found without reading the others.
 * EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_cursor_open(struct ep_log_cursor **out,
                                              const struct ep_log_read *read, uint64_t after,
                                              uint32_t source, struct ep_error *err);
void ep_log_cursor_close(struct ep_log_cursor *cursor);
EP_DEFINE_OWNED(struct ep_log_cursor, ep_log_cursor_close)

/* The next entry, borrowed from the snapshot; EP_NOT_FOUND at the end. EP_CORRUPT, EP_NEWER. */
EP_MUST_USE enum ep_status ep_log_cursor_next(struct ep_entry *entry, struct ep_log_cursor *cursor,
                                              struct ep_error *err);

/* Begins a copy of the log as it is now, and a snapshot of the same state: what can be read in
 * *read is what the copy holds. As ep_env_copy_open. EP_IO  also where others commit all the time.
 */
EP_MUST_USE enum ep_status ep_log_copy_open(struct ep_env_copy **out, struct ep_log_read **read,
                                            struct ep_log *log, struct ep_error *err);

/* The same for its pages. As ep_env_pages_open. */
EP_MUST_USE enum ep_status ep_log_pages_open(struct ep_env_pages **out, struct ep_log_read **read,
                                             struct ep_log *log, struct ep_error *err);

/* As ep_env_take_alone and ep_env_compact. The copy is compared by position, counts and digest. */
EP_MUST_USE enum ep_status ep_log_take_alone(struct ep_log *log, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_compact(struct ep_compacted *compacted, struct ep_log *log,
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

/* Who a source is from now on: its key, which changes with a join. What was of it before, and what
 * its CSV files brought, stays its own. EP_BAD_INPUT  the key is another source's. */
EP_MUST_USE enum ep_status ep_log_set_source_key(struct ep_log_write *write, uint32_t source,
                                                 const struct ep_key *key, struct ep_error *err);

/* The party that a source is; the party that has a key. Valid within the transaction; what is new
 * is kept only where something that is stored names it. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_source_party(uint32_t *party, struct ep_log_write *write,
                                               uint32_t source, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_key_party(uint32_t *party, struct ep_log_write *write,
                                            const struct ep_key *key, struct ep_error *err);

/* The parties of the log as they are within the transaction. */
struct ep_parties ep_log_parties_inside(const struct ep_log_write *write);

/* ---- marks: points of this log's history that were published ---- */

/* The hash of a mark: the front of the chain hash at its position. */
#define EP_LOG_MARK_SIZE 16

/* The hash of the mark at a position. EP_NOT_FOUND. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_mark(uint8_t hash[EP_LOG_MARK_SIZE],
                                       const struct ep_log_read *read, uint64_t position,
                                       struct ep_error *err);

/* The last mark at or below a position: *found is its position. EP_NOT_FOUND: none. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_mark_below(uint64_t *found, uint8_t hash[EP_LOG_MARK_SIZE],
                                             const struct ep_log_read *read, uint64_t position,
                                             struct ep_error *err);

/* What distinguishes the changes after `after`, up to `until`, from others with the same contents:
 * BLAKE2b-256 over the position and the seal of each that still stands, in order; zeros for a seal
 * that is not there. EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_hash_changes(struct ep_hash *hash, const struct ep_log_read *read,
                                               uint64_t after, uint64_t until,
                                               struct ep_error *err);

/* Whether there are any; whether the oldest have gone, or soon will. */
bool ep_log_has_marks(const struct ep_log_read *read);
bool ep_log_forgets_marks(const struct ep_log_read *read);

/* Adds a mark at a position above all others. The oldest go when there are a million. */
EP_MUST_USE enum ep_status ep_log_add_mark(struct ep_log_write *write, uint64_t position,
                                           const uint8_t hash[EP_LOG_MARK_SIZE],
                                           struct ep_error *err);

/* ---- what this node follows ---- */

/* The master of a slave, as far as its log has to know of it. */
struct ep_follows {
	bool any; /* false: a master, or on its own */
	struct ep_key key;
	uint64_t epoch; /* number of the epoch that was followed last; 0: none yet */
	uint64_t era; /* grows when this node starts again from a feed */
	uint64_t first_era; /* of this master, below all eras of its feed: what is of an earlier one
	                       was not sealed by it */
};

/* Begins to follow another master than before, or the first: all that is there is unconfirmed. */
void ep_follows_begin(struct ep_follows *follows, const struct ep_key *key);

EP_MUST_USE enum ep_status ep_log_follows(struct ep_follows *follows,
                                          const struct ep_log_read *read, struct ep_error *err);

/* Sets it. The first time, all that is in the log is unconfirmed from then on. */
EP_MUST_USE enum ep_status ep_log_set_follows(struct ep_log_write *write,
                                              const struct ep_follows *follows,
                                              struct ep_error *err);

/* The id of a log. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_log_node_id(uint8_t id[EP_NODE_ID_SIZE],
                                          const struct ep_log_read *read, struct ep_error *err);

/* The epoch of a log, which it tells those who follow it: a number, and a random tag that tells two
 * with one number apart. EP_CORRUPT. */
struct ep_epoch {
	uint64_t number;
	uint64_t tag;
};
EP_MUST_USE enum ep_status ep_log_epoch(struct ep_epoch *epoch, const struct ep_log_read *read,
                                        struct ep_error *err);

/* Whether this log is an older copy of what was published, as a slave has shown: nothing is put,
 * deleted, linked or taken (EP_DIVERGED) until a new epoch begins. The heads that were shown are
 * kept one after the other, each behind its size (16 bits). EP_NO_SPACE and so on. */
EP_MUST_USE enum ep_status ep_log_set_stale(struct ep_log_write *write, struct ep_bytes head,
                                            struct ep_error *err);

/* Begins a new epoch with a number above `above` and the log's own; the log is not stale then.
 * Tenures that began behind the position `known`, up to which this log is known to be what was
 * published before, are of the new epoch. Abort the transaction on failure. */
EP_MUST_USE enum ep_status ep_log_new_epoch(struct ep_epoch *epoch, struct ep_log_write *write,
                                            uint64_t above, uint64_t known, struct ep_error *err);

/* ---- changes of this node ---- */

/* What came of rows. */
struct ep_put_counts {
	uint64_t added;
	uint64_t updated;
	uint64_t unchanged;
	uint64_t conflict;
};

struct ep_put {
	const struct ep_track *track; /* the rows, at least one */
	struct ep_bytes body; /* ep_entry_put_body of them */
	struct ep_hash hash; /* ep_track_hash of them */
	uint32_t source; /* EP_SOURCE_LOCAL: this node's user; else who a CSV is of */
	int64_t import_date;
	bool whole; /* the rows are all of the track; else they join those that are there */
	bool all_fields; /* the same of the fields: else each only sets its key */
	bool edit; /* the user changed what is there: whole, and with all fields */
};

/* Puts rows of one track that carry no revisions, as the table of local.h decides: of the rows as
 * given, and then of what would come of them. Adds to counts.
 *
 * EP_BAD_INPUT  the track would hold more than EP_TRACK_TEXT_MAX, EP_TRACK_DOCUMENTS_MAX or the
 * limits of fields, or has too many changes that the master has not seen; an edit of what belongs
 * to the master. EP_NOT_FOUND  an edit of what is not there. EP_NO_SPACE, EP_IO, EP_CORRUPT,
 * EP_NO_MEMORY: abort the transaction. */
EP_MUST_USE enum ep_status ep_log_put(struct ep_log_write *write, const struct ep_put *put,
                                      struct ep_put_counts *counts, struct ep_error *err);

/* Deletes a track on behalf of this node's user, and leaves a tombstone.
 *
 * EP_NOT_FOUND  no such track, or it has already been deleted. EP_BAD_INPUT  it belongs to the
 * master. */
EP_MUST_USE enum ep_status ep_log_delete(struct ep_log_write *write, struct ep_text track_id,
                                         int64_t now, struct ep_error *err);

/* Links a live track to the one that it is a copy of. Contents that link names must be those of
 * now; zeros are taken as such. Where the original is a copy, its original is taken.
 *
 * EP_NOT_FOUND  one of them does not exist, or has changed. EP_BAD_INPUT  they are the same track,
 * or the copy belongs to the master. */
EP_MUST_USE enum ep_status ep_log_link(struct ep_log_write *write, struct ep_text copy,
                                       const struct ep_link *link, int64_t now,
                                       struct ep_error *err);

/* Makes a copy a separate song again, which no ingest links automatically. EP_NOT_FOUND  it is not
 * a copy. EP_BAD_INPUT  it belongs to the master. */
EP_MUST_USE enum ep_status ep_log_release(struct ep_log_write *write, struct ep_text copy,
                                          int64_t now, struct ep_error *err);

/* A track was changed so that what it is a copy of stays the same, as by another name: all links
 * and releases of it and to it that name what it had before name what it has now, as far as this
 * node's user may change them. before  its contents then. track  must not be the log's own text. */
EP_MUST_USE enum ep_status ep_log_renew_links(struct ep_log_write *write, struct ep_text track,
                                              const struct ep_revision *before, int64_t now,
                                              struct ep_error *err);

/* ---- changes of others ---- */

/* A state of a track or link that another node has, as a packet carries it. */
struct ep_offer {
	enum ep_operation operation;
	struct ep_text id;
	struct ep_history *history; /* parties are numbered as within the transaction */
	struct ep_hash hash; /* of a put or link */
	struct ep_bytes body; /* the same */
	uint32_t documents; /* of a put or deletion */
	int64_t import_date;
	bool by_hand; /* of the master, but not from a feed */
	bool has_feed; /* the same, and this node follows a feed */
	uint64_t tracks_max; /* that the sender's source may have, tombstones too; 0: any number */
	uint64_t bytes_max; /* that these may take in the log; 0: any number */
};

enum ep_offered {
	EP_OFFERED_NEW,
	EP_OFFERED_UPDATED,
	EP_OFFERED_UNCHANGED,
	EP_OFFERED_DELETED,
	EP_OFFERED_CONFLICT, /* set aside */
	EP_OFFERED_REFUSED, /* not the sender's to change */
	EP_OFFERED_FULL, /* its source has as many tracks as it may have */
	EP_OFFERED_NOTHING /* a deletion of what is not there */
};

/* The master takes what a source proposes (ep_decide_take). sender is the party that signed it.
 * Adds documents to counts. EP_BAD_INPUT  over a limit; other failures: abort the transaction. */
EP_MUST_USE enum ep_status ep_log_take(enum ep_offered *what, struct ep_put_counts *counts,
                                       struct ep_log_write *write, const struct ep_offer *offer,
                                       uint32_t sender, struct ep_error *err);

/* A slave follows what its master says (ep_decide_follow). The same failures. */
EP_MUST_USE enum ep_status ep_log_follow(enum ep_offered *what, struct ep_put_counts *counts,
                                         struct ep_log_write *write, const struct ep_offer *offer,
                                         struct ep_error *err);

/* Makes a slave a master itself: this node seals everything that its master had sealed, and owns
 * what its master owned; what had not reached the master remains. Others still own their tracks.
 * The epoch is above the one that was followed. EP_NOT_FOUND  this node follows nobody. Abort the
 * transaction on failure. */
EP_MUST_USE enum ep_status ep_log_promote(struct ep_epoch *epoch, struct ep_log_write *write,
                                          struct ep_error *err);

/* The feed has been applied to its end: what came by CSV and is not in it is set aside and removed
 * from the log. After a restart, what the feed does not have stays, and is to be sent. */
EP_MUST_USE enum ep_status ep_log_follow_end(struct ep_log_write *write, bool restart,
                                             struct ep_error *err);

/* ---- what is to be sent to the master ---- */

enum ep_wait {
	EP_WAIT_NONE, /* to be sent */
	EP_WAIT_FEED, /* answered: the feed will tell, from a position on */
	EP_WAIT_REFUSED, /* refused: it is not sent again as it is */
	EP_WAIT_FULL, /* over a limit of the master: to be sent again some time */
	EP_WAIT_CSV /* came by CSV: not this node's to send */
};

/* A track or link that the feed has not confirmed. */
struct ep_unconfirmed {
	struct ep_entry entry; /* borrowed */
	enum ep_wait wait;
	uint64_t position; /* of the master, with EP_WAIT_FEED */
	bool proof; /* it is no longer in the log: proof of what was */
};

/* Tells each; tracks first, then links. What each fails with. */
EP_MUST_USE enum ep_status
ep_log_unconfirmed(const struct ep_log_read *read,
                   enum ep_status (*each)(void *context, const struct ep_unconfirmed *item,
                                          struct ep_error *err),
                   void *context, struct ep_error *err);

/* Whether the master of a slave has shown a state of a track or link as it stands here. False where
 * this node follows nobody. EP_IO. */
EP_MUST_USE enum ep_status ep_log_is_confirmed(bool *confirmed, const struct ep_log_read *read,
                                               const struct ep_entry *entry, struct ep_error *err);

/* Notes what the master answered about an item that stands as it was sent (its head's revision):
 * EP_WAIT_FEED, EP_WAIT_REFUSED, or EP_WAIT_NONE, to send it again. Proof goes with any answer. */
EP_MUST_USE enum ep_status ep_log_answered(struct ep_log_write *write, struct ep_text id, bool link,
                                           const struct ep_revision *head, enum ep_wait wait,
                                           uint64_t position, struct ep_error *err);

/* The feed has come to a position: what waited for it and is not confirmed is to be sent again;
 * with UINT64_MAX, whatever it waited for. */
EP_MUST_USE enum ep_status ep_log_wait_over(struct ep_log_write *write, uint64_t position,
                                            struct ep_error *err);

/* ---- set aside ---- */

/* Calls each with every version that was set aside, by track: an entry with its source, whose
 * position is 0. EP_CORRUPT, or what each fails with. */
EP_MUST_USE enum ep_status ep_log_conflicts(const struct ep_log_read *read,
                                            enum ep_status (*each)(void *context,
                                                                   const struct ep_entry *entry,
                                                                   struct ep_error *err),
                                            void *context, struct ep_error *err);

/* Removes versions of a track that were set aside; if accepted, puts one in the track's place, on
 * behalf of this node's user.
 *
 * version  which one, from 1, in the order of ep_log_conflicts; 0: all, or the only one if
 * accepted.
 * EP_NOT_FOUND  there is none, or no such version. EP_BAD_INPUT  the track belongs to the master,
 * or there are several versions and none was selected. */
EP_MUST_USE enum ep_status ep_log_settle_conflict(struct ep_put_counts *counts,
                                                  struct ep_log_write *write, struct ep_text track,
                                                  bool accepted, size_t version, int64_t now,
                                                  struct ep_error *err);

/* ---- named values ---- */

/* Sets a named value, or removes it (an absent one too). */
EP_MUST_USE enum ep_status ep_log_set_value(struct ep_log_write *write, const char *name,
                                            struct ep_bytes value, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_set_number(struct ep_log_write *write, const char *name,
                                             uint64_t value, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_remove_value(struct ep_log_write *write, const char *name,
                                               struct ep_error *err);

#endif
