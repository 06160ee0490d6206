/* log_internal.h - what log.c and log_write.c share; of no use elsewhere
 *
 * Databases of the environment:
 *
 *     name       key                              value
 *     log        position (native 64-bit)         entry (entry.h)
 *     ids        track id                         position, 64-bit LE
 *     by_source  source 32-bit BE, position BE    nothing; tombstones too
 *     sources    number 32-bit BE                 tracks, documents 64-bit LE, name
 *     conflicts  source 32-bit BE, track id       entry
 *     copies     original's id, 0, copy's id      nothing; live copies
 *     values     name                             as named
 *
 * Named values: "format" (number), "state" (position, documents, tracks, tombstones, each 64-bit
 * LE), "digest" (EP_DIGEST_BYTES); the rest belongs to those who use the log.
 */
#ifndef EP_STORE_LOG_INTERNAL_H
#define EP_STORE_LOG_INTERNAL_H

#include "store/log.h"

#include <lmdb.h>
#include <sodium.h>
#include <sys/stat.h>

#define EP_LOG_FORMAT 2

/* A key of by_source. */
#define EP_SOURCE_KEY 12

struct ep_log {
	char *folder;
	MDB_env *env;
	MDB_dbi log;
	MDB_dbi ids;
	MDB_dbi by_source;
	MDB_dbi sources;
	MDB_dbi conflicts;
	MDB_dbi copies;
	MDB_dbi values;
	void *map; /* NULL where it is not known */
};

struct ep_log_read {
	struct ep_log *log;
	MDB_txn *txn;
	struct ep_log_state state;
};

/* ep_fail for what LMDB returned. */
enum ep_status ep_fail_mdb(struct ep_error *err, int rc, const char *fmt, ...) EP_PRINTF(3, 4);

/* The transaction that writes. */
struct ep_log_write {
	struct ep_log_read inside;
	struct ep_digest digest;
	bool changed; /* position, state or digest differ from what is stored */
	struct ep_source_info *sources;
	size_t source_count;
	/* Scratch of a merge: one coder decodes what is there, one the rows of a put (NULL until it
	 * is needed), while the other encodes anew. */
	struct ep_codes_coder *decoder;
	struct ep_codes_coder *rows_decoder;
	struct ep_codes_coder *encoder;
	struct ep_decoded there;
	struct ep_buffer body;
};

/* ep_fail_mdb for a failed change. */
enum ep_status ep_log_fail_write(const struct ep_log_write *write, int rc, struct ep_error *err);

/* Takes an entry out of the log, and what it was from counts, lists and the digest. */
EP_MUST_USE enum ep_status ep_log_remove_entry(struct ep_log_write *write,
                                               const struct ep_entry *entry, struct ep_error *err);

/* Writes an entry's bytes under key of dbi, in place in the page. */
EP_MUST_USE enum ep_status ep_log_write_entry(struct ep_log_write *write, MDB_dbi dbi, MDB_val key,
                                              const struct ep_entry *entry, const void *body,
                                              size_t body_size, unsigned flags,
                                              struct ep_error *err);

/* Appends an entry at the next position, which it is given, and makes its track's id point there.
 */
EP_MUST_USE enum ep_status ep_log_append_entry(struct ep_log_write *write, struct ep_entry *entry,
                                               const void *body, size_t body_size,
                                               struct ep_error *err);

/* Sets a flag of an entry, and the last word about it, where it stands: nothing that others follow
 * has changed. */
EP_MUST_USE enum ep_status ep_log_note(struct ep_log_write *write, const struct ep_entry *entry,
                                       uint8_t flag, struct ep_word word, struct ep_error *err);

/* Gives what stands of a track the next position, so that it is sent again to who says otherwise.
 * word  of who said so, where it is the last about the track; NULL: it is not. */
EP_MUST_USE enum ep_status ep_log_say_again(struct ep_log_write *write, struct ep_text id,
                                            const struct ep_word *word, struct ep_error *err);

/* The last word of a source about a track of another, which did not change it: so that the same
 * again, or an older one, is known to have been answered.
 *
 * ep_log_note_answered  notes it; an older one is not noted.
 * ep_log_refuse         the same, and gives what stands the next position.
 * ep_log_was_answered   whether a word is that one, or older.
 *
 * hash  of the rows; zeros of a deletion. Words without a tag are not noted. */
