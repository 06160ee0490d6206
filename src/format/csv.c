#include "format/csv.h"

#include "format/csv_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A piece that is scanned while the processor's cache still holds it. */
#define READ_SIZE ((size_t)256 << 10)

static const uint8_t byte_order_mark[] = { 0xef, 0xbb, 0xbf };

struct ep_csv_reader {
	struct ep_source source;
	struct ep_csv_options options;
	struct ep_csv_scan scan;
	struct ep_buffer carry; /* read already, and not in the blocks given out */
	bool started; /* the start was looked at for a byte order mark */
	bool ended;
	enum ep_status failed; /* for good */
	struct ep_error error;
};

void
ep_csv_block_free(struct ep_csv_block *block)
{
	free(block->rows);
	ep_buffer_free(&block->bytes);
	ep_arena_free(&block->arena);
	*block = (struct ep_csv_block){ 0 };
}

enum ep_status
ep_csv_open(struct ep_csv_reader **out, struct ep_source source,
            const struct ep_csv_options *options, struct ep_error *err)
{
	struct ep_csv_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a CSV reader");
	reader->source = source;
	if (options)
		reader->options = *options;
	if (!reader->options.block_size)
		reader->options.block_size = EP_CSV_BLOCK_SIZE;
	reader->scan.field_max = reader->options.field_max;
	if (!reader->scan.field_max)
		reader->scan.field_max = EP_CSV_FIELD_MAX;
	reader->scan.row_max = reader->options.row_max;
	if (!reader->scan.row_max)
		reader->scan.row_max = EP_CSV_ROW_MAX;
	*out = reader;
	return EP_OK;
}

void
ep_csv_close(struct ep_csv_reader *reader)
{
	if (!reader)
		return;
	ep_buffer_free(&reader->carry);
	free(reader);
}

static size_t
read_size(const struct ep_csv_reader *reader)
{
	size_t size = reader->options.block_size;
	return size < READ_SIZE ? size : READ_SIZE;
}

static void
move_text(struct ep_text *text, const struct ep_buffer *from, const struct ep_buffer *to)
{
	uintptr_t place = (uintptr_t)text->at - (uintptr_t)from->data;
	if (text->at && place < from->size)
		text->at = (const char *)to->data + place;
}

static void
move_row(struct ep_csv_row *row, const struct ep_buffer *from, const struct ep_buffer *to)
{
	move_text(&row->raw, from, to);
	for (size_t i = 0; i < EP_CSV_COLUMNS; i++)
		move_text(&row->fields[i], from, to);
}

/* Makes room for extra more bytes; takes the rows along where the bytes move. */
static enum ep_status
make_room(struct ep_csv_reader *reader, struct ep_csv_block *block, size_t extra,
          struct ep_error *err)
{
	struct ep_buffer *bytes = &block->bytes;
	if (bytes->capacity - bytes->size >= extra)
		return EP_OK;
	EP_BUFFER struct ep_buffer larger = { 0 };
	size_t want = bytes->size + extra;
	EP_TRY(ep_buffer_reserve(&larger, want > bytes->capacity * 2 ? want : bytes->capacity * 2,
	                         err));
	EP_TRY(ep_buffer_append(&larger, bytes->data, bytes->size, err));
	for (size_t i = 0; i < block->count; i++)
		move_row(&block->rows[i], bytes, &larger);
	move_row(&reader->scan.now, bytes, &larger);

	struct ep_buffer smaller = *bytes;
	*bytes = larger;
	larger = smaller;
	return EP_OK;
}

/* Empties block for new rows, and puts what was carried over into it. */
static enum ep_status
start_block(struct ep_csv_reader *reader, struct ep_csv_block *block, struct ep_error *err)
{
	block->count = 0;
	ep_arena_reset(&block->arena);
	/* Memory for a row that was very long is given back. */
	if (block->bytes.capacity > EP_CSV_BLOCK_SIZE_MAX)
		ep_buffer_free(&block->bytes);
	block->bytes.size = 0;
	size_t room = reader->options.block_size + read_size(reader);
	if (room < reader->carry.size)
		room = reader->carry.size;
	EP_TRY(ep_buffer_reserve(&block->bytes, room, err));
	EP_TRY(ep_buffer_append(&block->bytes, reader->carry.data, reader->carry.size, err));
	reader->carry.size = 0;
	return EP_OK;
}

static enum ep_status
read_more(struct ep_csv_reader *reader, struct ep_csv_block *block, struct ep_error *err)
{
	size_t size = read_size(reader);
	size_t got = 0;
	EP_TRY(make_room(reader, block, size, err));
	EP_TRY(reader->source.read(reader->source.context, block->bytes.data + block->bytes.size,
	                           size, &got, err));
	assert(got <= size);
	block->bytes.size += got;
	reader->ended = got == 0;
	return EP_OK;
}

