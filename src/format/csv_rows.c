#include "format/csv_rows.h"

#include "format/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Writes the text of a quoted field; raw starts behind the opening quote. */
static void
unquote(char *text, const char *raw, size_t size)
{
	const char *end = raw + size;
	const char *quote;
	while ((quote = memchr(raw, '"', (size_t)(end - raw)))) {
		bool pair = end - quote > 1 && quote[1] == '"';
		size_t copied = (size_t)(quote - raw) + (pair ? 1 : 0);
		memcpy(text, raw, copied);
		text += copied;
		raw = quote + (pair ? 2 : 1);
		if (!pair)
			break;
	}
	memcpy(text, raw, (size_t)(end - raw));
}

/* Sets the next field of the row under way to the bytes from field to at. */
static enum ep_status
keep_field(struct ep_csv_scan *scan, struct ep_csv_block *block, struct ep_error *err)
{
	size_t raw_size = scan->at - scan->field;
	size_t size = raw_size - scan->dropped;
	const char *raw = (const char *)block->bytes.data + scan->field;
	if (size > scan->field_max) {
		scan->too_long = true;
		return EP_OK;
	}
	if (scan->now.columns >= EP_CSV_COLUMNS)
		return EP_OK;
	struct ep_text text = { raw, size };
	if (scan->split) {
		char *joined = ep_arena_alloc(&block->arena, size);
		if (!joined)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a field of %zu bytes",
			               size);
		unquote(joined, raw + 1, raw_size - 1);
		text.at = joined;
	} else if (scan->dropped) {
		text.at++;
	}
	scan->now.fields[scan->now.columns] = text;
	return EP_OK;
}

static enum ep_status
end_field(struct ep_csv_scan *scan, struct ep_csv_block *block, struct ep_error *err)
{
	/* Of a row that is too long, field no longer is the field's place. */
	if (!scan->too_long)
		EP_TRY(keep_field(scan, block, err));
	scan->now.columns++;
	return EP_OK;
}

static enum ep_status
append_row(struct ep_csv_block *block, const struct ep_csv_row *row, struct ep_error *err)
{
	if (block->count == block->capacity) {
		size_t capacity = block->capacity ? block->capacity * 2 : 512;
		struct ep_csv_row *rows = realloc(block->rows, capacity * sizeof *rows);
		if (!rows)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu rows", capacity);
		block->rows = rows;
		block->capacity = capacity;
	}
	block->rows[block->count++] = *row;
	return EP_OK;
}

static enum ep_status
end_row(struct ep_csv_scan *scan, struct ep_csv_block *block, struct ep_error *err)
{
	struct ep_csv_row *row = &scan->now;
	row->raw.at = (const char *)block->bytes.data + scan->row;
	row->raw.size = scan->at - scan->row;
	row->number = ++scan->number;
	if (scan->too_long || row->raw.size > scan->row_max) {
		row->fault = EP_CSV_TOO_LONG;
		memset(row->fields, 0, sizeof row->fields);
		if (row->raw.size > EP_CSV_RAW_KEPT)
			row->raw.size = EP_CSV_RAW_KEPT;
	}
	EP_TRY(append_row(block, row, err));
	scan->row = scan->at;
	scan->too_long = false;
	scan->state = EP_CSV_RECORD_START;
	return EP_OK;
}

static void
start_record(struct ep_csv_scan *scan, char byte)
{
	if (byte == '\r' || byte == '\n') {
		scan->number++;
		scan->row = ++scan->at;
		scan->state = byte == '\r' ? EP_CSV_BLANK_CR : EP_CSV_RECORD_START;
	} else {
		scan->row = scan->at;
		scan->now = (struct ep_csv_row){ 0 };
		scan->state = EP_CSV_FIELD_START;
	}
}

static void
start_field(struct ep_csv_scan *scan, char byte)
{
	bool quoted = byte == '"';
	scan->field = scan->at;
	scan->split = false;
	scan->dropped = quoted ? 1 : 0;
	scan->at += quoted ? 1 : 0;
	scan->state = quoted ? EP_CSV_QUOTED : EP_CSV_PLAIN;
}

