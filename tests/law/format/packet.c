/* Laws of packets: any bytes are read or refused, also where checksums are right; what was written
 * is read as it was, and with a byte changed it is refused. */
#include "base/bytes.h"
#include "format/packet_cost.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 20
#define PARTIES_MAX 5
#define MARKS_MAX 7

void law_packet(const uint8_t *bytes, size_t size);

/* Bytes in memory as a source that gives a few at a time. */
struct memory {
	const uint8_t *at;
	size_t left;
};

static enum ep_status
read_memory(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	(void)err;
	struct memory *memory = context;
	size_t step = memory->left < 100 ? memory->left : 100;
	*got = step < size ? step : size;
	if (*got)
		memcpy(bytes, memory->at, *got);
	memory->at += *got;
	memory->left -= *got;
	return EP_OK;
}

static void
same_header(const struct ep_packet_header *one, const struct ep_packet_header *two)
{
	must(one->fields == two->fields);
	must(one->kind == two->kind && one->epoch == two->epoch &&
	     one->epoch_tag == two->epoch_tag && one->after == two->after &&
	     one->last == two->last && one->made == two->made &&
	     one->marks_from == two->marks_from && one->tracks == two->tracks &&
	     one->documents == two->documents && one->deletions == two->deletions &&
	     one->links == two->links);
	must(ep_key_equal(&one->key, &two->key));
	must(ep_text_equal(one->name, two->name) && ep_bytes_equal(one->head, two->head));
	must(one->source_count == two->source_count && one->party_count == two->party_count &&
	     one->mark_count == two->mark_count);
	for (size_t i = 0; i < one->source_count; i++)
		must(ep_text_equal(one->sources[i], two->sources[i]));
	for (size_t i = 0; i < one->party_count; i++)
		must(ep_key_equal(&one->parties[i], &two->parties[i]));
	for (size_t i = 0; i < one->mark_count; i++)
		must(one->marks[i].position == two->marks[i].position &&
		     memcmp(one->marks[i].hash, two->marks[i].hash, EP_MARK_SIZE) == 0);
}

static void
same_entry(const struct ep_packet_entry *one, const struct ep_packet_entry *two)
{
	must(one->operation == two->operation && one->position == two->position &&
	     one->source == two->source && one->import_date == two->import_date &&
	     one->documents == two->documents && one->flags == two->flags);
	must(ep_text_equal(one->id, two->id));
	must(ep_bytes_equal(one->history, two->history));
	must(ep_bytes_equal(one->about, two->about));
	must(ep_bytes_equal(one->codes, two->codes));
	must(memcmp(&one->hash, &two->hash, EP_HASH_SIZE) == 0);
}

/* Reads all blocks; EP_OK only where the packet is good to its end. Compares with header and
 * entries, where they are given. */
static enum ep_status
read_all(const uint8_t *bytes, size_t size, const struct ep_packet_header *header,
         const struct ep_packet_entry *entries, size_t count)
{
	struct memory memory = { bytes, size };
	struct ep_source source = { .read = read_memory, .context = &memory };
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *reader = NULL;
	EP_TRY(ep_packet_open(&reader, source, NULL));
	if (header)
		same_header(header, ep_packet_header(reader));
	struct ep_packet_block block = { 0 };
	enum ep_status status = EP_OK;
	bool end = false;
	size_t seen = 0;
	for (;;) {
		status = ep_packet_read(reader, &block, &end, NULL);
		if (status != EP_OK || end)
			break;
		status = ep_packet_decode(&block, ep_packet_header(reader), NULL);
		if (status != EP_OK)
			break;
		for (size_t i = 0; entries && i < block.count; i++, seen++) {
			must(seen < count);
			same_entry(&entries[seen], &block.entries[i]);
		}
	}
	must(!entries || status != EP_OK || seen == count);
	ep_packet_block_free(&block);
	return status;
}

static struct ep_bytes
take(const uint8_t **at, const uint8_t *end, size_t most)
{
	size_t size = *at < end ? *(*at)++ % (most + 1) : 0;
	if (size > (size_t)(end - *at))
		size = (size_t)(end - *at);
	struct ep_bytes bytes = { *at, size };
	*at += size;
	return bytes;
}

/* Makes entries of any bytes. */
static size_t
make_entries(struct ep_packet_entry *entries, const uint8_t *at, const uint8_t *end)
{
	size_t count = 0;
	uint64_t position = 5;
	while (at < end && count < ENTRIES_MAX) {
		struct ep_packet_entry *entry = &entries[count++];
		uint8_t kind = *at++;
		position += 1 + kind % 7;
		*entry = (struct ep_packet_entry){
			.operation = kind & 8    ? EP_PACKET_DELETE
			             : kind & 64 ? EP_PACKET_LINK
			                         : EP_PACKET_PUT,
			.flags = (kind & 88) == 16 ? EP_PACKET_SHRUNK : 0,
			.position = position,
			.source = kind % 2,
			.import_date = kind & 32 ? INT64_MIN : INT64_MAX,
			.documents = (kind & 72) == 64 ? 0 : 1U + kind,
		};
		entry->id = ep_text_of_bytes(take(&at, end, 30));
		if (entry->id.size == 0)
			entry->id = ep_text_of("T");
		entry->history = take(&at, end, 90);
		if (entry->history.size == 0)
			entry->history = ep_bytes_of_text(ep_text_of("h"));
		if (entry->operation != EP_PACKET_DELETE) {
			entry->about = take(&at, end, 60);
			memset(entry->hash.bytes, kind, EP_HASH_SIZE);
		}
		if (entry->operation == EP_PACKET_PUT)
			entry->codes = take(&at, end, 200);
	}
	return count;
}