enum ep_answered { EP_ANSWERED_NOT, EP_ANSWERED_SAME, EP_ANSWERED_OLDER };
EP_MUST_USE enum ep_status ep_log_note_answered(struct ep_log_write *write, uint32_t source,
                                                struct ep_text id, const struct ep_said *said,
                                                const struct ep_hash *hash, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_refuse(struct ep_log_write *write, uint32_t source,
                                         struct ep_text id, const struct ep_said *said,
                                         const struct ep_hash *hash, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_was_answered(enum ep_answered *answered,
                                               const struct ep_log_write *write, uint32_t source,
                                               struct ep_text id, const struct ep_said *said,
                                               const struct ep_hash *hash, struct ep_error *err);

/* Whether an entry is this node's own word about its track, which its master had not heard when it
 * said something else: it will, and answer. A packet says what the master had heard; of a CSV, only
 * a deletion that has not been sent is known to be unheard. */
EP_MUST_USE enum ep_status ep_log_is_pending(bool *pending, const struct ep_log_write *write,
                                             const struct ep_entry *there,
                                             const struct ep_said *said, struct ep_error *err);

/* Whether a word is older than the last of the same log about a track. */
bool ep_log_is_old(const struct ep_entry *there, const struct ep_said *said);

/* Adds an entry that is a copy to the list of copies, or takes it out. */
EP_MUST_USE enum ep_status ep_log_list_copy(struct ep_log_write *write,
                                            const struct ep_entry *entry, bool in,
                                            struct ep_error *err);

/* For a track that is no longer there: the best of its copies takes its place. */
EP_MUST_USE enum ep_status ep_log_promote(struct ep_log_write *write, struct ep_text id,
                                          struct ep_error *err);

/* For a track that has become a copy itself: its own copies become copies of its original. */
EP_MUST_USE enum ep_status ep_log_settle_copies(struct ep_log_write *write, struct ep_text id,
                                                const struct ep_link *link, struct ep_error *err);

/* The same for one that a source says is a copy: of what is deleted here nothing may be one, and of
 * a copy it becomes one of its original. What is not known at all may still come. */
EP_MUST_USE enum ep_status ep_log_check_link(struct ep_log_write *write, struct ep_text copy,
                                             const struct ep_link *link, struct ep_error *err);

/* Text as LMDB takes it: its keys are not const, and it does not write them. */
MDB_val ep_val_of(struct ep_text text);

/* LMDB takes a write that was cut short for an I/O error: gives ENOSPC or EFBIG where the disk or
 * the process's limit is full, else rc as it is. */
int ep_explain_write(int rc, const char *folder);

/* LMDB reads its map without looking at the file's size, so that a file that was cut short would be
 * a bus error; but it also does not write pages that were made and freed in one transaction, so
 * that a file may be short and whole. Fills *info with what the file is.
 *
 * writing  the log was opened for writing: a short but whole file is made longer.
 * EP_CORRUPT  cut short. EP_NOT_FOUND  short, and to be looked at by one that writes. */
EP_MUST_USE enum ep_status ep_log_check_size(struct ep_log *log, struct stat *info, bool writing,
                                             struct ep_error *err);

/* Reads "state" into read->state. */
EP_MUST_USE enum ep_status ep_log_load_state(struct ep_log_read *read, struct ep_error *err);

void ep_source_key(uint8_t key[EP_SOURCE_KEY], uint32_t source, uint64_t position);

/* A value of the database sources. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_source_load(struct ep_source_info *info, const MDB_val *key,
                                          const MDB_val *value, struct ep_error *err);

/* A track as it would be, and what the rows of a put are to those that are there. */
struct ep_merge {
	struct ep_track track;
	struct ep_arena arena;
	uint64_t added;
	uint64_t updated;
	uint64_t unchanged;
	uint64_t kept; /* documents that are there and not in the put */
	bool shrunk; /* such documents go, as the put is the whole track */
};

/* Fills merge, which is zeroed, with the rows of a put and those that are there; both are in order
 * of documents. merge->arena, which is to be freed, has them. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_merge_rows(struct ep_merge *merge, const struct ep_track *there,
                                             const struct ep_put *put, struct ep_error *err);

/* Gives a put with its rows: those that it has, or else decoded from its body into `decoded`.
 * EP_BAD_INPUT  they cannot be; EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_decode_put(struct ep_put *with_rows, struct ep_decoded *decoded,
                                             struct ep_log_write *write, const struct ep_put *put,
                                             struct ep_error *err);

/* Brings what is kept aside of a source and track up to date with a put of it: it is kept where it
 * conflicts, and nothing of it is kept any longer where the source agrees. EP_BAD_INPUT  the id is
 * too long. EP_CORRUPT, EP_IO, EP_NO_MEMORY, EP_NO_SPACE. */
EP_MUST_USE enum ep_status ep_log_update_conflict(struct ep_log_write *write,
                                                  const struct ep_put *put, bool conflicts,
                                                  struct ep_error *err);

/* Whether anything is kept aside of a source and track. The same errors. */
EP_MUST_USE enum ep_status ep_log_is_aside(bool *aside, struct ep_log_write *write,
                                           const struct ep_put *put, struct ep_error *err);

#endif
