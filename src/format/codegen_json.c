/* The reader: finds where objects end. What may come next, and what it leads to:
 *
 *     BETWEEN      '{' object    '[' FIRST
 *     FIRST        '{' object    ']' BETWEEN
 *     BEHIND       ',' NEXT      ']' BETWEEN      (an object of an array)
 *     NEXT         '{' object
 *     OBJECT       '"' STRING    '{' '[' deeper   '}' ']' back; from depth 0 to BETWEEN or BEHIND
 *     STRING       '"' OBJECT    '\' ESCAPE
 *     ESCAPE       any byte, to STRING
 */
#include "format/codegen_json.h"

#include "format/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define READ_SIZE ((size_t)256 << 10)

enum state { BETWEEN, FIRST, BEHIND, NEXT, OBJECT, STRING, ESCAPE };

struct ep_codegen_reader {
	struct ep_source source;
	struct ep_codegen_options options;
	struct ep_buffer carry; /* read already, and not in the blocks given out */
	bool started; /* the start was looked at for a byte order mark */
	bool ended;
	enum ep_status failed; /* for good */
	struct ep_error error;

	enum state state;
	bool in_array;
	size_t at; /* next byte of the block to look at */
	uint64_t base; /* offset in the input of the block's first byte */
	uint64_t count; /* objects done */

	/* The object under way. */
	size_t start; /* its place in the block */
	uint64_t offset; /* and in the input */
	uint64_t depth; /* open braces and brackets */
	bool too_long; /* only its first bytes are kept, and base is that of those behind */
};

void
ep_codegen_block_free(struct ep_codegen_block *block)
{
	free(block->objects);
	ep_buffer_free(&block->bytes);
	*block = (struct ep_codegen_block){ 0 };
}

enum ep_status
ep_codegen_open(struct ep_codegen_reader **out, struct ep_source source,
                const struct ep_codegen_options *options, struct ep_error *err)
{
	struct ep_codegen_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a JSON reader");
	reader->source = source;
	if (options)
		reader->options = *options;
	if (!reader->options.block_size)
		reader->options.block_size = EP_CODEGEN_BLOCK_SIZE;
	if (!reader->options.object_max)
		reader->options.object_max = EP_CODEGEN_OBJECT_MAX;
	*out = reader;
	return EP_OK;
}

void
ep_codegen_close(struct ep_codegen_reader *reader)
{
	if (!reader)
		return;
	ep_buffer_free(&reader->carry);
	free(reader);
}

static bool
in_object(const struct ep_codegen_reader *reader)
{
	return reader->state == OBJECT || reader->state == STRING || reader->state == ESCAPE;
}

static enum ep_status
end_object(struct ep_codegen_reader *reader, struct ep_codegen_block *block, struct ep_error *err)
{
	if (block->count == block->capacity) {
		size_t capacity = block->capacity ? block->capacity * 2 : 512;
		struct ep_codegen_object *objects =
			realloc(block->objects, capacity * sizeof *objects);
		if (!objects)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu objects",
			               capacity);
		block->objects = objects;
		block->capacity = capacity;
	}
	struct ep_codegen_object object = {
		.raw = { (const char *)block->bytes.data + reader->start,
		         reader->at - reader->start },
		.number = ++reader->count,
		.offset = reader->offset,
	};
	if (reader->too_long || object.raw.size > reader->options.object_max) {
		object.fault = EP_CODEGEN_TOO_LONG;
		if (object.raw.size > EP_CODEGEN_RAW_KEPT)
			object.raw.size = EP_CODEGEN_RAW_KEPT;
	}
	block->objects[block->count++] = object;
	reader->too_long = false;
	reader->state = reader->in_array ? BEHIND : BETWEEN;
	return EP_OK;
}

/* What may come in a state between objects. */
static const char *
expected(enum state state)
{
	if (state == BETWEEN)
		return "'{' or '['";
	if (state == FIRST)
		return "'{' or ']'";
	return state == BEHIND ? "',' or ']'" : "'{'";
}

