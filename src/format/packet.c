#include "format/packet.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define HEADER_REST_MIN 120
#define HEADER_REST_MAX ((uint32_t)16 << 20)
#define PAYLOAD_MAX ((uint32_t)96 << 20)
#define COLUMNS_MAX ((size_t)96 << 20)
#define FIXED_HEADER 16

/* Where the first bytes say what. */
enum { AT_VERSION = 8, AT_KIND = 10, AT_REST = 12, AT_AFTER = 64, AT_LAST = 72 };

struct ep_packet_reader {
	struct ep_source source;
	struct ep_hasher hasher; /* over all that was read */
	struct ep_buffer header_bytes;
	struct ep_packet_header header;
	struct ep_arena arena;
	uint64_t blocks;
	bool ended;
};

/* ---- its ends ---- */

bool
ep_packet_begins(const uint8_t bytes[EP_PACKET_MAGIC_SIZE])
{
	return memcmp(bytes, EP_PACKET_MAGIC, EP_PACKET_MAGIC_SIZE) == 0;
}

struct ep_packet_front
ep_packet_front(const uint8_t bytes[EP_PACKET_FRONT])
{
	return (struct ep_packet_front){
		.slave = ep_packet_begins(bytes) && ep_load16(bytes + AT_KIND) == EP_PACKET_SLAVE,
		.after = ep_load64(bytes + AT_AFTER),
		.last = ep_load64(bytes + AT_LAST),
	};
}

/* ---- the stream ---- */

/* Reads exactly size bytes; a packet that ends before them is cut off. */
static enum ep_status
read_whole(struct ep_packet_reader *reader, uint8_t *bytes, size_t size, struct ep_error *err)
{
	size_t done = 0;
	while (done < size) {
		size_t got;
		EP_TRY(reader->source.read(reader->source.context, bytes + done, size - done, &got,
		                           err));
		if (got == 0)
			return ep_fail(err, EP_CORRUPT, "the packet is truncated after block %llu",
			               (unsigned long long)reader->blocks);
		done += got;
	}
	return EP_OK;
}

static enum ep_status
read_hashed(struct ep_packet_reader *reader, uint8_t *bytes, size_t size, struct ep_error *err)
{
	EP_TRY(read_whole(reader, bytes, size, err));
	ep_hasher_add(&reader->hasher, bytes, size);
	return EP_OK;
}

/* ---- the header ---- */

static enum ep_status
damaged(struct ep_error *err, const char *what)
{
	return ep_fail(err, EP_CORRUPT, "the packet is damaged: %s", what);
}

/* Reads how many items of at least item_size bytes follow. */
static size_t
read_count(struct ep_reader *reader, size_t item_size, size_t most)
{
	uint64_t count = ep_read_varint(reader);
	if (reader->ok && (count > most || count > ep_reader_left(reader) / item_size))
		reader->ok = false;
	return reader->ok ? (size_t)count : 0;
}

/* Reads the lists of sources, parties and marks. */
static enum ep_status
read_lists(struct ep_packet_reader *packet, struct ep_reader *reader, struct ep_error *err)
{
	struct ep_packet_header *header = &packet->header;
	header->source_count = read_count(reader, 1, SIZE_MAX);
	struct ep_text *sources =
		ep_arena_alloc(&packet->arena, header->source_count * sizeof *sources);
	for (size_t i = 0; sources && i < header->source_count; i++)
		sources[i] = ep_read_text(reader);
	header->party_count = read_count(reader, EP_KEY_SIZE, EP_PACKET_PARTIES_MAX);
	struct ep_key *parties =
		ep_arena_alloc(&packet->arena, header->party_count * sizeof *parties);
	for (size_t i = 0; parties && i < header->party_count; i++)
		ep_read_into(reader, parties[i].bytes, EP_KEY_SIZE);
	uint64_t behind = ep_read_varint(reader);
	if (behind > header->last - header->after + 1)
		reader->ok = false;
	header->marks_from = header->after + behind;
	header->mark_count = read_count(reader, EP_MARK_SIZE + 1, EP_PACKET_MARKS_MAX);
	struct ep_mark *marks = ep_arena_alloc(&packet->arena, header->mark_count * sizeof *marks);
	uint64_t before = header->after;
	for (size_t i = 0; marks && i < header->mark_count; i++) {
		uint64_t step = ep_read_varint(reader);
		marks[i].position = before + step;
		if ((i > 0 && step == 0) || marks[i].position < before ||
		    marks[i].position > header->last)
			reader->ok = false;
		before = marks[i].position;
		ep_read_into(reader, marks[i].hash, EP_MARK_SIZE);
	}
	if (!sources || !parties || !marks)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the header of a packet");
	header->sources = sources;
	header->parties = parties;
	header->marks = marks;
	return EP_OK;
}