/* Passes over a byte order mark; false where that takes more bytes. */
static bool
skip_mark(struct ep_csv_reader *reader, const struct ep_csv_block *block)
{
	size_t size = block->bytes.size;
	size_t compared = size < sizeof byte_order_mark ? size : sizeof byte_order_mark;
	bool match = compared == 0 || memcmp(block->bytes.data, byte_order_mark, compared) == 0;
	if (match && compared < sizeof byte_order_mark && !reader->ended)
		return false;
	if (match && compared == sizeof byte_order_mark)
		reader->scan.at = reader->scan.row = compared;
	reader->started = true;
	return true;
}

/* How many rows the block shall have: 0 where it must grow first. Pairs of rows up to *asked are
 * known to belong together. */
static size_t
rows_to_keep(const struct ep_csv_reader *reader, const struct ep_csv_block *block, size_t *asked)
{
	const struct ep_csv_options *options = &reader->options;
	const struct ep_csv_row *rows = block->rows;
	/* What was thrown away of a long row cannot be carried over, so the block ends behind it.
	 */
	if (block->count == 0 || reader->scan.too_long)
		return 0;
	if (!options->together || rows[block->count - 1].fault == EP_CSV_TOO_LONG)
		return block->count;
	for (size_t i = block->count - 1; i > *asked; i--) {
		if (rows[i - 1].fault == EP_CSV_TOO_LONG ||
		    !options->together(options->context, &rows[i - 1], &rows[i]))
			return i;
	}
	*asked = block->count - 1;
	bool at_limit =
		block->bytes.size >= EP_CSV_BLOCK_SIZE_MAX || block->count >= EP_CSV_BLOCK_ROWS_MAX;
	return at_limit ? block->count : 0;
}

/* Ends block after its first keep rows; the next one starts with the bytes behind them. */
static enum ep_status
end_block(struct ep_csv_reader *reader, struct ep_csv_block *block, size_t keep,
          struct ep_error *err)
{
	struct ep_csv_scan *scan = &reader->scan;
	enum ep_csv_state state = EP_CSV_RECORD_START;
	size_t place = scan->row;
	if (keep < block->count) {
		place = (size_t)(block->rows[keep].raw.at - (const char *)block->bytes.data);
		scan->number = block->rows[keep].number - 1;
	} else if (scan->state == EP_CSV_BLANK_CR) {
		state = EP_CSV_BLANK_CR;
	}
	EP_TRY(ep_buffer_append(&reader->carry, block->bytes.data + place,
	                        block->bytes.size - place, err));
	scan->state = state;
	scan->at = scan->row = 0;
	block->count = keep;
	return EP_OK;
}

/* Completes the last row of the input; later blocks are empty. */
static enum ep_status
end_input(struct ep_csv_reader *reader, struct ep_csv_block *block, struct ep_error *err)
{
	struct ep_csv_scan *scan = &reader->scan;
	EP_TRY(ep_csv_scan_end(scan, block, err));
	scan->state = EP_CSV_RECORD_START;
	scan->at = scan->row = 0;
	return EP_OK;
}

static enum ep_status
fill_block(struct ep_csv_reader *reader, struct ep_csv_block *block, struct ep_error *err)
{
	struct ep_csv_scan *scan = &reader->scan;
	size_t row_limit = EP_CSV_BLOCK_ROWS;
	size_t asked = 0;
	EP_TRY(start_block(reader, block, err));
	for (;;) {
		if (reader->started || skip_mark(reader, block))
			EP_TRY(ep_csv_scan(scan, block, row_limit, err));
		if (block->count >= row_limit || block->bytes.size >= reader->options.block_size) {
			size_t keep = rows_to_keep(reader, block, &asked);
			if (keep)
				return end_block(reader, block, keep, err);
		}
		if (block->count >= row_limit) {
			row_limit *= 2;
			continue;
		}
		if (reader->started)
			ep_csv_scan_forget(scan, block);
		if (reader->ended)
			return end_input(reader, block, err);
		if (block->count > 0 && !scan->too_long && ep_source_stalls(&reader->source))
			return end_block(reader, block, block->count, err);
		EP_TRY(read_more(reader, block, err));
	}
}

enum ep_status
ep_csv_read(struct ep_csv_reader *reader, struct ep_csv_block *block, struct ep_error *err)
{
	block->count = 0;
	if (reader->failed == EP_OK)
		reader->failed = fill_block(reader, block, &reader->error);
	/* The rows that block has are whole, whatever failed behind them. */
	if (reader->failed == EP_OK || block->count > 0)
		return EP_OK;
	if (err)
		*err = reader->error;
	return reader->failed;
}
