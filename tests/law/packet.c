/* Laws of packets: any bytes are read or refused; what was written is read as it was, and with a
 * byte changed it is refused. */
#include "format/packet.h"
#include "tests/law/must.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 20

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

/* Reads all blocks; EP_OK only where the packet is good to its end. Compares with entries, where
 * they are given. */
static enum ep_status
read_all(const uint8_t *bytes, size_t size, const struct ep_packet_entry *entries, size_t count)
{
	struct memory memory = { bytes, size };
	struct ep_source source = { .read = read_memory, .context = &memory };
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *reader = NULL;
	EP_TRY(ep_packet_open(&reader, source, NULL));
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
			const struct ep_packet_entry *one = &entries[seen];
			const struct ep_packet_entry *two = &block.entries[i];
			must(one->operation == two->operation && one->position == two->position &&
			     one->source == two->source && one->import_date == two->import_date &&
			     one->documents == two->documents && one->flags == two->flags);
			must(ep_text_equal(one->id, two->id));
			must(ep_text_equal(one->about, two->about));
			must(ep_text_equal(one->codes, two->codes));
		}
	}
	must(!entries || status != EP_OK || seen == count);
	ep_packet_block_free(&block);
	return status;
}

static struct ep_text
take(const uint8_t **at, const uint8_t *end, size_t most)
{
	size_t size = *at < end ? *(*at)++ % (most + 1) : 0;
	if (size > (size_t)(end - *at))
		size = (size_t)(end - *at);
	struct ep_text text = { .at = (const char *)*at, .size = size };
	*at += size;
	return text;
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
			.operation = kind & 8 ? EP_PACKET_DELETE : EP_PACKET_PUT,
			.flags = (kind & 24) == 16 ? EP_PACKET_SHRUNK : 0,
			.position = position,
			.source = kind % 2,
			.import_date = kind & 32 ? INT64_MIN : INT64_MAX,
			.documents = 1U + kind,
		};
		entry->id = take(&at, end, 30);
		if (entry->id.size == 0)
			entry->id = ep_text_of("T");
		if (entry->operation == EP_PACKET_PUT) {
			entry->about = take(&at, end, 60);
			entry->codes = take(&at, end, 200);
			memset(entry->hash.bytes, kind, EP_HASH_SIZE);
		}
	}
	return count;
}

static void
put_packet(struct ep_buffer *out, const struct ep_packet_entry *entries, size_t count, size_t split)
{
	static const struct ep_text sources[] = { { "local", 5 }, { "paris", 5 } };
	struct ep_packet_header header = {
		.kind = EP_PACKET_MASTER,
		.after = 5,
		.last = UINT64_MAX,
		.name = ep_text_of("node"),
		.sources = sources,
		.source_count = 2,
	};
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	must(ep_packet_put_header(out, &header, NULL) == EP_OK);
	if (split)
		must(ep_packet_put_block(out, entries, split, NULL) == EP_OK);
	if (count > split)
		must(ep_packet_put_block(out, entries + split, count - split, NULL) == EP_OK);
	ep_hasher_add(&hasher, out->data, out->size);
	must(ep_packet_put_end(out, &hasher, NULL) == EP_OK);
}

void
law_packet(const uint8_t *bytes, size_t size)
{
	(void)!read_all(bytes, size, NULL, 0);
	struct ep_packet_entry entries[ENTRIES_MAX];
	size_t count = make_entries(entries, bytes, bytes + size);
	EP_BUFFER struct ep_buffer packet = { 0 };
	put_packet(&packet, entries, count, size % (count + 1));
	must(read_all(packet.data, packet.size, entries, count) == EP_OK);
	size_t at = (size * 7919) % packet.size;
	packet.data[at] ^= 1;
	must(read_all(packet.data, packet.size, NULL, 0) != EP_OK);
	packet.data[at] ^= 1;
	must(read_all(packet.data, at, NULL, 0) != EP_OK);
}
