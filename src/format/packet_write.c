#include "format/packet.h"

#include "base/bytes.h"

#include <string.h>
#include <zstd.h>

/* Blocks hold some kilobytes of columns: a high level costs little and saves some bytes a track. */
#define ZSTD_LEVEL 15

static enum ep_status
put_integer(struct ep_buffer *out, uint64_t value, size_t size, struct ep_error *err)
{
	uint8_t bytes[8];
	ep_store64(bytes, value);
	return ep_buffer_append(out, bytes, size, err);
}

static enum ep_status
put_marks(struct ep_buffer *out, const struct ep_packet_header *header, struct ep_error *err)
{
	uint64_t before = header->after;
	EP_TRY(ep_buffer_varint(out, header->marks_from - header->after, err));
	EP_TRY(ep_buffer_varint(out, header->mark_count, err));
	for (size_t i = 0; i < header->mark_count; i++) {
		EP_TRY(ep_buffer_varint(out, header->marks[i].position - before, err));
		EP_TRY(ep_buffer_append(out, header->marks[i].hash, EP_MARK_SIZE, err));
		before = header->marks[i].position;
	}
	return EP_OK;
}

enum ep_status
ep_packet_put_header(struct ep_buffer *out, const struct ep_packet_header *header,
                     struct ep_error *err)
{
	size_t start = out->size;
	EP_TRY(ep_buffer_append(out, EP_PACKET_MAGIC, EP_PACKET_MAGIC_SIZE, err));
	EP_TRY(put_integer(out, header->fields ? EP_PACKET_WITH_FIELDS : EP_PACKET_VERSION, 2,
	                   err));
	EP_TRY(put_integer(out, header->kind, 2, err));
	size_t size_at = out->size;
	EP_TRY(put_integer(out, 0, 4, err));
	EP_TRY(ep_buffer_append(out, header->key.bytes, EP_KEY_SIZE, err));
	EP_TRY(put_integer(out, header->epoch, 8, err));
	EP_TRY(put_integer(out, header->epoch_tag, 8, err));
	EP_TRY(put_integer(out, header->after, 8, err));
	EP_TRY(put_integer(out, header->last, 8, err));
	EP_TRY(put_integer(out, header->tracks, 8, err));
	EP_TRY(put_integer(out, header->documents, 8, err));
	EP_TRY(put_integer(out, header->deletions, 8, err));
	EP_TRY(put_integer(out, header->links, 8, err));
	EP_TRY(put_integer(out, (uint64_t)header->made, 8, err));
	EP_TRY(ep_put_text(out, header->name, err));
	EP_TRY(ep_buffer_varint(out, header->source_count, err));
	for (size_t i = 0; i < header->source_count; i++)
		EP_TRY(ep_put_text(out, header->sources[i], err));
	EP_TRY(ep_buffer_varint(out, header->party_count, err));
	for (size_t i = 0; i < header->party_count; i++)
		EP_TRY(ep_buffer_append(out, header->parties[i].bytes, EP_KEY_SIZE, err));
	EP_TRY(put_marks(out, header, err));
	EP_TRY(ep_put_sized(out, header->head, err));
	/* The size counts what stands behind it and the checksum, which are four bytes each. */
	ep_store32(out->data + size_at, (uint32_t)(out->size - size_at));
	return put_integer(out, ep_crc32(out->data + start, out->size - start), 4, err);
}

static uint64_t
zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value < 0 ? -1 : 0);
}

static enum ep_status
put_numbers(struct ep_buffer *out, const struct ep_packet_entry *entries, size_t count,
            struct ep_error *err)
{
	for (size_t i = 0; i < count; i++)
		EP_TRY(put_integer(out, entries[i].operation, 1, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(put_integer(out, entries[i].flags, 1, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_varint(
			out, entries[i].position - (i ? entries[i - 1].position : 0), err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_varint(out, entries[i].source, err));
	for (size_t i = 0; i < count; i++) {
		int64_t before = i ? entries[i - 1].import_date : 0;
		uint64_t step = (uint64_t)entries[i].import_date - (uint64_t)before;
		EP_TRY(ep_buffer_varint(out, zigzag((int64_t)step), err));
	}
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_varint(out, entries[i].documents, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_varint(out, entries[i].id.size, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_varint(out, entries[i].history.size, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_varint(out, entries[i].about.size, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_varint(out, entries[i].codes.size, err));
	return EP_OK;
}

static enum ep_status
put_columns(struct ep_buffer *out, const struct ep_packet_entry *entries, size_t count,
            struct ep_error *err)
{
	EP_TRY(put_numbers(out, entries, count, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_append(out, entries[i].id.at, entries[i].id.size, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_append(out, entries[i].history.at, entries[i].history.size, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_append(out, entries[i].about.at, entries[i].about.size, err));
	return EP_OK;
}

/* Appends the columns as a zstd frame, with the two sizes before it. */
static enum ep_status
put_frame(struct ep_buffer *out, const struct ep_buffer *columns, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer frame = { 0 };
	EP_TRY(ep_buffer_reserve(&frame, ZSTD_compressBound(columns->size), err));
	size_t size =
		ZSTD_compress(frame.data, frame.capacity, columns->data, columns->size, ZSTD_LEVEL);
	if (ZSTD_isError(size))
		return ep_fail(err, EP_NO_MEMORY, "zstd: %s", ZSTD_getErrorName(size));
	frame.size = size;
	EP_TRY(ep_buffer_varint(out, columns->size, err));
	EP_TRY(ep_buffer_varint(out, frame.size, err));
	return ep_buffer_append(out, frame.data, frame.size, err);
}

enum ep_status
ep_packet_put_block(struct ep_buffer *out, const struct ep_packet_entry *entries, size_t count,
                    struct ep_error *err)
{
	EP_BUFFER struct ep_buffer columns = { 0 };
	size_t start = out->size;
	EP_TRY(put_integer(out, 0, 8, err));
	EP_TRY(ep_buffer_varint(out, count, err));
	EP_TRY(put_columns(&columns, entries, count, err));
	EP_TRY(put_frame(out, &columns, err));
	for (size_t i = 0; i < count; i++) {
		if (entries[i].operation != EP_PACKET_DELETE)
			EP_TRY(ep_buffer_append(out, entries[i].hash.bytes, EP_HASH_SIZE, err));
	}
	for (size_t i = 0; i < count; i++)
		EP_TRY(ep_buffer_append(out, entries[i].codes.at, entries[i].codes.size, err));
	size_t size = out->size - start - 8;
	ep_store32(out->data + start, (uint32_t)size);
	ep_store32(out->data + start + 4, ep_crc32(out->data + start + 8, size));
	return EP_OK;
}

enum ep_status
ep_packet_put_end(struct ep_buffer *out, struct ep_hasher *hasher, struct ep_error *err)
{
	static const uint8_t end[4] = { 0 };
	struct ep_hash hash;
	ep_hasher_add(hasher, end, sizeof end);
	ep_hasher_done(&hash, hasher);
	EP_TRY(ep_buffer_append(out, end, sizeof end, err));
	EP_TRY(ep_buffer_append(out, hash.bytes, EP_HASH_SIZE, err));
	return put_integer(out, 0, 2, err);
}
