#include "node/heard_internal.h"

#include "base/file.h"
#include "generator/generator.h"
#include "node/put_song.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After so many new pieces the index goes to the disk; those behind it are in memory. */
#define TAIL_MAX 64

#define NUMBER_MAX 24 /* digits of a number as text, and more */

/* ---- what is kept of a stream ---- */

static struct ep_heard_stream *
find_stream(struct ep_heard *heard, const char *name)
{
	for (size_t i = 0; i < heard->stream_count; i++) {
		if (strcmp(heard->streams[i].hash, name) == 0)
			return &heard->streams[i];
	}
	return NULL;
}

static enum ep_status
add_stream(struct ep_heard_stream **out, struct ep_heard *heard, const char *hash,
           struct ep_error *err)
{
	struct ep_heard_stream *more =
		realloc(heard->streams, (heard->stream_count + 1) * sizeof *more);
	if (!more)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	heard->streams = more;
	*out = &more[heard->stream_count++];
	**out = (struct ep_heard_stream){ .newest_ms = INT64_MIN };
	memcpy((*out)->hash, hash, sizeof(*out)->hash);
	return EP_OK;
}

static enum ep_status
stream_of(struct ep_heard_stream **out, struct ep_heard *heard, const char *hash,
          struct ep_error *err)
{
	*out = find_stream(heard, hash);
	return *out ? EP_OK : add_stream(out, heard, hash, err);
}

static void
hash_name(char text[EP_HEARD_HASH], struct ep_text stream)
{
	struct ep_hasher hasher;
	struct ep_hash hash;
	char all[EP_HASH_TEXT];
	ep_hasher_init(&hasher);
	ep_hasher_add_text(&hasher, stream);
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(all, &hash);
	memcpy(text, all, EP_HEARD_HASH - 1);
	text[EP_HEARD_HASH - 1] = '\0';
}

/* Reads a number of a track's metadata. */
static enum ep_status
read_number(int64_t *number, struct ep_text text, struct ep_error *err)
{
	char digits[NUMBER_MAX + 1] = { 0 };
	char *end;
	if (text.size > 0 && text.size <= NUMBER_MAX)
		memcpy(digits, text.at, text.size);
	*number = strtoll(digits, &end, 10);
	return end > digits && *end == '\0'
	               ? EP_OK
	               : ep_fail(err, EP_CORRUPT,
	                         "the folder heard has a track of which the time is \"%.*s\"",
	                         ep_text_print_size(text), text.at);
}

enum ep_status
ep_heard_read(struct ep_heard_track *track, struct ep_decoded *decoded,
              const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_bytes codes;
	EP_TRY(ep_entry_rows(decoded, &codes, entry, err));
	const struct ep_document *row = &decoded->track.documents[0];
	track->stream = row->artist;
	EP_TRY(read_number(&track->stretch_ms, row->release, err));
	return read_number(&track->begin_ms, row->track, err);
}

/* Takes up which place of its stream a track has. */
static enum ep_status
take_place(struct ep_heard *heard, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_heard_track track;
	struct ep_heard_stream *stream;
	char hash[EP_HEARD_HASH];
	EP_TRY(ep_heard_read(&track, &heard->decoded, entry, err));
	hash_name(hash, track.stream);
	EP_TRY(stream_of(&stream, heard, hash, err));
	if (track.begin_ms < stream->newest_ms)
		return EP_OK;
	stream->newest_ms = track.begin_ms;
	const char *sign = memrchr(entry->id.at, '_', entry->id.size);
	int64_t place = 0;
	if (sign)
		EP_TRY(read_number(
			&place,
			(struct ep_text){ sign + 1,
		                          (size_t)(entry->id.at + entry->id.size - sign - 1) },
			err));
	stream->next = (uint32_t)((uint64_t)place + 1) % EP_HEARD_PIECES;
	return EP_OK;
}

