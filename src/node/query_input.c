#include "node/query_input.h"

#include "format/codegen_json.h"
#include "ingest/input.h"
#include "ingest/sounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK ((size_t)64 << 10)

/* Bytes of an argument that is named in full. */
#define NAMED_MAX 40

/* What may stand before JSON. */
#define BLANKS_MAX CHUNK

struct ep_query_input {
	const char **arguments;
	size_t count;
	size_t next; /* argument */
	const atomic_bool *stop;

	/* The file at hand. */
	struct ep_input *input;
	uint64_t number; /* of the line or object */
	struct ep_buffer chunk; /* read and not used: from `used` on */
	size_t used;
	bool ended; /* no more bytes come */
	struct ep_codegen_reader *objects; /* NULL: it holds lines */
	struct ep_codegen_block block;
	size_t block_next;
};

enum ep_status
ep_query_input_open(struct ep_query_input **out, const char **arguments, size_t count,
                    const atomic_bool *stop, struct ep_error *err)
{
	struct ep_query_input *input = calloc(1, sizeof *input);
	if (!input)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	input->arguments = arguments;
	input->count = count;
	input->stop = stop;
	*out = input;
	return EP_OK;
}

static void
close_file(struct ep_query_input *input)
{
	ep_codegen_close(EP_TAKE(input->objects));
	ep_codegen_block_free(&input->block);
	ep_input_close(EP_TAKE(input->input));
	input->chunk.size = 0;
	input->used = 0;
}

void
ep_query_input_close(struct ep_query_input *input)
{
	if (!input)
		return;
	close_file(input);
	ep_buffer_free(&input->chunk);
	free(input);
}

/* Reads more bytes behind those that are there. */
static enum ep_status
read_more(struct ep_query_input *input, struct ep_error *err)
{
	struct ep_source source = ep_input_source(input->input);
	size_t got = 0;
	EP_TRY(ep_buffer_reserve(&input->chunk, CHUNK, err));
	EP_TRY(source.read(source.context, input->chunk.data + input->chunk.size, CHUNK, &got,
	                   err));
	input->chunk.size += got;
	input->ended = got == 0;
	return EP_OK;
}