/* A header with the lists that any bytes say. */
struct header {
	struct ep_packet_header header;
	struct ep_key parties[PARTIES_MAX];
	struct ep_mark marks[MARKS_MAX];
};

static void
make_header(struct header *made, const uint8_t *bytes, size_t size)
{
	static const struct ep_text sources[] = { { "local", 5 }, { "paris", 5 } };
	struct ep_packet_header *header = &made->header;
	uint8_t first = size ? bytes[0] : 0;
	*made = (struct header){ 0 };
	*header = (struct ep_packet_header){
		.kind = first & 1 ? EP_PACKET_MASTER : EP_PACKET_SLAVE,
		.epoch = size,
		.epoch_tag = UINT64_MAX - size,
		.after = 5,
		.last = UINT64_MAX - 1,
		.made = -(int64_t)size,
		.name = ep_text_of("node"),
		.sources = sources,
		.source_count = 2,
		.parties = made->parties,
		.party_count = first % (PARTIES_MAX + 1),
		.marks = made->marks,
		.mark_count = first / 8 % (MARKS_MAX + 1),
		.marks_from = 5 + (uint64_t)first * size,
		.head = { bytes, size < 200 ? size : 200 },
	};
	for (size_t i = 0; i < header->party_count; i++)
		memset(made->parties[i].bytes, (int)(first + i), EP_KEY_SIZE);
	for (size_t i = 0; i < header->mark_count; i++) {
		made->marks[i].position = 5 + i * (1 + size);
		memset(made->marks[i].hash, (int)(first ^ i), EP_MARK_SIZE);
	}
}

/* Whether a put's about begins as one with fields, which version 2 may not have. */
static bool
has_fields(const struct ep_packet_entry *entries, size_t count)
{
	bool has = false;
	for (size_t i = 0; i < count; i++)
		has |= entries[i].operation == EP_PACKET_PUT && entries[i].about.size > 0 &&
		       entries[i].about.at[0] == 0;
	return has;
}

static void
put_packet(struct ep_buffer *out, const struct ep_packet_header *header,
           const struct ep_packet_entry *entries, size_t count, size_t split)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	must_equal(ep_packet_put_header(out, header, NULL), EP_OK);
	if (split)
		must_equal(ep_packet_put_block(out, entries, split, NULL), EP_OK);
	if (count > split)
		must_equal(ep_packet_put_block(out, entries + split, count - split, NULL), EP_OK);
	ep_hasher_add(&hasher, out->data, out->size);
	must_equal(ep_packet_put_end(out, &hasher, NULL), EP_OK);
}

static void
put_end(struct ep_buffer *out)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, out->data, out->size);
	must_equal(ep_packet_put_end(out, &hasher, NULL), EP_OK);
}

/* The bytes are what a header has behind its fixed part, or a block's payload, and the checksums
 * around them are right. */
static void
read_sealed(const struct ep_packet_header *header, const uint8_t *bytes, size_t size)
{
	uint8_t number[4];
	EP_BUFFER struct ep_buffer packet = { 0 };
	must_equal(ep_packet_put_header(&packet, header, NULL), EP_OK);
	packet.size = 16;
	must_equal(ep_buffer_append(&packet, bytes, size, NULL), EP_OK);
	ep_store32(packet.data + 12, (uint32_t)size + 4);
	ep_store32(number, ep_crc32(packet.data, packet.size));
	must_equal(ep_buffer_append(&packet, number, 4, NULL), EP_OK);
	put_end(&packet);
	(void)!read_all(packet.data, packet.size, NULL, NULL, 0);

	packet.size = 0;
	must_equal(ep_packet_put_header(&packet, header, NULL), EP_OK);
	ep_store32(number, (uint32_t)size);
	must_equal(ep_buffer_append(&packet, number, 4, NULL), EP_OK);
	ep_store32(number, ep_crc32(bytes, size));
	must_equal(ep_buffer_append(&packet, number, 4, NULL), EP_OK);
	must_equal(ep_buffer_append(&packet, bytes, size, NULL), EP_OK);
	if (size > 0)
		put_end(&packet);
	(void)!read_all(packet.data, packet.size, NULL, NULL, 0);
	uint64_t cost = 0;
	struct memory memory = { packet.data, packet.size };
	struct ep_source source = { .read = read_memory, .context = &memory };
	if (ep_packet_weigh(&cost, source, packet.size, NULL) == EP_OK)
		must(cost <= EP_PACKET_COST_MAX(packet.size));
}

void
law_packet(const uint8_t *bytes, size_t size)
{
	struct header made;
	struct ep_packet_entry entries[ENTRIES_MAX];
	size_t count = make_entries(entries, bytes, bytes + size);
	EP_BUFFER struct ep_buffer packet = { 0 };
	(void)!read_all(bytes, size, NULL, NULL, 0);
	make_header(&made, bytes, size);
	read_sealed(&made.header, bytes, size);
	bool has = has_fields(entries, count);
	if (has) {
		put_packet(&packet, &made.header, entries, count, size % (count + 1));
		must_equal(read_all(packet.data, packet.size, NULL, NULL, 0), EP_CORRUPT);
		packet.size = 0;
	}
	made.header.fields = has || size % 2;
	put_packet(&packet, &made.header, entries, count, size % (count + 1));
	must_equal(read_all(packet.data, packet.size, &made.header, entries, count), EP_OK);
	size_t at = (size * 7919) % packet.size;
	packet.data[at] ^= 1;
	must(read_all(packet.data, packet.size, NULL, NULL, 0) != EP_OK);
	packet.data[at] ^= 1;
	must(read_all(packet.data, at, NULL, NULL, 0) != EP_OK);
}