static enum ep_status
take_places(struct ep_heard *heard, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	EP_TRY(ep_log_read_begin(&read, ep_node_log(heard->node), err));
	EP_TRY(ep_log_cursor_open(&cursor, read, 0, EP_SOURCE_ANY, err));
	struct ep_entry entry;
	enum ep_status status;
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (entry.operation == EP_PUT)
			EP_TRY(take_place(heard, &entry, err));
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* ---- keeping ---- */

/* Opens the index as it is now. */
static enum ep_status
renew_index(struct ep_heard *heard, struct ep_error *err)
{
	struct ep_index *index = NULL;
	EP_TRY(ep_index_open(&index, ep_node_log(heard->node), err));
	ep_index_close(heard->index);
	heard->index = index;
	return EP_OK;
}

enum ep_status
ep_heard_keep(struct ep_heard *heard, const struct ep_heard_piece *piece, struct ep_error *err)
{
	struct ep_heard_stream *stream;
	char hash[EP_HEARD_HASH];
	char id[EP_TRACK_ID_MAX + 1];
	char stretch[NUMBER_MAX];
	char begin[NUMBER_MAX];
	hash_name(hash, piece->stream);
	EP_TRY(stream_of(&stream, heard, hash, err));
	snprintf(id, sizeof id, "heard_%s_%" PRIu32, hash, stream->next);
	snprintf(stretch, sizeof stretch, "%" PRId64, piece->stretch_ms);
	snprintf(begin, sizeof begin, "%" PRId64, piece->begin_ms);
	struct ep_codegen_song song = { .track_id = ep_text_of(id),
		                        .artist = piece->stream,
		                        .release = ep_text_of(stretch),
		                        .title = ep_text_of(begin),
		                        .version = EP_GENERATOR_VERSION };
	enum ep_status status = ep_put_song(ep_node_log(heard->node), &song, piece->pairs, err);
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	stream->newest_ms = piece->begin_ms;
	stream->next = (stream->next + 1) % EP_HEARD_PIECES;
	if (++heard->tail >= TAIL_MAX) {
		heard->tail = 0;
		EP_TRY(ep_node_follow_index(heard->node, err));
	}
	return renew_index(heard, err);
}

/* ---- opening and closing ---- */

static enum ep_status
open_node(struct ep_heard *heard, const char *data_folder, size_t map_size, struct ep_error *err)
{
	heard->folder = ep_path_join(data_folder, "heard");
	if (!heard->folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct ep_node_options options = { .folder = heard->folder,
		                           .mode = EP_LOG_MAKE,
		                           .map_size = map_size };
	EP_TRY(ep_node_open(&heard->node, &options, err));
	EP_TRY(ep_node_follow_index(heard->node, err));
	return renew_index(heard, err);
}

enum ep_status
ep_heard_open(struct ep_heard **out, const char *data_folder, size_t map_size, struct ep_error *err)
{
	EP_OWNED(ep_heard_close)
	struct ep_heard *heard = calloc(1, sizeof *heard);
	if (!heard)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(open_node(heard, data_folder, map_size, err));
	EP_TRY(take_places(heard, err));
	EP_TRY(ep_codes_coder_new(&heard->coder, EP_CODES_ONSET, err));
	EP_TRY(ep_searcher_new(&heard->searcher, err));
	EP_TRY(ep_weigher_new(&heard->weigher, err));
	EP_TRY(ep_sketcher_new(&heard->sketcher, err));
	*out = EP_TAKE(heard);
	return EP_OK;
}

void
ep_heard_close(struct ep_heard *heard)
{
	if (!heard)
		return;
	ep_index_close(heard->index);
	ep_node_close(heard->node);
	ep_codes_coder_free(heard->coder);
	ep_searcher_free(heard->searcher);
	ep_weigher_free(heard->weigher);
	ep_sketcher_free(heard->sketcher);
	ep_decoded_free(&heard->decoded);
	ep_sketch_free(&heard->piece);
	ep_sketch_free(&heard->window);
	ep_sketch_free(&heard->other);
	free(heard->streams);
	free(heard->folder);
	free(heard);
}