/* Reads the fields behind the fixed part. */
static enum ep_status
parse_header(struct ep_packet_reader *packet, struct ep_error *err)
{
	struct ep_packet_header *header = &packet->header;
	const uint8_t *bytes = packet->header_bytes.data;
	size_t size = packet->header_bytes.size - 4;
	if (ep_load32(bytes + size) != ep_crc32(bytes, size))
		return damaged(err, "the checksum of its header is wrong");
	struct ep_reader reader = ep_reader_of(bytes + FIXED_HEADER, size - FIXED_HEADER);
	uint16_t kind = ep_load16(bytes + AT_KIND);
	header->kind = kind == EP_PACKET_MASTER ? EP_PACKET_MASTER : EP_PACKET_SLAVE;
	ep_read_into(&reader, header->key.bytes, EP_KEY_SIZE);
	header->epoch = ep_read64(&reader);
	header->epoch_tag = ep_read64(&reader);
	header->after = ep_read64(&reader);
	header->last = ep_read64(&reader);
	if (header->last < header->after || header->last == UINT64_MAX)
		return damaged(err, "its range of positions is invalid");
	header->tracks = ep_read64(&reader);
	header->documents = ep_read64(&reader);
	header->deletions = ep_read64(&reader);
	header->links = ep_read64(&reader);
	header->made = (int64_t)ep_read64(&reader);
	header->name = ep_read_text(&reader);
	EP_TRY(read_lists(packet, &reader, err));
	header->head = ep_read_sized(&reader);
	if (!reader.ok || ep_reader_left(&reader) != 0 ||
	    (kind != EP_PACKET_MASTER && kind != EP_PACKET_SLAVE))
		return damaged(err, "its header is invalid");
	return EP_OK;
}

static enum ep_status
read_header(struct ep_packet_reader *packet, struct ep_error *err)
{
	uint8_t fixed[FIXED_HEADER];
	EP_TRY(read_hashed(packet, fixed, sizeof fixed, err));
	if (!ep_packet_begins(fixed))
		return ep_fail(err, EP_CORRUPT, "this is not a packet");
	uint16_t version = ep_load16(fixed + AT_VERSION);
	packet->header.fields = version == EP_PACKET_WITH_FIELDS;
	if (version > EP_PACKET_WITH_FIELDS)
		return ep_fail(err, EP_NEWER,
		               "the packet has version %u, but this program knows only %d", version,
		               EP_PACKET_WITH_FIELDS);
	if (version < EP_PACKET_VERSION)
		return ep_fail(err, EP_DIVERGED,
		               "the packet has version %u, of a build before the first "
		               "release; dump its data with that build as CSV (`master-dump "
		               "--format csv`)",
		               version);
	uint32_t rest = ep_load32(fixed + AT_REST);
	if (rest < HEADER_REST_MIN || rest > HEADER_REST_MAX)
		return damaged(err, "its header is invalid");
	struct ep_buffer *bytes = &packet->header_bytes;
	EP_TRY(ep_buffer_append(bytes, fixed, sizeof fixed, err));
	EP_TRY(ep_buffer_reserve(bytes, rest, err));
	EP_TRY(read_hashed(packet, bytes->data + bytes->size, rest, err));
	bytes->size += rest;
	return parse_header(packet, err);
}

enum ep_status
ep_packet_open(struct ep_packet_reader **out, struct ep_source source, struct ep_error *err)
{
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *packet = calloc(1, sizeof *packet);
	if (!packet)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	packet->source = source;
	ep_hasher_init(&packet->hasher);
	EP_TRY(read_header(packet, err));
	*out = EP_TAKE(packet);
	return EP_OK;
}

void
ep_packet_close(struct ep_packet_reader *reader)
{
	if (!reader)
		return;
	ep_buffer_free(&reader->header_bytes);
	ep_arena_free(&reader->arena);
	free(reader);
}

const struct ep_packet_header *
ep_packet_header(const struct ep_packet_reader *reader)
{
	return &reader->header;
}

/* ---- blocks ---- */

void
ep_packet_block_free(struct ep_packet_block *block)
{
	ep_buffer_free(&block->payload);
	ep_arena_free(&block->arena);
	*block = (struct ep_packet_block){ 0 };
}

