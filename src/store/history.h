/* history.h - the state of a track or link: which revisions led to it, and whose it is
 *
 * Every change makes a revision. A history is the chain of them, from the first or from where it
 * was cut; each step names its author and the contents that it led to. The id of a revision is a
 * hash over the one before, the author and the contents, so whoever is told of a chain computes it
 * and need not believe it. docs/revisions.md has the whole specification.
 *
 *     history := flags(1 byte) varint(steps)
 *                [CUT: varint(generation of the first step, from 2) revision before it, 16 bytes]
 *                steps * varint(author's party, twice, and 1 where it was made from a CSV)
 *                (steps - 1) * contents, 16 bytes           those of the last are the entry's own
 *                [SEALED: 8 bytes seal, varint(owner) varint(born) varint(steps behind it)]
 *                [ALSO: varint(n) n * 16 bytes] [STARTS: varint(n) n * 16 bytes]
 *                [FLOOR: varint(floor)]
 */
#ifndef EP_STORE_HISTORY_H
#define EP_STORE_HISTORY_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "store/party.h"

/* Ancestors that are kept: more are cut off the far end. And of the other lists, the newest. */
#define EP_HISTORY_KEPT 8
#define EP_HISTORY_STARTS 16
#define EP_HISTORY_ALSO 64

/* Limits of what is read. */
#define EP_HISTORY_STEPS_MAX 4096
#define EP_HISTORY_LIST_MAX 4096

/* The id of a revision, or the first half of a contents hash (zeros: deleted). */
#define EP_REVISION_SIZE 16
struct ep_revision {
	uint8_t bytes[EP_REVISION_SIZE];
};

#define EP_SEAL_SIZE 8
struct ep_seal {
	uint8_t bytes[EP_SEAL_SIZE];
};

/* What a history is of. */
struct ep_subject {
	struct ep_text id; /* of the track, or of the copy that a link is of */
	bool link;
};

struct ep_step {
	uint32_t party;
	bool csv; /* made from rows of a CSV of that party, which knows no revisions */
	struct ep_revision contents;
	struct ep_revision id; /* set by ep_history_hash */
};

struct ep_history {
	uint64_t generation; /* of the first step that is kept; the very first has 1 */
	struct ep_revision before; /* revision before that; zeros where it is the very first */
	struct ep_step *steps; /* at least one */
	size_t count;
	size_t sealed; /* steps up to and with the newest that the master published; 0: none */
	struct ep_seal seal; /* by which the master knows that one again */
	uint32_t owner; /* party that owned the track then */
	uint64_t born; /* number of the epoch in which its tenure began */
	struct ep_revision *also; /* revisions that the sealed one supersedes too */
	size_t also_count;
	struct ep_revision
		*starts; /* where tenures began, of what was cut off and the first kept */
	size_t start_count;
	uint64_t floor; /* generation at which a start was last dropped; 0: none was */
	struct ep_revision rows; /* of a head with fields: its contents without them, by which a
	                            CSV knows it; zeros: it has none, or nobody asked. Not stored */
};

/* Makes a history of one step, which lives in arena. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_root(struct ep_history *history, struct ep_arena *arena,
                                           const struct ep_step *step, struct ep_error *err);

/* Makes the history that has more steps; all else but rows is as in `from`. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_extend(struct ep_history *history, struct ep_arena *arena,
                                             const struct ep_history *from,
                                             const struct ep_step *steps, size_t count,
                                             struct ep_error *err);

/* Makes the history that also supersedes revisions[0..count); the oldest may go. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_add_also(struct ep_history *history, struct ep_arena *arena,
                                               const struct ep_revision *revisions, size_t count,
                                               struct ep_error *err);

/* Computes the ids of all steps. */
void ep_history_hash(struct ep_history *history, const struct ep_subject *subject,
                     const struct ep_parties *parties);

/* Cuts ancestors off beyond `kept`. Of a node that follows a master, never the newest sealed step,
 * nor one behind it: what the master does not know yet stays whole. Ids must have been computed.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_cut(struct ep_history *history, struct ep_arena *arena,
                                          size_t kept, bool follows, struct ep_error *err);

/* Drops the first starts where there are more than are kept. Ids must have been computed, and the
 * history must have been cut. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_bound(struct ep_history *history, struct ep_arena *arena,
                                            struct ep_error *err);

/* The last step. */
const struct ep_step *ep_history_head(const struct ep_history *history);

/* The generation of the last step. */
uint64_t ep_history_generation(const struct ep_history *history);

/* Whether the head is what the master published. */
bool ep_history_is_sealed(const struct ep_history *history);

/* Whose it is: the owner by its seal; of what is not sealed, the author of its last step. */
uint32_t ep_history_owner(const struct ep_history *history);

/* Whether the head is a deletion. */
bool ep_history_is_deleted(const struct ep_history *history);

bool ep_revision_equal(const struct ep_revision *one, const struct ep_revision *other);
bool ep_revision_is_zero(const struct ep_revision *revision);

/* The step that has an id, from 0; -1: none. */
long ep_history_find(const struct ep_history *history, const struct ep_revision *id);

/* Whether `also` has an id. */
bool ep_history_has_also(const struct ep_history *history, const struct ep_revision *id);

/* The revisions with which tenures began, up to the step `last`, first to last: the very first one,
 * and each behind a deletion. Ids must have been computed. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_starts(struct ep_revision **starts, size_t *count,
                                             const struct ep_history *history, size_t last,
                                             struct ep_arena *arena, struct ep_error *err);

/* The secret with which a master seals. It follows from its key. */
struct ep_seal_key {
	uint8_t bytes[32];
};
void ep_seal_key(struct ep_seal_key *key, const struct ep_keys *keys);

/* The seal of the step before history->sealed with its owner and born: BLAKE2b of 8 bytes, keyed,
 * over what it is of, id of the revision, owner's key, born, generation, floor, also and starts.
 * Ids must have been computed. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_seal(struct ep_seal *seal, const struct ep_history *history,
                                           const struct ep_subject *subject,
                                           const struct ep_parties *parties,
                                           const struct ep_seal_key *key, struct ep_arena *arena,
                                           struct ep_error *err);

/* Takes off what only a seal vouches for: the seal, `also`, floor, and starts but of the steps that
 * are kept. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_unseal(struct ep_history *history, struct ep_arena *arena,
                                             struct ep_error *err);

/* ---- bytes ---- */

/* Appends the bytes of a history; numbers of parties become map[number - 1], or stay where map is
 * NULL. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_write(struct ep_buffer *out, const struct ep_history *history,
                                            const uint32_t *map, struct ep_error *err);

/* Reads a history from the reader, which need not end behind it. head is the contents of the last
 * step. Parties are 1 to `parties`; they become map[number - 1], or stay where map is NULL. Lists
 * live in arena. EP_CORRUPT  not as above. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_history_read(struct ep_history *history, struct ep_reader *reader,
                                           const struct ep_revision *head, uint32_t parties,
                                           const uint32_t *map, struct ep_arena *arena,
                                           struct ep_error *err);

#endif
