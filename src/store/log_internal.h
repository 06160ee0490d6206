/* log_internal.h - what the files of the log share; of no use elsewhere
 *
 * Databases of the environment:
 *
 *     name         key                              value
 *     log          position (native 64-bit)         entry (entry.h)
 *     ids          track id; of links: a byte 1,    position, 64-bit LE
 *                  id of the copy
 *     by_source    source 32-bit BE, position BE    nothing; tombstones and links too
 *     sources      number 32-bit BE                 tracks, documents, tombstones, bytes of
 *                                                   entries (64-bit LE each), name
 *     parties      number 32-bit BE                 key (32 bytes), source, same_as (32-bit LE)
 *     links        original's id, 0, copy's id      nothing; links in force and others
 *     aside        track id, 0, revision            entry: a state that was not taken
 *     unconfirmed  as in ids                        what it waits for (1 byte), head's revision,
 *                                                   position 64-bit LE; of slaves only
 *     proofs       as in ids, 0, head's revision    entry: a state to be sent as proof
 *     bases        as in ids                        entry: the sealed link below a pending one
 *     marks        position (native 64-bit)         front of the chain hash (16 bytes)
 *     values       name                             as named
 *
 * values.h has the names.
 */
#ifndef EP_STORE_LOG_INTERNAL_H
#define EP_STORE_LOG_INTERNAL_H

#include "store/env.h"
#include "store/local.h"
#include "store/log.h"

#include <sodium.h>

#define EP_LOG_FORMAT 3

/* A key of by_source; and what stands before the name in a value of sources. */
#define EP_SOURCE_KEY 12
#define EP_SOURCE_FIXED 32

struct ep_log {
	struct ep_env *env;
	MDB_dbi log;
	MDB_dbi ids;
	MDB_dbi by_source;
	MDB_dbi sources;
	MDB_dbi parties;
	MDB_dbi links;
	MDB_dbi aside;
	MDB_dbi unconfirmed;
	MDB_dbi proofs;
	MDB_dbi bases;
	MDB_dbi marks;
	MDB_dbi values;
};

struct ep_log_read {
	struct ep_log *log;
	MDB_txn *txn;
	struct ep_log_state state;
};

/* The transaction that writes. */
struct ep_log_write {
	struct ep_log_read inside;
	struct ep_digest digest;
	bool changed; /* position, state or digest differ from what is stored */
	struct ep_source_info *sources;
	size_t source_count;

	/* Parties are numbered as they come in the transaction, and again as they are stored. */
	struct ep_party *parties;
	uint32_t *stored; /* the number that each has in the log; 0: not stored yet */
	uint32_t *handles; /* the other way round: by number in the log, less 1 */
	uint32_t party_count;
	uint32_t party_capacity;
	uint32_t stored_count;
	uint32_t self; /* this node */
	uint32_t master; /* whom it follows; itself where it follows nobody */
	struct ep_follows follows;
	struct ep_epoch epoch;
	uint64_t known; /* position up to which the log is as it was when this copy was opened */
	bool stale; /* an older copy of what was published */
	struct ep_seal_key seal_key;

	struct ep_arena arena; /* of the change at hand */
	struct ep_buffer history; /* the same: bytes of its history */
	/* Scratch of a merge: one coder decodes what is there, one the rows of a put (NULL until it
	 * is needed), while the other encodes the result. */
	struct ep_codes_coder *decoder;
	struct ep_codes_coder *rows_decoder;
	struct ep_codes_coder *encoder;
	struct ep_decoded there;
	struct ep_buffer body;
};

/* ep_fail_mdb for a failed change. */
enum ep_status ep_log_fail_write(const struct ep_log_write *write, int rc, struct ep_error *err);

/* EP_DIVERGED where the log is an older copy of what was published: it must say so first. */
EP_MUST_USE enum ep_status ep_log_check_stale(const struct ep_log_write *write,
                                              struct ep_error *err);