/* Reads what follows the last block. */
static enum ep_status
read_end(struct ep_packet_reader *packet, struct ep_error *err)
{
	struct ep_hash said;
	struct ep_hash found;
	uint8_t size[2];
	ep_hasher_done(&found, &packet->hasher);
	EP_TRY(read_whole(packet, said.bytes, EP_HASH_SIZE, err));
	if (memcmp(said.bytes, found.bytes, EP_HASH_SIZE) != 0)
		return damaged(err, "the hash over the whole packet is wrong");
	EP_TRY(read_whole(packet, size, sizeof size, err));
	for (unsigned left = ep_load16(size); left > 0;) {
		uint8_t passed[256];
		unsigned step = left < sizeof passed ? left : (unsigned)sizeof passed;
		EP_TRY(read_whole(packet, passed, step, err));
		left -= step;
	}
	uint8_t more;
	size_t got;
	EP_TRY(packet->source.read(packet->source.context, &more, 1, &got, err));
	packet->ended = true;
	return got ? damaged(err, "there are bytes after its end") : EP_OK;
}

enum ep_status
ep_packet_read(struct ep_packet_reader *reader, struct ep_packet_block *block, bool *end,
               struct ep_error *err)
{
	block->count = 0;
	block->unpacked = 0;
	block->payload.size = 0;
	*end = reader->ended;
	if (reader->ended)
		return EP_OK;
	uint8_t head[8];
	EP_TRY(read_hashed(reader, head, 4, err));
	uint32_t size = ep_load32(head);
	if (size == 0) {
		EP_TRY(read_end(reader, err));
		*end = true;
		return EP_OK;
	}
	if (size > PAYLOAD_MAX)
		return damaged(err, "a block is too large");
	EP_TRY(read_hashed(reader, head + 4, 4, err));
	EP_TRY(ep_buffer_reserve(&block->payload, size, err));
	EP_TRY(read_hashed(reader, block->payload.data, size, err));
	block->payload.size = size;
	block->number = ++reader->blocks;
	if (ep_crc32(block->payload.data, size) != ep_load32(head + 4))
		return ep_fail(err, EP_CORRUPT,
		               "the packet is damaged: the checksum of block %llu is wrong",
		               (unsigned long long)block->number);
	struct ep_reader payload = ep_reader_of(block->payload.data, size);
	(void)ep_read_varint(&payload); /* entries */
	block->unpacked = ep_read_varint(&payload);
	return EP_OK;
}