/* Goes to the end of a field outside quotes, and over the comma or line end there. */
static enum ep_status
pass_plain(struct ep_csv_scan *scan, struct ep_csv_block *block, struct ep_error *err)
{
	const char *bytes = (const char *)block->bytes.data;
	const char *end = bytes + block->bytes.size;
	const char *stop = ep_scan_any(bytes + scan->at, end, ',', '\n', '\r');
	scan->at = (size_t)(stop - bytes);
	if (stop == end)
		return EP_OK;
	EP_TRY(end_field(scan, block, err));
	scan->at++;
	if (*stop == '\n')
		return end_row(scan, block, err);
	scan->state = *stop == ',' ? EP_CSV_FIELD_START : EP_CSV_ROW_CR;
	return EP_OK;
}

static void
pass_quoted(struct ep_csv_scan *scan, const struct ep_csv_block *block)
{
	const uint8_t *bytes = block->bytes.data;
	const uint8_t *quote = memchr(bytes + scan->at, '"', block->bytes.size - scan->at);
	if (!quote) {
		scan->at = block->bytes.size;
		return;
	}
	scan->at = (size_t)(quote - bytes) + 1;
	scan->dropped++;
	scan->state = EP_CSV_AFTER_QUOTE;
}

static void
after_quote(struct ep_csv_scan *scan, char byte)
{
	if (byte == '"') {
		scan->at++;
		scan->split = true;
		scan->state = EP_CSV_QUOTED;
		return;
	}
	if (byte != ',' && byte != '\r' && byte != '\n')
		scan->split = true;
	scan->state = EP_CSV_PLAIN;
}

/* One step of the scan; there is a byte at scan->at. */
static enum ep_status
step(struct ep_csv_scan *scan, struct ep_csv_block *block, struct ep_error *err)
{
	char byte = (char)block->bytes.data[scan->at];
	switch (scan->state) {
	case EP_CSV_RECORD_START:
		start_record(scan, byte);
		return EP_OK;
	case EP_CSV_BLANK_CR:
		scan->row = scan->at += byte == '\n' ? 1 : 0;
		scan->state = EP_CSV_RECORD_START;
		return EP_OK;
	case EP_CSV_FIELD_START:
		start_field(scan, byte);
		return EP_OK;
	case EP_CSV_PLAIN:
		return pass_plain(scan, block, err);
	case EP_CSV_QUOTED:
		pass_quoted(scan, block);
		return EP_OK;
	case EP_CSV_AFTER_QUOTE:
		after_quote(scan, byte);
		return EP_OK;
	case EP_CSV_ROW_CR:
		break;
	}
	scan->at += byte == '\n' ? 1 : 0;
	return end_row(scan, block, err);
}

enum ep_status
ep_csv_scan(struct ep_csv_scan *scan, struct ep_csv_block *block, size_t row_limit,
            struct ep_error *err)
{
	while (scan->at < block->bytes.size && block->count < row_limit)
		EP_TRY(step(scan, block, err));
	return EP_OK;
}

void
ep_csv_scan_forget(struct ep_csv_scan *scan, struct ep_csv_block *block)
{
	size_t size = block->bytes.size;
	bool in_row = scan->state != EP_CSV_RECORD_START && scan->state != EP_CSV_BLANK_CR;
	bool in_field = in_row && scan->state != EP_CSV_FIELD_START && scan->state != EP_CSV_ROW_CR;
	assert(scan->at == size);
	if (in_row && size - scan->row > scan->row_max)
		scan->too_long = true;
	if (in_field && !scan->too_long && size - scan->field - scan->dropped > scan->field_max)
		scan->too_long = true;
	if (scan->too_long && size - scan->row > EP_CSV_RAW_KEPT) {
		block->bytes.size = scan->row + EP_CSV_RAW_KEPT;
		scan->at = block->bytes.size;
	}
}

enum ep_status
ep_csv_scan_end(struct ep_csv_scan *scan, struct ep_csv_block *block, struct ep_error *err)
{
	if (scan->state == EP_CSV_RECORD_START || scan->state == EP_CSV_BLANK_CR)
		return EP_OK;
	if (scan->state == EP_CSV_ROW_CR)
		return end_row(scan, block, err);
	if (scan->state == EP_CSV_FIELD_START)
		start_field(scan, '\0');
	else if (scan->state == EP_CSV_QUOTED)
		scan->now.fault = EP_CSV_NOT_CLOSED;
	EP_TRY(end_field(scan, block, err));
	return end_row(scan, block, err);
}