/* Puts or removes (an absent one too) a key of a database. */
EP_MUST_USE enum ep_status ep_log_put_key(struct ep_log_write *write, MDB_dbi dbi, MDB_val key,
                                          MDB_val value, unsigned flags, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_remove_key(struct ep_log_write *write, MDB_dbi dbi, MDB_val key,
                                             struct ep_error *err);

/* Stores a source under its number. */
EP_MUST_USE enum ep_status ep_log_store_source(struct ep_log_write *write,
                                               const struct ep_source_info *info,
                                               struct ep_error *err);

/* Goes through the keys of a database, or those that begin with prefix, in order; each may not
 * change it. What each fails with, EP_IO. */
EP_MUST_USE enum ep_status ep_log_each_key(
	const struct ep_log_read *read, MDB_dbi dbi, struct ep_text prefix,
	enum ep_status (*each)(void *context, MDB_val key, MDB_val value, struct ep_error *err),
	void *context, struct ep_error *err);

/* How many keys a database has. EP_IO. */
EP_MUST_USE enum ep_status ep_log_count_keys(size_t *count, const struct ep_log_read *read,
                                             MDB_dbi dbi, struct ep_error *err);

/* Keys that were found, to be gone through when their database may change: listed in a buffer, each
 * behind its size. ep_log_each_listed frees it. EP_NO_MEMORY, or what each fails with. */
EP_MUST_USE enum ep_status ep_log_list_key(struct ep_buffer *keys, MDB_val key,
                                           struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_each_listed(struct ep_buffer *keys,
                                              enum ep_status (*each)(void *context, MDB_val key,
                                                                     struct ep_error *err),
                                              void *context, struct ep_error *err);

/* The key of a track or link in ids, unconfirmed and proofs. EP_BAD_INPUT  the id has not 1 to 255
 * bytes. */
#define EP_SUBJECT_KEY_MAX 256
EP_MUST_USE enum ep_status ep_subject_key(MDB_val *key, uint8_t bytes[EP_SUBJECT_KEY_MAX],
                                          const struct ep_subject *subject, struct ep_error *err);

/* What such a key is of; borrows from it. */
struct ep_subject ep_subject_of_key(MDB_val key);

/* ---- registers: what the log has of a track or link (log_register.c, log_store.c) ---- */

struct ep_register {
	struct ep_subject subject;
	bool there; /* a tombstone is there too */
	struct ep_entry entry; /* borrowed until the next change */
	struct ep_history history; /* in the arena; ids computed */
};

/* Whether it is there and not deleted. */
bool ep_register_is_live(const struct ep_register *reg);

/* Loads what is there. A state that was sealed before this node followed a master counts as not
 * sealed. EP_BAD_INPUT  a bad id. */
EP_MUST_USE enum ep_status ep_log_load_register(struct ep_register *reg, struct ep_log_write *write,
                                                const struct ep_subject *subject,
                                                struct ep_error *err);

/* What is to be stored in its place. */
struct ep_state {
	struct ep_history history;
	enum ep_operation operation;
	uint8_t flags;
	struct ep_hash hash;
	int64_t import_date;
	uint64_t era;
	struct ep_bytes body; /* may be the log's own */
};

/* Stores a state at the next position. A node that follows nobody seals it first: where it is not
 * sealed up to its head, as this node's, of this epoch. Keeps all that hangs on it: counts, digest,
 * lists, links in force, what is unconfirmed. */
EP_MUST_USE enum ep_status ep_log_store(struct ep_log_write *write, const struct ep_register *old,
                                        struct ep_state *state, struct ep_error *err);

/* Writes an entry again where it stands, with another history, era or flags. */
EP_MUST_USE enum ep_status ep_log_rewrite(struct ep_log_write *write, struct ep_register *reg,
                                          struct ep_error *err);

/* Writes an entry again at the next position, as it is, so that followers see it. */
EP_MUST_USE enum ep_status ep_log_move(struct ep_log_write *write, struct ep_register *reg,
                                       struct ep_error *err);

/* Loads the register of an entry of the log, and its state, to be stored again. Frees what was
 * loaded before. */
EP_MUST_USE enum ep_status ep_log_load_entry(struct ep_register *reg, struct ep_state *state,
                                             struct ep_log_write *write,
                                             const struct ep_entry *entry, struct ep_error *err);

/* Writes a state as an entry under a key of a database other than the log. */
EP_MUST_USE enum ep_status ep_log_put_state(struct ep_log_write *write, MDB_dbi dbi, MDB_val key,
                                            struct ep_state *state, uint32_t source,
                                            struct ep_error *err);

/* The state that an entry is, with its history. Texts are borrowed. */
EP_MUST_USE enum ep_status ep_log_state_of(struct ep_state *state, struct ep_log_write *write,
                                           const struct ep_entry *entry, struct ep_error *err);

/* The same of a register, as it was loaded. */
struct ep_state ep_register_state(const struct ep_register *reg);

/* Removes a register without a trace. */
EP_MUST_USE enum ep_status ep_log_forget(struct ep_log_write *write, const struct ep_register *reg,
                                         struct ep_error *err);

/* The step that an act of this node's user makes. */
struct ep_step ep_log_own_step(const struct ep_log_write *write, const struct ep_hash *hash);

/* The step of the log's user upon what is there: the owner of a live track stays. */
EP_MUST_USE enum ep_status ep_log_user_history(struct ep_history *history,
                                               struct ep_log_write *write,
                                               const struct ep_register *reg,
                                               const struct ep_step *step, struct ep_error *err);

/* What comes of an act of a party on a register: local.h.
 *
 * equal  what would come of it is what is there. contents  that it brings; NULL: none. */
enum ep_local_outcome ep_log_decide_local(const struct ep_log_write *write,
                                          const struct ep_register *reg, enum ep_local_act act,
                                          uint32_t party, bool equal,
                                          const struct ep_hash *contents);

/* EP_BAD_INPUT: it is the master's. */
enum ep_status ep_log_fail_foreign(struct ep_error *err, struct ep_text id);

/* The history as bytes, as the log numbers parties; those that are new are stored. Borrowed from
 * write->history. */
EP_MUST_USE enum ep_status ep_log_encode_history(struct ep_bytes *bytes, struct ep_log_write *write,
                                                 const struct ep_history *history,
                                                 struct ep_error *err);

/* ---- entries in their databases (log_entry.c) ---- */

/* Copies the body of an entry that is the log's own, as its page goes with the next change. */
EP_MUST_USE enum ep_status ep_log_own_body(struct ep_bytes *body, struct ep_log_write *write,
                                           struct ep_error *err);

/* Takes an entry out of the log, and what it was from counts, lists and the digest. */
EP_MUST_USE enum ep_status ep_log_remove_entry(struct ep_log_write *write,
                                               const struct ep_entry *entry, struct ep_error *err);

/* Appends an entry at the next position, which it is given, and makes its id point there. */
EP_MUST_USE enum ep_status ep_log_append_entry(struct ep_log_write *write, struct ep_entry *entry,
                                               const struct ep_subject *subject,
                                               struct ep_error *err);

/* ---- parties (log_party.c) ---- */

/* The name of a source whose own is not known begins so. */
#define EP_SOURCE_UNKNOWN "unknown-"

/* The size of EP_FOLLOWS_VALUE. */
#define EP_FOLLOWS_SIZE (EP_KEY_SIZE + 24)

EP_MUST_USE enum ep_status ep_log_load_parties(struct ep_log_write *write, struct ep_error *err);

/* Writes a party that has a number in the log. */
EP_MUST_USE enum ep_status ep_log_write_party(struct ep_log_write *write, uint32_t party,
                                              struct ep_error *err);

/* Stores a party that is not, and gives its number in the log. */
EP_MUST_USE enum ep_status ep_log_store_party(struct ep_log_write *write, uint32_t party,
                                              struct ep_error *err);

/* The source that a state of this owner counts for. */
EP_MUST_USE enum ep_status ep_log_source_of(uint32_t *source, struct ep_log_write *write,
                                            uint32_t owner, struct ep_error *err);

/* ---- links (log_copies.c, log_store.c, log_links.c) ---- */

/* Ids of tracks whose standing as copies hangs on a track, and which of them are copies now. */
struct ep_dependents {
	struct ep_buffer ids; /* ep_log_copy_id */
	size_t count;
	bool *copies; /* in the arena of the transaction */
};
EP_MUST_USE enum ep_status ep_log_find_dependents(struct ep_dependents *dependents,
                                                  struct ep_log_write *write, struct ep_text track,
                                                  struct ep_error *err);

/* Whether a track is a copy; one that does not exist is not. */
EP_MUST_USE enum ep_status ep_log_is_copy_now(bool *is, const struct ep_log_write *write,
                                              struct ep_text id, struct ep_error *err);

/* After the change: those that are songs of their own again get the next position, so that
 * followers see them. */
EP_MUST_USE enum ep_status ep_log_settle_dependents(struct ep_dependents *dependents,
                                                    struct ep_log_write *write,
                                                    struct ep_error *err);

/* Lists a link to an original, or takes it out. */
EP_MUST_USE enum ep_status ep_log_list_link(struct ep_log_write *write,
                                            const struct ep_entry *entry, bool in,
                                            struct ep_error *err);

/* Keeps the sealed link below a pending one. */
EP_MUST_USE enum ep_status ep_log_keep_base(struct ep_log_write *write,
                                            const struct ep_subject *subject,
                                            struct ep_state *state, uint32_t source,
                                            struct ep_error *err);

/* Drops a pending link of this node that cannot remain: the sealed one below it takes effect again,
 * if there is one. Does nothing if there is no such link. */
EP_MUST_USE enum ep_status ep_log_drop_link(struct ep_log_write *write, struct ep_text copy,
                                            struct ep_error *err);

/* ---- unconfirmed (log_wait.c, log_unconfirmed.c) ---- */

/* A value of the database unconfirmed. */
#define EP_WAIT_SIZE (1 + EP_REVISION_SIZE + 8)

EP_MUST_USE enum ep_status ep_log_set_wait(struct ep_log_write *write,
                                           const struct ep_subject *subject,
                                           const struct ep_revision *head, enum ep_wait wait,
                                           uint64_t position, struct ep_error *err);
EP_MUST_USE enum ep_status ep_log_remove_wait(struct ep_log_write *write,
                                              const struct ep_subject *subject,
                                              struct ep_error *err);

/* Keeps a state as proof, to be sent. */
EP_MUST_USE enum ep_status ep_log_keep_proof(struct ep_log_write *write,
                                             const struct ep_subject *subject,
                                             struct ep_state *state, uint32_t source,
                                             struct ep_error *err);

/* Keeps all proofs aside instead: nobody knows their seals any more. */
EP_MUST_USE enum ep_status ep_log_set_proofs_aside(struct ep_log_write *write,
                                                   struct ep_error *err);

/* ---- aside (log_aside.c) ---- */

/* Keeps a state aside, in the name of a source. */
EP_MUST_USE enum ep_status ep_log_keep_aside(struct ep_log_write *write,
                                             const struct ep_subject *subject,
                                             struct ep_state *state, uint32_t source,
                                             struct ep_error *err);

/* The same of what is there. */
EP_MUST_USE enum ep_status ep_log_put_register_aside(struct ep_log_write *write,
                                                     const struct ep_register *reg,
                                                     struct ep_error *err);

/* Drops the versions of a track with this contents hash that were set aside: it is current now. */
EP_MUST_USE enum ep_status ep_log_forget_aside(struct ep_log_write *write, struct ep_text id,
                                               const struct ep_hash *hash, struct ep_error *err);

/* Reads EP_STATE_VALUE into read->state. */
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

/* Fills merge, which is zeroed, with the rows and fields of a put and those that are there; both
 * are in order of documents. merge->arena, which is to be freed, has them. EP_BAD_INPUT  there
 * would be too many fields. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_merge_rows(struct ep_merge *merge, const struct ep_track *there,
                                             const struct ep_put *put, struct ep_error *err);

/* Gives a put with its rows: those that it has, or else decoded from its body into `decoded`.
 * EP_BAD_INPUT  they cannot be; EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_decode_put(struct ep_put *with_rows, struct ep_decoded *decoded,
                                             struct ep_log_write *write, const struct ep_put *put,
                                             struct ep_error *err);

#endif