/* For the reader of objects: first what was read to see that they are objects. */
static enum ep_status
read_from_chunk(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_query_input *input = context;
	size_t left = input->chunk.size - input->used;
	if (left == 0) {
		struct ep_source source = ep_input_source(input->input);
		return source.read(source.context, bytes, size, got, err);
	}
	*got = left < size ? left : size;
	memcpy(bytes, input->chunk.data + input->used, *got);
	input->used += *got;
	return EP_OK;
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Finds out by its first byte that is no blank whether a file holds JSON; blanks without end are
 * lines. */
static enum ep_status
open_file(struct ep_query_input *input, const char *path, struct ep_error *err)
{
	enum ep_status status = ep_input_open(&input->input, path, input->stop, NULL, err);
	if (status == EP_NOT_FOUND) /* which would be the end of the questions */
		status = err->status = EP_IO;
	EP_TRY(status);
	input->number = 0;
	input->ended = false;
	input->block_next = 0;
	uint8_t first = ' ';
	size_t at = 0;
	while (is_blank(first) && at < BLANKS_MAX) {
		if (at == input->chunk.size)
			EP_TRY(read_more(input, err));
		if (input->ended)
			break;
		first = input->chunk.data[at++];
	}
	if (first != '[' && first != '{')
		return EP_OK;
	struct ep_source source = { .read = read_from_chunk, .context = input };
	return ep_codegen_open(&input->objects, source, NULL, err);
}

static enum ep_status
next_object(struct ep_question *question, struct ep_query_input *input, struct ep_error *err)
{
	if (input->block_next == input->block.count) {
		EP_TRY(ep_codegen_read(input->objects, &input->block, err));
		input->block_next = 0;
		if (input->block.count == 0)
			return EP_NOT_FOUND;
	}
	const struct ep_codegen_object *object = &input->block.objects[input->block_next++];
	question->is_object = true;
	question->is_too_long = object->fault == EP_CODEGEN_TOO_LONG;
	snprintf(question->name, sizeof question->name, "object %llu",
	         (unsigned long long)object->number);
	return ep_buffer_append(&question->bytes, object->raw.at, object->raw.size, err);
}

/* Appends to the question what is there of its line; *whole when its end was there. */
static enum ep_status
take_line(bool *whole, struct ep_question *question, struct ep_query_input *input,
          struct ep_error *err)
{
	size_t left = input->chunk.size - input->used;
	*whole = false;
	if (left == 0)
		return EP_OK;
	const uint8_t *from = input->chunk.data + input->used;
	const uint8_t *end = memchr(from, '\n', left);
	size_t size = end ? (size_t)(end - from) : left;
	*whole = end != NULL;
	input->used += size + *whole;
	if (question->bytes.size + size > EP_QUESTION_MAX)
		question->is_too_long = true;
	return question->is_too_long ? EP_OK : ep_buffer_append(&question->bytes, from, size, err);
}

static enum ep_status
next_line(struct ep_question *question, struct ep_query_input *input, struct ep_error *err)
{
	bool whole = false;
	while (!whole) {
		if (input->used == input->chunk.size && !input->ended) {
			input->used = input->chunk.size = 0;
			EP_TRY(read_more(input, err));
		}
		if (input->ended && question->bytes.size == 0 && !question->is_too_long)
			return EP_NOT_FOUND;
		if (input->ended)
			break;
		EP_TRY(take_line(&whole, question, input, err));
	}
	struct ep_buffer *bytes = &question->bytes;
	while (bytes->size && is_blank(bytes->data[bytes->size - 1]))
		bytes->size--;
	snprintf(question->name, sizeof question->name, "line %llu",
	         (unsigned long long)++input->number);
	return EP_OK;
}

static bool
is_file(const char *argument)
{
	struct stat info;
	return strcmp(argument, "-") == 0 || stat(argument, &info) == 0;
}

/* A code string of the command line; a short one may be the name of a file that is not there. */
static enum ep_status
take_argument(struct ep_question *question, const struct ep_query_input *input,
              const char *argument, struct ep_error *err)
{
	size_t size = strlen(argument);
	if (size <= NAMED_MAX)
		snprintf(question->name, sizeof question->name, "\"%s\" is not a file and",
		         argument);
	else
		snprintf(question->name, sizeof question->name, "argument %zu", input->next);
	return ep_buffer_append(&question->bytes, argument, size, err);
}

enum ep_status
ep_query_input_next(struct ep_question *question, struct ep_query_input *input,
                    struct ep_error *err)
{
	for (;;) {
		question->bytes.size = 0;
		question->is_object = false;
		question->is_sound = false;
		question->is_too_long = false;
		question->name[0] = '\0';
		if (input->input) {
			enum ep_status status = input->objects ? next_object(question, input, err)
			                                       : next_line(question, input, err);
			if (status != EP_OK && status != EP_NOT_FOUND)
				ep_error_prefix(err, "%s: ", ep_input_name(input->input));
			if (status != EP_NOT_FOUND)
				return status;
			close_file(input);
		}
		if (input->next == input->count)
			return EP_NOT_FOUND;
		const char *argument = input->arguments[input->next++];
		if (!is_file(argument))
			return take_argument(question, input, argument, err);
		question->is_sound = ep_sounds_is_no_text(argument);
		if (question->is_sound)
			return ep_buffer_append(&question->bytes, argument, strlen(argument) + 1,
			                        err);
		EP_TRY(open_file(input, argument, err));
	}
}

bool
ep_query_input_stalls(struct ep_query_input *input)
{
	size_t left = input->chunk.size - input->used;
	if (!input->input || input->objects ||
	    (left && memchr(input->chunk.data + input->used, '\n', left)))
		return false;
	struct ep_source source = ep_input_source(input->input);
	return !input->ended && ep_source_stalls(&source);
}
