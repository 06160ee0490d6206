#include "ingest/batch_reader.h"

#include <stdlib.h>
#include <string.h>

struct ep_batch_reader {
	struct ep_source source;
	uint8_t front[EP_PACKET_MAGIC_SIZE]; /* the first bytes, by which a packet is recognised */
	size_t front_size;
	size_t front_done; /* of these, how many have been read again */
	enum ep_content content;
	struct ep_csv_reader *rows;
	struct ep_codegen_reader *songs;
	struct ep_packet_reader *packet;
	struct ep_sounds *sounds;
	struct ep_log *log; /* of sounds: what has been taken in already */
	struct ep_packet_header seen; /* what a packet's blocks added up to: position and counts */
};

/* The source for the format's reader: first what was read of it to see what it is. */
static enum ep_status
read_from_front(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_batch_reader *reader = context;
	size_t left = reader->front_size - reader->front_done;
	if (left == 0)
		return reader->source.read(reader->source.context, bytes, size, got, err);
	*got = left < size ? left : size;
	memcpy(bytes, reader->front + reader->front_done, *got);
	reader->front_done += *got;
	return EP_OK;
}

static bool
stalls(void *context)
{
	struct ep_batch_reader *reader = context;
	return reader->front_done == reader->front_size && ep_source_stalls(&reader->source);
}

static enum ep_status
recognise(struct ep_batch_reader *reader, bool songs, struct ep_error *err)
{
	size_t got = 1;
	while (!songs && got > 0 && reader->front_size < EP_PACKET_MAGIC_SIZE) {
		EP_TRY(reader->source.read(reader->source.context,
		                           reader->front + reader->front_size,
		                           EP_PACKET_MAGIC_SIZE - reader->front_size, &got, err));
		reader->front_size += got;
	}
	bool packet = reader->front_size == EP_PACKET_MAGIC_SIZE && ep_packet_begins(reader->front);
	reader->content = songs ? EP_SONGS : packet ? EP_PACKET : EP_ROWS;
	return EP_OK;
}

enum ep_status
ep_batch_reader_open(struct ep_batch_reader **out, struct ep_source source, bool songs,
                     struct ep_error *err)
{
	EP_OWNED(ep_batch_reader_close)
	struct ep_batch_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	reader->source = source;
	EP_TRY(recognise(reader, songs, err));
	struct ep_source whole = { .read = read_from_front, .context = reader, .stalls = stalls };
	struct ep_csv_options options = { .together = ep_rows_together };
	switch (reader->content) {
	case EP_ROWS:
		EP_TRY(ep_csv_open(&reader->rows, whole, &options, err));
		break;
	case EP_SONGS:
		EP_TRY(ep_codegen_open(&reader->songs, whole, NULL, err));
		break;
	case EP_PACKET:
		EP_TRY(ep_packet_open(&reader->packet, whole, err));
		break;
	case EP_SOUNDS:
		break;
	}
	*out = EP_TAKE(reader);
	return EP_OK;
}

enum ep_status
ep_batch_reader_open_sounds(struct ep_batch_reader **out, const char *const *paths,
                            struct ep_log *log, const atomic_bool *stop, struct ep_error *err)
{
	EP_OWNED(ep_batch_reader_close)
	struct ep_batch_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	reader->content = EP_SOUNDS;
	reader->log = log;
	EP_TRY(ep_sounds_open(&reader->sounds, paths, stop, err));
	*out = EP_TAKE(reader);
	return EP_OK;
}

void
ep_batch_reader_close(struct ep_batch_reader *reader)
{
	if (!reader)
		return;
	ep_csv_close(reader->rows);
	ep_codegen_close(reader->songs);
	ep_packet_close(reader->packet);
	ep_sounds_close(reader->sounds);
	free(reader);
}

enum ep_content
ep_batch_reader_content(const struct ep_batch_reader *reader)
{
	return reader->content;
}

const struct ep_packet_header *
ep_batch_reader_packet(const struct ep_batch_reader *reader)
{
	return reader->packet ? ep_packet_header(reader->packet) : NULL;
}

/* The next audio file, and what the log knows of it. */
static enum ep_status
read_sound(struct ep_batch_reader *reader, struct ep_batch *batch, bool *end, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	batch->mark = (struct ep_sound_mark){ 0 };
	EP_TRY(ep_sounds_next(&batch->sound, reader->sounds, end, err));
	if (*end || batch->sound.fault[0])
		return EP_OK;
	EP_TRY(ep_log_read_begin(&read, reader->log, err));
	return ep_sound_mark_find(&batch->mark, read, &batch->sound, err);
}

enum ep_status
ep_batch_read(struct ep_batch_reader *reader, struct ep_batch *batch, bool *end,
              struct ep_error *err)
{
	switch (reader->content) {
	case EP_ROWS:
		EP_TRY(ep_csv_read(reader->rows, &batch->rows, err));
		*end = batch->rows.count == 0;
		return EP_OK;
	case EP_SONGS:
		EP_TRY(ep_codegen_read(reader->songs, &batch->songs, err));
		*end = batch->songs.count == 0;
		return EP_OK;
	case EP_SOUNDS:
		return read_sound(reader, batch, end, err);
	case EP_PACKET:
		break;
	}
	return ep_packet_read(reader->packet, &batch->packet, end, err);
}

enum ep_status
ep_batch_make(const struct ep_batch_reader *reader, struct ep_batch *batch,
              struct ep_batch_scratch *scratch, const struct ep_batch_options *options,
              struct ep_error *err)
{
	switch (reader->content) {
	case EP_ROWS:
		return ep_batch_rows(batch, scratch, err);
	case EP_SONGS:
		return ep_batch_songs(batch, scratch, options->now_ms, err);
	case EP_SOUNDS:
		return ep_batch_sound(batch, scratch, options, err);
	case EP_PACKET:
		break;
	}
	return ep_batch_packet(batch, scratch, ep_packet_header(reader->packet), options->trusted,
	                       err);
}

enum ep_status
ep_batch_check(struct ep_batch_reader *reader, const struct ep_batch *batch, struct ep_error *err)
{
	if (reader->content != EP_PACKET)
		return EP_OK;
	const struct ep_packet_block *block = &batch->packet;
	struct ep_packet_header *seen = &reader->seen;
	if (block->entries[0].position <= seen->last)
		return ep_fail(err, EP_CORRUPT,
		               "the packet is damaged: positions go back in block %llu",
		               (unsigned long long)block->number);
	for (size_t i = 0; i < block->count; i++) {
		enum ep_packet_operation operation = block->entries[i].operation;
		bool put = operation == EP_PACKET_PUT;
		seen->tracks += put;
		seen->documents += put ? block->entries[i].documents : 0;
		seen->deletions += operation == EP_PACKET_DELETE;
		seen->links += operation == EP_PACKET_LINK;
	}
	seen->last = block->entries[block->count - 1].position;
	return EP_OK;
}

enum ep_status
ep_batch_check_end(const struct ep_batch_reader *reader, struct ep_error *err)
{
	if (reader->content != EP_PACKET)
		return EP_OK;
	const struct ep_packet_header *header = ep_packet_header(reader->packet);
	const struct ep_packet_header *seen = &reader->seen;
	if (seen->tracks == header->tracks && seen->documents == header->documents &&
	    seen->deletions == header->deletions && seen->links == header->links)
		return EP_OK;
	return ep_fail(err, EP_CORRUPT,
	               "the packet is damaged: its contents do not match the counts in its header");
}
