#include "ingest/batch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest id of a document, in bytes. */
#define ID_MAX 255

/* Blocks have 4 MB, unless a row or song is longer. */
#define LARGE ((size_t)12 << 20)

void
ep_batch_reset(struct ep_batch *batch)
{
	batch->ready_count = 0;
	batch->refused_count = 0;
	batch->bodies.size = 0;
	batch->without_codes = 0;
	batch->passed_over = 0;
	batch->no_sound = 0;
	batch->unknown = false;
	ep_arena_reset(&batch->arena);
}

void
ep_batch_free(struct ep_batch *batch)
{
	ep_csv_block_free(&batch->rows);
	ep_codegen_block_free(&batch->songs);
	ep_packet_block_free(&batch->packet);
	ep_sound_file_free(&batch->sound);
	free(batch->ready);
	free(batch->refused);
	ep_buffer_free(&batch->bodies);
	ep_arena_free(&batch->arena);
	*batch = (struct ep_batch){ 0 };
}

bool
ep_batch_is_large(const struct ep_batch *batch)
{
	return batch->rows.bytes.size + batch->songs.bytes.size + batch->packet.payload.size +
	               batch->packet.unpacked >
	       LARGE;
}

enum ep_status
ep_batch_scratch_shrink(struct ep_batch_scratch *scratch, struct ep_error *err)
{
	ep_codes_coder_free(scratch->coder);
	scratch->coder = NULL;
	ep_pairs_free(&scratch->pairs);
	ep_decoded_free(&scratch->decoded);
	ep_arena_free(&scratch->arena);
	return ep_codes_coder_new(&scratch->coder, EP_CODES_ONSET, err);
}

void
ep_batch_scratch_free(struct ep_batch_scratch *scratch)
{
	ep_codes_coder_free(scratch->coder);
	ep_pairs_free(&scratch->pairs);
	ep_cut_free(&scratch->cut);
	ep_decoded_free(&scratch->decoded);
	ep_arena_free(&scratch->arena);
	ep_audio_close(scratch->audio);
	ep_recording_free(&scratch->recording);
	*scratch = (struct ep_batch_scratch){ 0 };
}

/* Makes room for one more item of item_size bytes behind count; NULL when there is no memory. */
static void *
room_for_one(void *items, size_t *capacity, size_t count, size_t item_size)
{
	if (count < *capacity)
		return items;
	size_t wanted = *capacity ? *capacity * 2 : 64;
	void *more = realloc(items, wanted * item_size);
	if (more)
		*capacity = wanted;
	return more;
}

struct ep_ready *
ep_batch_add_ready(struct ep_batch *batch)
{
	struct ep_ready *items = room_for_one(batch->ready, &batch->ready_capacity,
	                                      batch->ready_count, sizeof *items);
	if (!items)
		return NULL;
	batch->ready = items;
	struct ep_ready *ready = &items[batch->ready_count++];
	*ready = (struct ep_ready){ 0 };
	return ready;
}

enum ep_status
ep_batch_refuse(struct ep_batch *batch, struct ep_origin origin, uint64_t documents,
                struct ep_error *err, const char *fmt, ...)
{
	struct ep_refused *items = room_for_one(batch->refused, &batch->refused_capacity,
	                                        batch->refused_count, sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of rejected rows");
	batch->refused = items;
	struct ep_refused *refused = &items[batch->refused_count++];
	refused->origin = origin;
	refused->documents = documents;
	va_list args;
	va_start(args, fmt);
	vsnprintf(refused->reason, sizeof refused->reason, fmt, args);
	va_end(args);
	return EP_OK;
}

static int
compare_refused(const void *one, const void *other)
{
	uint64_t first = ((const struct ep_refused *)one)->origin.number;
	uint64_t second = ((const struct ep_refused *)other)->origin.number;
	return (first > second) - (first < second);
}

void
ep_batch_sort_refused(struct ep_batch *batch)
{
	if (batch->refused_count > 1)
		qsort(batch->refused, batch->refused_count, sizeof *batch->refused,
		      compare_refused);
}

enum ep_status
ep_batch_encode(struct ep_batch *batch, struct ep_ready *ready, struct ep_codes_usage *usage,
                struct ep_batch_scratch *scratch, struct ep_error *err)
{
	ready->body_at = batch->bodies.size;
	EP_TRY(ep_entry_put_body(&batch->bodies, usage, &ready->track, scratch->coder, err));
	ready->body_size = batch->bodies.size - ready->body_at;
	return EP_OK;
}

enum ep_status
ep_check_id(struct ep_text id, struct ep_error *err)
{
	if (id.size == 0)
		return ep_fail(err, EP_BAD_INPUT, "track_id is empty");
	if (id.size > ID_MAX)
		return ep_fail(err, EP_BAD_INPUT, "track_id has %zu bytes, but may have at most %d",
		               id.size, ID_MAX);
	if (!ep_text_is_utf8(id))
		return ep_fail(err, EP_BAD_INPUT, "track_id is not UTF-8");
	size_t control = ep_text_find_control(id);
	if (control)
		return ep_fail(err, EP_BAD_INPUT, "track_id has a control character at byte %zu",
		               control);
	return EP_OK;
}

enum ep_status
ep_check_length(struct ep_text *length, struct ep_text field, struct ep_error *err)
{
	uint64_t value = 0;
	size_t size = 0;
	while (size < field.size && field.at[size] >= '0' && field.at[size] <= '9') {
		value = value * 10 + (uint64_t)(field.at[size++] - '0');
		if (value > INT32_MAX)
			break;
	}
	size_t end = size;
	if (end < field.size && field.at[end] == '.') {
		end++;
		while (end < field.size && field.at[end] >= '0' && field.at[end] <= '9')
			end++;
	}
	if (size == 0 || end != field.size || value > INT32_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "length \"%.*s\" is not a number of seconds from 0 to 2147483647",
		               field.size > 40 ? 40 : (int)field.size, field.at ? field.at : "");
	*length = (struct ep_text){ .at = field.at, .size = size };
	return EP_OK;
}

enum ep_status
ep_check_text(struct ep_text text, const char *name, struct ep_error *err)
{
	if (text.size > EP_CSV_FIELD_MAX)
		return ep_fail(err, EP_BAD_INPUT, "%s is longer than %zu bytes", name,
		               EP_CSV_FIELD_MAX);
	if (text.size && memchr(text.at, '\0', text.size))
		return ep_fail(err, EP_BAD_INPUT, "%s has a NUL byte", name);
	if (!ep_text_is_utf8(text))
		return ep_fail(err, EP_BAD_INPUT, "%s is not UTF-8", name);
	return EP_OK;
}