/* Unpacks the columns of a block into its arena. */
static enum ep_status
unpack_columns(struct ep_reader *columns, struct ep_packet_block *block, struct ep_reader *payload,
               struct ep_error *err)
{
	uint64_t unpacked = ep_read_varint(payload);
	uint64_t packed = ep_read_varint(payload);
	const uint8_t *frame = ep_read_bytes(payload, packed);
	if (!frame || unpacked == 0 || unpacked > COLUMNS_MAX ||
	    ZSTD_getFrameContentSize(frame, (size_t)packed) != unpacked ||
	    ZSTD_findFrameCompressedSize(frame, (size_t)packed) != packed)
		return damaged(err, "the columns of a block are invalid");
	uint8_t *bytes = ep_arena_alloc(&block->arena, (size_t)unpacked);
	if (!bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a block of a packet");
	size_t size = ZSTD_decompress(bytes, (size_t)unpacked, frame, (size_t)packed);
	if (ZSTD_isError(size) || size != unpacked)
		return damaged(err, "the columns of a block cannot be decompressed");
	*columns = ep_reader_of(bytes, size);
	return EP_OK;
}

static int64_t
unzigzag(uint64_t value)
{
	return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

static uint32_t
read_small(struct ep_reader *reader)
{
	uint64_t value = ep_read_varint(reader);
	if (value > UINT32_MAX)
		reader->ok = false;
	return (uint32_t)value;
}

/* Reads the columns of numbers; the sizes go into the texts. */
static bool
read_numbers(struct ep_reader *columns, struct ep_packet_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t operation = ep_read8(columns);
		if (operation < EP_PACKET_PUT || operation > EP_PACKET_LINK)
			return false;
		entries[i].operation = (enum ep_packet_operation)operation;
	}
	for (size_t i = 0; i < count; i++)
		entries[i].flags = ep_read8(columns);
	for (size_t i = 0; i < count; i++) {
		uint64_t before = i ? entries[i - 1].position : 0;
		entries[i].position = before + ep_read_varint(columns);
		if (entries[i].position <= before)
			return false;
	}
	for (size_t i = 0; i < count; i++)
		entries[i].source = read_small(columns);
	for (size_t i = 0; i < count; i++) {
		uint64_t before = i ? (uint64_t)entries[i - 1].import_date : 0;
		uint64_t step = (uint64_t)unzigzag(ep_read_varint(columns));
		entries[i].import_date = (int64_t)(before + step);
	}
	for (size_t i = 0; i < count; i++)
		entries[i].documents = read_small(columns);
	for (size_t i = 0; i < count; i++)
		entries[i].id.size = read_small(columns);
	for (size_t i = 0; i < count; i++)
		entries[i].history.size = read_small(columns);
	for (size_t i = 0; i < count; i++)
		entries[i].about.size = read_small(columns);
	for (size_t i = 0; i < count; i++)
		entries[i].codes.size = read_small(columns);
	return columns->ok;
}

/* Fills the texts, whose sizes are known, from where they lie. */
static bool
read_texts(struct ep_reader *columns, struct ep_reader *payload, struct ep_packet_entry *entries,
           size_t count)
{
	for (size_t i = 0; i < count; i++)
		entries[i].id.at = (const char *)ep_read_bytes(columns, entries[i].id.size);
	for (size_t i = 0; i < count; i++)
		entries[i].history.at = ep_read_bytes(columns, entries[i].history.size);
	for (size_t i = 0; i < count; i++)
		entries[i].about.at = ep_read_bytes(columns, entries[i].about.size);
	for (size_t i = 0; i < count; i++) {
		if (entries[i].operation == EP_PACKET_DELETE)
			continue;
		const uint8_t *hash = ep_read_bytes(payload, EP_HASH_SIZE);
		if (hash)
			memcpy(entries[i].hash.bytes, hash, EP_HASH_SIZE);
	}
	for (size_t i = 0; i < count; i++)
		entries[i].codes.at = ep_read_bytes(payload, entries[i].codes.size);
	return columns->ok && payload->ok && ep_reader_left(columns) == 0 &&
	       ep_reader_left(payload) == 0;
}

/* Whether a put is of a track with fields: its about begins with a byte 0 then, which can be no
 * number of metadata (docs/formats/log.md). */
static bool
has_fields(const struct ep_packet_entry *entry)
{
	return entry->operation == EP_PACKET_PUT && entry->about.size && entry->about.at[0] == 0;
}

static bool
entries_fit(const struct ep_packet_entry *entries, size_t count,
            const struct ep_packet_header *header)
{
	for (size_t i = 0; i < count; i++) {
		const struct ep_packet_entry *entry = &entries[i];
		bool put = entry->operation == EP_PACKET_PUT;
		bool link = entry->operation == EP_PACKET_LINK;
		if (entry->position <= header->after || entry->position > header->last ||
		    entry->source >= header->source_count || entry->id.size == 0 ||
		    entry->history.size == 0 || (entry->documents == 0) != link ||
		    entry->documents > EP_PACKET_DOCUMENTS_MAX ||
		    (entry->flags & ~EP_PACKET_SHRUNK) || (!put && entry->codes.size) ||
		    (!put && entry->flags) || (!put && !link && entry->about.size) ||
		    (has_fields(entry) && !header->fields))
			return false;
	}
	return true;
}

enum ep_status
ep_packet_decode(struct ep_packet_block *block, const struct ep_packet_header *header,
                 struct ep_error *err)
{
	ep_arena_reset(&block->arena);
	block->count = 0;
	struct ep_reader payload = ep_reader_of(block->payload.data, block->payload.size);
	struct ep_reader columns;
	uint64_t count = ep_read_varint(&payload);
	if (count == 0 || count > EP_PACKET_ENTRIES_MAX)
		return damaged(err, "the number of entries of a block is invalid");
	EP_TRY(unpack_columns(&columns, block, &payload, err));
	struct ep_packet_entry *entries =
		ep_arena_alloc(&block->arena, (size_t)count * sizeof *entries);
	if (!entries)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a block of a packet");
	memset(entries, 0, (size_t)count * sizeof *entries);
	if (!read_numbers(&columns, entries, (size_t)count) ||
	    !read_texts(&columns, &payload, entries, (size_t)count) ||
	    !entries_fit(entries, (size_t)count, header))
		return ep_fail(err, EP_CORRUPT,
		               "the packet is damaged: the entries of block %llu are invalid",
		               (unsigned long long)block->number);
	block->entries = entries;
	block->count = (size_t)count;
	return EP_OK;
}