static enum ep_status
pass_between(struct ep_codegen_reader *reader, char byte, struct ep_error *err)
{
	enum state state = reader->state;
	uint64_t place = reader->base + reader->at;
	if (byte == '{' && state != BEHIND) {
		reader->start = reader->at;
		reader->offset = place;
		reader->depth = 0;
		reader->state = OBJECT;
		return EP_OK; /* the brace is looked at again, and counted */
	}
	if (byte == '[' && state == BETWEEN) {
		reader->state = FIRST;
		reader->in_array = true;
	} else if (byte == ']' && (state == FIRST || state == BEHIND)) {
		reader->state = BETWEEN;
		reader->in_array = false;
	} else if (byte == ',' && state == BEHIND) {
		reader->state = NEXT;
	} else if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r') {
		return ep_fail(err, EP_BAD_INPUT, "byte %llu is 0x%02x, expected %s",
		               (unsigned long long)place, (unsigned char)byte, expected(state));
	}
	reader->at++;
	return EP_OK;
}

/* Goes over what is no string, up to the end of the object or of the bytes. */
static enum ep_status
pass_object(struct ep_codegen_reader *reader, struct ep_codegen_block *block, struct ep_error *err)
{
	const uint8_t *bytes = block->bytes.data;
	while (reader->at < block->bytes.size) {
		uint8_t byte = bytes[reader->at++];
		if (byte == '"') {
			reader->state = STRING;
			return EP_OK;
		}
		if (byte == '{' || byte == '[')
			reader->depth++;
		else if ((byte == '}' || byte == ']') && --reader->depth == 0)
			return end_object(reader, block, err);
	}
	return EP_OK;
}

static void
pass_string(struct ep_codegen_reader *reader, const struct ep_codegen_block *block)
{
	const char *bytes = (const char *)block->bytes.data;
	const char *end = bytes + block->bytes.size;
	const char *stop = ep_scan_any(bytes + reader->at, end, '"', '\\', '\\');
	reader->at = (size_t)(stop - bytes);
	if (stop == end)
		return;
	reader->at++;
	reader->state = *stop == '"' ? OBJECT : ESCAPE;
}

/* Goes on until the bytes of block end, or it has as many objects as it may. */
static enum ep_status
find_objects(struct ep_codegen_reader *reader, struct ep_codegen_block *block, struct ep_error *err)
{
	while (reader->at < block->bytes.size && block->count < EP_CODEGEN_BLOCK_OBJECTS) {
		if (reader->state == OBJECT) {
			EP_TRY(pass_object(reader, block, err));
		} else if (reader->state == STRING) {
			pass_string(reader, block);
		} else if (reader->state == ESCAPE) {
			reader->at++;
			reader->state = STRING;
		} else {
			char byte = (char)block->bytes.data[reader->at];
			EP_TRY(pass_between(reader, byte, err));
		}
	}
	return EP_OK;
}

/* Throws away what an object that is too long has behind its first bytes. */
static void
forget(struct ep_codegen_reader *reader, struct ep_codegen_block *block)
{
	size_t size = block->bytes.size;
	assert(reader->at == size);
	if (in_object(reader) && size - reader->start > reader->options.object_max)
		reader->too_long = true;
	if (!reader->too_long || size - reader->start <= EP_CODEGEN_RAW_KEPT)
		return;
	block->bytes.size = reader->start + EP_CODEGEN_RAW_KEPT;
	reader->base += size - block->bytes.size;
	reader->at = block->bytes.size;
}

static size_t
read_size(const struct ep_codegen_reader *reader)
{
	size_t size = reader->options.block_size;
	return size < READ_SIZE ? size : READ_SIZE;
}

static enum ep_status
start_block(struct ep_codegen_reader *reader, struct ep_codegen_block *block, struct ep_error *err)
{
	/* So large that the bytes do not move while there are objects that point into them: beyond
	 * block_size they only grow while there is none. */
	size_t room = reader->options.block_size + read_size(reader) + EP_CODEGEN_RAW_KEPT;
	if (room < reader->carry.size)
		room = reader->carry.size;
	/* Memory for an object that was very long is given back. */
	if (block->bytes.capacity > 4 * room)
		ep_buffer_free(&block->bytes);
	block->bytes.size = 0;
	EP_TRY(ep_buffer_reserve(&block->bytes, room, err));
	EP_TRY(ep_buffer_append(&block->bytes, reader->carry.data, reader->carry.size, err));
	reader->carry.size = 0;
	return EP_OK;
}

