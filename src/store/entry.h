/* entry.h - one entry of the log: a track, a tombstone or a link at its latest change, as bytes
 *
 *     offset size
 *      0      1   version of this layout: 3; 4: a put with fields
 *      1      1   operation: 1 put, 2 delete, 3 link
 *      2      1   flags: EP_ENTRY_...
 *      3      1   0
 *      4      4   number of the source
 *      8      8   import date, seconds since 1970 (signed)
 *     16     32   contents hash (put, link), zeros (delete)
 *     48          varint(era) varint(since) varint(size of the history) history
 *                 body
 *     end-4   4   CRC-32 of all before
 *
 *     history  := which revisions led here (history.h)
 *     body     := text(track id) varint(documents) rest
 *     rest     := put: [0 fields] metadata numbering codes | link: copied | delete: nothing
 *     metadata := varint(n) n * (codever length artist release track, each a text)
 *                 [n > 1: documents * varint(which of the n)]
 *     numbering := 0 (the documents are -0, -1, -2, ...) | 1 documents * text(suffix)
 *     fields   := of the track (track_fields.h); the 0 can be no number of metadata
 *     codes    := what ep_codes_encode gives for the documents (docs/formats/codes.md)
 *     copied   := text(id of the original; empty: released) contents of the copy, 16 bytes
 *                 [an original: its contents, 16 bytes, kind (1 exact, 2 match), varint(share)
 *                  varint(coverage) varint(offset, as zigzag)]
 *     text     := varint(size) bytes
 *
 * Integers are little-endian. A delete keeps how many documents went; a link has 0. Specified in
 * docs/formats/log.md.
 */
#ifndef EP_STORE_ENTRY_H
#define EP_STORE_ENTRY_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "code/stored/codes.h"
#include "store/history.h"
#include "store/track.h"

enum ep_operation { EP_PUT = 1, EP_DELETE = 2, EP_LINK = 3 };

enum {
	EP_ENTRY_SHRUNK = 2, /* this put took documents away, which a CSV cannot say */
	EP_ENTRY_LINKED = 4, /* a put: there is a link of the track, in force or not */
	EP_ENTRY_PARTIAL = 8 /* of a version set aside: rows that join a track, not all of one */
};

enum ep_copy_kind { EP_COPY_EXACT = 1, EP_COPY_MATCH = 2 };

/* Which track one is a copy of, and the evidence. It is in force only as long as both have the
 * contents that were compared (ep_log_link_of). */
struct ep_link {
	struct ep_text original; /* empty: released, and not to be linked again automatically */
	struct ep_revision copy_contents; /* first half of the contents hash of the copy */
	struct ep_revision original_contents; /* and of the original */
	enum ep_copy_kind kind;
	uint32_t
		share; /* of its onsets in the time of both that the original has, in thousandths */
	uint32_t coverage; /* of the shorter one's length that aligns, in thousandths */
	int64_t offset; /* time of the original at the copy's time 0, in units */
};

/* An entry as it lies in the log; slices are borrowed. */
struct ep_entry {
	uint64_t position; /* from its key */
	enum ep_operation operation;
	uint8_t flags;
	uint32_t source;
	int64_t import_date;
	struct ep_hash hash;
	uint64_t era; /* of a slave: in which the feed last confirmed this; 0: never */
	uint64_t since; /* position where the owner's tenure began in this log; 0: this one */
	struct ep_bytes history; /* its bytes */
	struct ep_text id;
	uint32_t document_count;
	struct ep_bytes body; /* set by ep_entry_read */
	struct ep_bytes rest; /* the body behind the count of documents */
};

/* The documents of an entry, decoded. Texts live in arena, in the entry's bytes and in the coder.
 */
struct ep_decoded {
	struct ep_track track;
	struct ep_arena arena;
	struct ep_codes_document *codes; /* track.count of them, in arena */
};

