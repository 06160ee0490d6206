/* packet.h - a slice of a log as bytes, and back: docs/formats/packet.md
 *
 * A packet is a header, blocks that can be encoded and decoded side by side, and a hash over all.
 */
#ifndef EP_FORMAT_PACKET_H
#define EP_FORMAT_PACKET_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "base/sign.h"
#include "base/status.h"
#include "base/text.h"
#include "format/source.h"

#include <stdbool.h>
#include <stdint.h>

/* Versions: a packet has the higher one if a track in it has fields. */
#define EP_PACKET_VERSION 2
#define EP_PACKET_WITH_FIELDS 3
#define EP_PACKET_MAGIC \
	"\x89"          \
	"EPK\r\n\x1a\n"
#define EP_PACKET_MAGIC_SIZE 8

/* Entries of one block, and documents of one entry, at most. */
#define EP_PACKET_ENTRIES_MAX 65536
#define EP_PACKET_DOCUMENTS_MAX 65536

enum ep_packet_kind { EP_PACKET_MASTER = 1, EP_PACKET_SLAVE = 2 };
enum ep_packet_operation { EP_PACKET_PUT = 1, EP_PACKET_DELETE = 2, EP_PACKET_LINK = 3 };
/* The flag of a put: it took documents away. */
enum { EP_PACKET_SHRUNK = 2 };

/* Parties that a packet names, and marks that it has, at most. */
#define EP_PACKET_PARTIES_MAX 65536
#define EP_PACKET_MARKS_MAX 65536

/* A point of the sender's history that was published: the front of the chain hash there. */
#define EP_MARK_SIZE 16
struct ep_mark {
	uint64_t position;
	uint8_t hash[EP_MARK_SIZE];
};

struct ep_packet_header {
	bool fields; /* tracks in it may have fields: it is of version EP_PACKET_WITH_FIELDS */
	enum ep_packet_kind kind;
	struct ep_key key; /* of the node */
	uint64_t epoch; /* of its log: the number */
	uint64_t epoch_tag;
	uint64_t after; /* positions after..last, without the first */
	uint64_t last;
	uint64_t tracks;
	uint64_t documents;
	uint64_t deletions;
	uint64_t links;
	int64_t made; /* seconds since 1970 */
	struct ep_text name;
	const struct ep_text *sources; /* source_count names */
	size_t source_count;
	const struct ep_key *parties; /* who histories speak of, numbered from 1 */
	size_t party_count;
	const struct ep_mark *marks; /* after..last, with both; positions ascending */
	size_t mark_count;
	uint64_t marks_from; /* all marks from here on are there; after..last + 1 */
	struct ep_bytes
		head; /* of a contribution: the newest feed that was seen (feed.h); or empty */
};

/* One track, tombstone or link. Slices are borrowed. */
struct ep_packet_entry {
	enum ep_packet_operation operation;
	uint8_t flags;
	uint64_t position;
	uint32_t source; /* place in the header's list */
	int64_t import_date;
	uint32_t documents; /* of a link: 0 */
	struct ep_text id;
	struct ep_bytes history; /* its bytes; parties are those of the header */
	struct ep_bytes
		about; /* fields, metadata and numbering, or what a link says, as in the log */
	struct ep_bytes codes;
	struct ep_hash hash; /* of a put or link */
};

/* ---- its ends ---- */

/* Whether bytes are those that every packet begins with. */
bool ep_packet_begins(const uint8_t bytes[EP_PACKET_MAGIC_SIZE]);

/* What the first bytes of a packet say; they may be those of anything. */
#define EP_PACKET_FRONT 80
struct ep_packet_front {
	bool slave; /* it begins as the packet of a slave does */
	uint64_t after;
	uint64_t last;
};
struct ep_packet_front ep_packet_front(const uint8_t bytes[EP_PACKET_FRONT]);

/* The last bytes of a packet that is not signed: its hash, and that the signature has no bytes. */
#define EP_PACKET_END (EP_HASH_SIZE + 2)

/* ---- writing ---- */

/* Appends the header. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_packet_put_header(struct ep_buffer *out,
                                                const struct ep_packet_header *header,
                                                struct ep_error *err);

/* Appends a block of entries[0..count), 1 to EP_PACKET_ENTRIES_MAX, positions ascending. Callable
 * from many threads. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_packet_put_block(struct ep_buffer *out,
                                               const struct ep_packet_entry *entries, size_t count,
                                               struct ep_error *err);

/* Appends the end: what was written so far has been given to hasher, which is done then. */
EP_MUST_USE enum ep_status ep_packet_put_end(struct ep_buffer *out, struct ep_hasher *hasher,
                                             struct ep_error *err);

/* ---- reading ---- */

struct ep_packet_reader;

/* A block: as it was read, then with its entries. A zeroed struct is empty. */
struct ep_packet_block {
	struct ep_buffer payload;
	uint64_t number; /* of the block in the packet, from 1 */
	struct ep_packet_entry *entries;
	size_t count; /* entries; 0 before ep_packet_decode */
	uint64_t unpacked; /* stated size of its columns; any other is refused */
	struct ep_arena arena;
};
void ep_packet_block_free(struct ep_packet_block *block);

/* Reads the header; source.context is borrowed until the reader is closed.
 * EP_CORRUPT  no packet, or damaged. EP_NEWER  of a later version. EP_NO_MEMORY, or what source
 * gives. */
EP_MUST_USE enum ep_status ep_packet_open(struct ep_packet_reader **out, struct ep_source source,
                                          struct ep_error *err);
void ep_packet_close(struct ep_packet_reader *reader);
EP_DEFINE_OWNED(struct ep_packet_reader, ep_packet_close)

/* The header; borrowed from the reader. */
const struct ep_packet_header *ep_packet_header(const struct ep_packet_reader *reader);

/* Reads the payload of the next block and checks its checksum; *end is set where the packet ended
 * instead, and its hash was right. EP_CORRUPT, EP_NO_MEMORY, or what source gives. */
EP_MUST_USE enum ep_status ep_packet_read(struct ep_packet_reader *reader,
                                          struct ep_packet_block *block, bool *end,
                                          struct ep_error *err);

/* Decodes the entries of a block that was read; they borrow from it. Callable from many threads.
 * Of histories, about and codes only the sizes are checked. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_packet_decode(struct ep_packet_block *block,
                                            const struct ep_packet_header *header,
                                            struct ep_error *err);

#endif
