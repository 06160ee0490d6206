/* contribution.h - a packet that a slave signs for its master, and the master's signed answer
 *
 * A contribution is a slave's packet whose signature (the last bytes of every packet) is
 *
 *     size
 *      32   public key of the slave
 *      32   public key of the master that it is for
 *      64   Ed25519 over "echoprint contribution 2", for the 64 bytes before it and the packet's
 *           hash
 *
 * The id of a contribution is the BLAKE2b-256 of the signed bytes, so it changes if any of them
 * does. Specified in docs/formats/feed.md.
 */
#ifndef EP_FORMAT_CONTRIBUTION_H
#define EP_FORMAT_CONTRIBUTION_H

#include "base/buffer.h"
#include "base/hash.h"
#include "base/sign.h"
#include "format/packet.h"

#define EP_TRAILER_SIGNATURE 128
/* hash, size of the signature, signature */
#define EP_TRAILER_SIZE (EP_PACKET_END + EP_TRAILER_SIGNATURE)

/* Entries of a contribution, and its bytes, at most. */
#define EP_CONTRIBUTION_ENTRIES 10000
#define EP_CONTRIBUTION_MAX ((uint64_t)64 << 20)

struct ep_trailer {
	struct ep_hash hash; /* of the packet */
	struct ep_key slave;
	struct ep_key master;
	struct ep_hash id; /* follows from the others */
};

/* Writes the last EP_TRAILER_SIZE bytes of a contribution: those of a packet end with its hash and
 * two zeros. keys are the slave's; trailer->slave and id are set. */
void ep_trailer_write(uint8_t bytes[EP_TRAILER_SIZE], struct ep_trailer *trailer,
                      const struct ep_keys *keys);

/* Makes a contribution of a packet: its end becomes the trailer, of which the master is given. keys
 * are the slave's. EP_CORRUPT  it is too short; EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_contribution_sign(struct ep_buffer *packet,
                                                struct ep_trailer *trailer,
                                                const struct ep_keys *keys, struct ep_error *err);

/* Reads them and checks the signature. Whether the packet has that hash is for its reader to say.
 * EP_CORRUPT  no contribution, or wrongly signed. */
EP_MUST_USE enum ep_status ep_trailer_read(struct ep_trailer *trailer,
                                           const uint8_t bytes[EP_TRAILER_SIZE],
                                           struct ep_error *err);

/* ---- the answer ---- */

enum ep_outcome {
	EP_OUTCOME_NEW,
	EP_OUTCOME_UPDATED,
	EP_OUTCOME_UNCHANGED,
	EP_OUTCOME_DUPLICATE, /* detail: of which track */
	EP_OUTCOME_CONFLICT,
	EP_OUTCOME_REJECTED, /* detail: why */
	EP_OUTCOME_DELETED,
	EP_OUTCOME_REFUSED, /* not the sender's to change */
	EP_OUTCOME_FULL, /* over the source's limit: later, or when that is raised; detail: which */
	EP_OUTCOME_NOTHING, /* a deletion of what is not there */
	EP_OUTCOME_COUNT
};

/* "new", "updated", ... */
const char *ep_outcome_name(enum ep_outcome outcome);

/* What became of one track; slices are borrowed. */
struct ep_receipt_track {
	struct ep_text id;
	enum ep_outcome outcome;
	struct ep_text detail;
};

/* The master's answer. */
struct ep_receipt {
	struct ep_hash id; /* of the contribution */
	uint64_t epoch; /* of the master's log */
	uint64_t position; /* of it, after this */
	char source[65]; /* as the master calls the slave */
	struct ep_receipt_track *tracks; /* in the order of the packet's entries */
	size_t track_count;
	struct json_t *json; /* owns the texts of a receipt that was read */
};
void ep_receipt_free(struct ep_receipt *receipt);
#define EP_RECEIPT __attribute__((cleanup(ep_receipt_free)))

/* The largest receipt that is read, in bytes. */
#define EP_RECEIPT_MAX ((size_t)16 << 20)

/* Appends the receipt as signed JSON. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_receipt_write(struct ep_buffer *out, const struct ep_receipt *receipt,
                                            const struct ep_keys *keys, struct ep_error *err);

/* Reads a receipt; to be freed with ep_receipt_free. Fails as ep_signed_read. */
EP_MUST_USE enum ep_status ep_receipt_read(struct ep_receipt *receipt, struct ep_text text,
                                           const struct ep_key *master, struct ep_error *err);

/* ---- joining ---- */

/* A slave's request to join. */
struct ep_join {
	char name[65]; /* as the invitation calls the slave */
	struct ep_key key; /* of the slave */
	struct ep_key master; /* that it is for */
	struct ep_signature proof; /* of the three above, by the keys of the invitation */
};
#define EP_JOIN_MAX ((size_t)4096)

/* Sets the proof: invitation are the keys of the invitation (ep_invitation_keys). */
void ep_join_prove(struct ep_join *join, const struct ep_keys *invitation);

/* Whether the one who made the request had the invitation with this public key. */
bool ep_join_proves(const struct ep_join *join, const struct ep_key *invitation);

/* Appends the request as signed JSON; keys are the slave's, those of join->key. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_join_write(struct ep_buffer *out, const struct ep_join *join,
                                         const struct ep_keys *keys, struct ep_error *err);

/* Reads a request, which is signed by the key that it names: who sent it has that key's secret
 * half. Whether it proves anything is for ep_join_proves to say. EP_BAD_INPUT  no request.
 * EP_CORRUPT  wrongly signed. EP_NEWER. */
EP_MUST_USE enum ep_status ep_join_read(struct ep_join *join, struct ep_text text,
                                        struct ep_error *err);

/* The name of a request, and of its answer, where they lie as files: the BLAKE2b-256 of the
 * request. So names are never names of files, and an answer is to one request. */
void ep_join_id(struct ep_hash *id, struct ep_text request);

/* The master's signed word that a key is now that of a source. EP_NO_MEMORY; as ep_signed_read, and
 * EP_CORRUPT where it speaks of another key. */
EP_MUST_USE enum ep_status ep_welcome_write(struct ep_buffer *out, const struct ep_join *join,
                                            const struct ep_keys *keys, struct ep_error *err);
EP_MUST_USE enum ep_status ep_welcome_read(struct ep_text text, const struct ep_join *join,
                                           const struct ep_key *master, struct ep_error *err);

#endif
