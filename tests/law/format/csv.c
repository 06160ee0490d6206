/* Laws of CSV: rows do not depend on how the bytes come, their raw bytes are those of the input,
 * and what is written is read back. */
#include "format/csv.h"
#include "tests/input.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

void law_csv(const uint8_t *bytes, size_t size);

static bool
same_id(void *context, const struct ep_csv_row *previous, const struct ep_csv_row *next)
{
	(void)context;
	return ep_text_equal(previous->fields[0], next->fields[0]);
}

/* A reader that hands out one row after the other. */
struct rows {
	struct input input;
	struct ep_csv_reader *reader;
	struct ep_csv_block block;
	size_t at;
};

static void
open_rows(struct rows *rows, const uint8_t *bytes, size_t size, size_t piece, size_t block_size)
{
	struct ep_csv_options options = {
		.block_size = block_size, .field_max = 40, .row_max = 100, .together = same_id
	};
	*rows = (struct rows){ .input = { bytes, size, piece } };
	struct ep_source source = { .read = read_input, .context = &rows->input };
	must_equal(ep_csv_open(&rows->reader, source, &options, NULL), EP_OK);
}

static const struct ep_csv_row *
next_row(struct rows *rows)
{
	if (rows->at == rows->block.count) {
		must_equal(ep_csv_read(rows->reader, &rows->block, NULL), EP_OK);
		rows->at = 0;
	}
	return rows->at < rows->block.count ? &rows->block.rows[rows->at++] : NULL;
}

static void
close_rows(struct rows *rows)
{
	ep_csv_block_free(&rows->block);
	ep_csv_close(rows->reader);
}

static void
must_be_equal(const struct ep_csv_row *one, const struct ep_csv_row *other)
{
	must_equal(one->columns, other->columns);
	must_equal(one->number, other->number);
	must_equal(one->fault, other->fault);
	must(ep_text_equal(one->raw, other->raw));
	for (size_t i = 0; i < EP_CSV_COLUMNS; i++)
		must(ep_text_equal(one->fields[i], other->fields[i]));
}

/* Finds raw in the input: behind *place there may only be blank lines before it. */
static void
must_be_next(const struct ep_csv_row *row, const uint8_t *bytes, size_t size, size_t *place)
{
	while (*place < size && (bytes[*place] == '\r' || bytes[*place] == '\n'))
		++*place;
	must(row->raw.size > 0 && row->raw.size <= size - *place);
	must(memcmp(bytes + *place, row->raw.at, row->raw.size) == 0);
	*place += row->raw.size;
}

static void
must_come_back(const struct ep_csv_row *row)
{
	EP_BUFFER struct ep_buffer out = { 0 };
	struct rows rows;
	must_equal(ep_csv_append_row(&out, row->fields, row->columns, NULL), EP_OK);
	/* A mark at the start would be skipped. */
	open_rows(&rows, out.data, out.size, out.size, out.size + 1);
	const struct ep_csv_row *back = next_row(&rows);
	bool marked = out.size >= 3 && memcmp(out.data, "\xef\xbb\xbf", 3) == 0;
	if (!marked && back && back->fault != EP_CSV_TOO_LONG) {
		must(back->columns == row->columns && back->fault == EP_CSV_OK);
		for (size_t i = 0; i < row->columns; i++)
			must(ep_text_equal(back->fields[i], row->fields[i]));
		must(!next_row(&rows));
	}
	must(back || marked);
	close_rows(&rows);
}

void
law_csv(const uint8_t *bytes, size_t size)
{
	if (size < 2)
		return;
	struct rows one;
	struct rows other;
	size_t place = size >= 5 && memcmp(bytes + 2, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	bool placed = true; /* until a row was too long: how much is missing is not known */
	open_rows(&one, bytes + 2, size - 2, size, size);
	open_rows(&other, bytes + 2, size - 2, 1 + bytes[0] % 64u, 1 + bytes[1]);
	const struct ep_csv_row *row;
	while ((row = next_row(&one))) {
		const struct ep_csv_row *same = next_row(&other);
		must(same != NULL);
		must_be_equal(row, same);
		if (placed)
			must_be_next(row, bytes + 2, size - 2, &place);
		placed = placed && row->fault != EP_CSV_TOO_LONG;
		if (row->fault != EP_CSV_TOO_LONG && row->columns <= EP_CSV_COLUMNS)
			must_come_back(row);
	}
	must(!next_row(&other));
	close_rows(&one);
	close_rows(&other);
}