/* Ends block; the next one starts with the object under way, or where no object was seen yet. */
static enum ep_status
end_block(struct ep_codegen_reader *reader, struct ep_codegen_block *block, struct ep_error *err)
{
	size_t place = reader->at;
	if (in_object(reader)) {
		place = reader->start;
		reader->state = reader->in_array ? NEXT : BETWEEN;
	}
	reader->base += place;
	reader->at = 0;
	return ep_buffer_append(&reader->carry, block->bytes.data + place,
	                        block->bytes.size - place, err);
}

static enum ep_status
end_input(struct ep_codegen_reader *reader, const struct ep_codegen_block *block,
          struct ep_error *err)
{
	uint64_t end = reader->base + block->bytes.size;
	reader->base = end;
	reader->at = 0;
	if (in_object(reader))
		return ep_fail(err, EP_BAD_INPUT,
		               "byte %llu: the input ends inside the object that starts at byte "
		               "%llu, expected its '}'",
		               (unsigned long long)end, (unsigned long long)reader->offset);
	if (reader->state != BETWEEN)
		return ep_fail(err, EP_BAD_INPUT,
		               "byte %llu: the input ends inside an array, expected %s",
		               (unsigned long long)end, expected(reader->state));
	return EP_OK;
}

static enum ep_status
read_more(struct ep_codegen_reader *reader, struct ep_codegen_block *block, struct ep_error *err)
{
	size_t size = read_size(reader);
	size_t got = 0;
	assert(block->count == 0 || block->bytes.capacity - block->bytes.size >= size);
	EP_TRY(ep_buffer_reserve(&block->bytes, size, err));
	EP_TRY(reader->source.read(reader->source.context, block->bytes.data + block->bytes.size,
	                           size, &got, err));
	assert(got <= size);
	block->bytes.size += got;
	reader->ended = got == 0;
	return EP_OK;
}

/* Passes over a byte order mark; false where that takes more bytes. */
static bool
skip_mark(struct ep_codegen_reader *reader, const struct ep_codegen_block *block)
{
	size_t size = block->bytes.size < 3 ? block->bytes.size : 3;
	bool match = size == 0 || memcmp(block->bytes.data, "\xef\xbb\xbf", size) == 0;
	if (match && size < 3 && !reader->ended)
		return false;
	reader->started = true;
	reader->at = match && size == 3 ? 3 : 0;
	return true;
}

static enum ep_status
fill_block(struct ep_codegen_reader *reader, struct ep_codegen_block *block, struct ep_error *err)
{
	EP_TRY(start_block(reader, block, err));
	for (;;) {
		if (reader->started || skip_mark(reader, block)) {
			EP_TRY(find_objects(reader, block, err));
			bool full = block->count >= EP_CODEGEN_BLOCK_OBJECTS ||
			            block->bytes.size >= reader->options.block_size;
			if (full && block->count > 0 && !reader->too_long)
				return end_block(reader, block, err);
			forget(reader, block);
		}
		if (reader->ended)
			return end_input(reader, block, err);
		if (block->count > 0 && !reader->too_long && ep_source_stalls(&reader->source))
			return end_block(reader, block, err);
		EP_TRY(read_more(reader, block, err));
	}
}

enum ep_status
ep_codegen_read(struct ep_codegen_reader *reader, struct ep_codegen_block *block,
                struct ep_error *err)
{
	block->count = 0;
	if (reader->failed == EP_OK)
		reader->failed = fill_block(reader, block, &reader->error);
	/* The objects that block has are whole, whatever failed behind them. */
	if (reader->failed == EP_OK || block->count > 0)
		return EP_OK;
	if (err)
		*err = reader->error;
	return reader->failed;
}