/* Appends the body of a put. track has at least one document.
 *
 * usage  what the codes took, by form, is added to it; may be NULL. EP_NO_MEMORY, EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_entry_put_body(struct ep_buffer *out, struct ep_codes_usage *usage,
                                             const struct ep_track *track,
                                             struct ep_codes_coder *coder, struct ep_error *err);

/* The same of a track whose codes are encoded already; those of its documents are not looked at.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_put_about(struct ep_buffer *out, const struct ep_track *track,
                                              struct ep_bytes codes, struct ep_error *err);

/* Whether an entry is a put of a track with fields. */
bool ep_entry_has_fields(const struct ep_entry *entry);

/* Adds what the codes of a put take, by form, to usage. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_usage(struct ep_codes_usage *usage,
                                          const struct ep_entry *entry, struct ep_error *err);

/* Appends the body of a delete. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_delete_body(struct ep_buffer *out, struct ep_text id,
                                                uint32_t document_count, struct ep_error *err);

/* Appends the body of a link. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_link_body(struct ep_buffer *out, struct ep_text copy,
                                              const struct ep_link *link, struct ep_error *err);

/* The contents hash of a link: BLAKE2b-256 of what it names; its evidence is not in it. */
void ep_link_hash(struct ep_hash *hash, struct ep_text copy, const struct ep_link *link);

/* The size of an entry's bytes. */
size_t ep_entry_size(const struct ep_entry *entry);

/* Writes a whole entry to bytes, which has room for ep_entry_size. Of entry, all but position, id
 * and what is read from the body is used. */
void ep_entry_write(uint8_t *bytes, const struct ep_entry *entry);

/* The contents that the last step of an entry's history has: the first half of its hash, zeros of a
 * deletion. */
void ep_entry_contents(struct ep_revision *contents, const struct ep_entry *entry);

/* Reads the history of an entry, whose parties are those of its log: 1 to `parties`, which become
 * map[number - 1], or stay where map is NULL. Ids are not computed. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_history(struct ep_history *history,
                                            const struct ep_entry *entry, uint32_t parties,
                                            const uint32_t *map, struct ep_arena *arena,
                                            struct ep_error *err);

/* Reads all but the documents. EP_CORRUPT: bad checksum or layout; EP_NEWER: a later version. */
EP_MUST_USE enum ep_status ep_entry_read(struct ep_entry *entry, uint64_t position,
                                         const void *bytes, size_t size, struct ep_error *err);

/* Reads a body as it stands alone: fills id, document_count and rest, and leaves the other fields,
 * of which operation is set. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_entry_read_body(struct ep_entry *entry, struct ep_bytes body,
                                              struct ep_error *err);

/* Reads the documents and fields of a put without the codes, which are in *codes as they are
 * stored; what is before them in the rest is fields, metadata and numbering. decoded is reset
 * first, and valid as after ep_entry_decode. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_rows(struct ep_decoded *decoded, struct ep_bytes *codes,
                                         const struct ep_entry *entry, struct ep_error *err);

/* What a link says, borrowed from the entry. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_entry_link(struct ep_link *link, const struct ep_entry *entry,
                                         struct ep_error *err);

/* Appends the body that has these parts: the opposite of ep_entry_read_body and ep_entry_rows.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_join_body(struct ep_buffer *out, struct ep_text id,
                                              uint32_t document_count, struct ep_bytes about,
                                              struct ep_bytes codes, struct ep_error *err);

/* Decodes the documents of a put into decoded, which is reset first. The texts are valid until
 * decoded is reset or freed, the entry's bytes go, or the coder is used again. EP_CORRUPT,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_decode(struct ep_decoded *decoded, const struct ep_entry *entry,
                                           struct ep_codes_coder *coder, struct ep_error *err);

void ep_decoded_free(struct ep_decoded *decoded);
#define EP_DECODED __attribute__((cleanup(ep_decoded_free)))

#endif
