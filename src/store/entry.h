/* entry.h - one entry of the log: a track at its latest change, as bytes
 *
 *     offset size
 *      0      1   version of this layout: 2
 *      1      1   operation: 1 put, 2 delete
 *      2      1   flags: EP_ENTRY_...
 *      3      1   0
 *      4      4   number of the source
 *      8      8   import date, seconds since 1970 (signed)
 *     16     32   contents hash (put), zeros (delete)
 *     48      4   whose word was the last about the track: the tag of a log, or 0
 *     52      8   the position of that word there
 *     60          body
 *     end-4   4   CRC-32 of all before
 *
 *     body  := text(track id) varint(documents) [put: metadata numbering [link] codes]
 *     metadata := varint(n) n * (codever length artist release track, each a text)
 *                 [n > 1: documents * varint(which of the n)]
 *     numbering := 0 (the documents are -0, -1, -2, ...) | 1 documents * text(suffix)
 *                  its byte has 0x80 added where a link stands behind it, and 0x40 where the track
 *                  was released from one
 *     link     := text(id of the original) kind (1 exact, 2 match) varint(share) varint(coverage)
 *                 varint(offset, as zigzag)
 *     codes := what ep_codes_encode gives for the documents (docs/formats/codes.md)
 *     text  := varint(size) bytes
 *
 * Integers are little-endian. A delete keeps how many documents went. In layout 1 the body follows
 * the hash. Specified in docs/formats/log.md.
 */
#ifndef EP_STORE_ENTRY_H
#define EP_STORE_ENTRY_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "code/codes.h"
#include "store/track.h"

#define EP_ENTRY_HEADER 60
#define EP_ENTRY_TRAILER 4

enum ep_operation { EP_PUT = 1, EP_DELETE = 2 };

enum {
	EP_ENTRY_CONFIRMED = 1, /* a local track that the master has sent back unchanged */
	EP_ENTRY_SHRUNK = 2, /* this put took documents away, which a CSV cannot say */
	EP_ENTRY_COPY = 4, /* it has a link: it is kept, but is no song of its own */
	EP_ENTRY_RELEASED = 8, /* it was released from a link, and is not to be linked by itself */
	EP_ENTRY_DECIDED = 16 /* this node itself linked, released or deleted it */
};

/* What another node said of a track, and when: the tag of its log (ep_log_tag; 0: nobody's word),
 * and its position there. Of two words of one log the one at the higher position stands, in
 * whatever order they come. */
struct ep_word {
	uint32_t tag;
	uint64_t position;
};

enum ep_copy_kind { EP_COPY_EXACT = 1, EP_COPY_MATCH = 2 };

/* Which track one is a copy of, and the evidence. */
struct ep_link {
	struct ep_text original;
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
	struct ep_word word; /* the last about it: of the master, or on a master of its source */
	struct ep_text id;
	uint32_t document_count;
	struct ep_text body; /* set by ep_entry_read */
	const uint8_t *rest; /* the body behind the count of documents */
	size_t rest_size;
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

/* Adds what the codes of a put take, by form, to usage. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_usage(struct ep_codes_usage *usage,
                                          const struct ep_entry *entry, struct ep_error *err);

/* Appends the body of a delete. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_delete_body(struct ep_buffer *out, struct ep_text id,
                                                uint32_t document_count, struct ep_error *err);

/* Writes a whole entry to bytes, which has room for EP_ENTRY_HEADER + body_size + EP_ENTRY_TRAILER.
 * Of entry, only operation, flags, source, import_date, hash and word are used. */
void ep_entry_write(uint8_t *bytes, const struct ep_entry *entry, const void *body,
                    size_t body_size);

/* Reads all but the documents. EP_CORRUPT: bad checksum or layout; EP_NEWER: a later version. */
EP_MUST_USE enum ep_status ep_entry_read(struct ep_entry *entry, uint64_t position,
                                         const void *bytes, size_t size, struct ep_error *err);

/* Reads a body as it stands alone: fills id, document_count and rest, and leaves the other fields.
 * EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_entry_read_body(struct ep_entry *entry, const void *body,
                                              size_t body_size, struct ep_error *err);

/* Reads the documents of a put without their codes, which are in *codes as they are stored; what is
 * before them in the rest is metadata and numbering. decoded is reset first, and valid as after
 * ep_entry_decode. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_rows(struct ep_decoded *decoded, struct ep_text *codes,
                                         const struct ep_entry *entry, struct ep_error *err);

/* The link of a put, borrowed from the entry; EP_NOT_FOUND where it has none. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_entry_link(struct ep_link *link, const struct ep_entry *entry,
                                         struct ep_error *err);

/* EP_ENTRY_COPY and EP_ENTRY_RELEASED, as the body of a put says. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_entry_link_flags(uint8_t *flags, const struct ep_entry *entry,
                                               struct ep_error *err);

/* Appends the body of a put with another link, or with none where link is NULL. EP_CORRUPT,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_relink_body(struct ep_buffer *out, const struct ep_entry *entry,
                                                const struct ep_link *link, bool released,
                                                struct ep_error *err);

/* Appends the body that has these parts: the opposite of ep_entry_read_body and ep_entry_rows.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_join_body(struct ep_buffer *out, struct ep_text id,
                                              uint32_t document_count, struct ep_text about,
                                              struct ep_text codes, struct ep_error *err);

/* Decodes the documents of a put into decoded, which is reset first. The texts are valid until
 * decoded is reset or freed, the entry's bytes go, or the coder is used again. EP_CORRUPT,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_decode(struct ep_decoded *decoded, const struct ep_entry *entry,
                                           struct ep_codes_coder *coder, struct ep_error *err);

void ep_decoded_free(struct ep_decoded *decoded);
#define EP_DECODED __attribute__((cleanup(ep_decoded_free)))

#endif
