/* csv.h - the rows of a dump file, read and written as Python's csv module does (excel dialect)
 *
 * A record is fields with commas between them and ends with CR, LF or CR LF, or with the input.
 *
 *     field     = quoted / plain
 *     plain     = any bytes but comma, CR and LF; a quote that is not the first byte is itself
 *     quoted    = QUOTE *( any byte but QUOTE / QUOTE QUOTE ) QUOTE [ plain ]
 *
 * A pair of quotes stands for one; what follows the closing quote belongs to the field, and quotes
 * there are themselves. A blank line is a record without fields: it is counted, not returned. NUL
 * is a byte as any other. A UTF-8 byte order mark at the very start is skipped. Nothing else of
 * UTF-8 is looked at. The same rows as csv.reader(open(file, newline='', encoding='utf-8-sig'))
 * gives from Python 3.11 on, with no limit on the field size but the ones below.
 */
#ifndef EP_FORMAT_CSV_H
#define EP_FORMAT_CSV_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"
#include "format/csv_block.h"
#include "format/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block ends at the first chance after so many bytes or rows ... */
#define EP_CSV_BLOCK_SIZE ((size_t)4 << 20)
#define EP_CSV_BLOCK_ROWS ((size_t)16384)
/* ... and, where rows must stay together, at the latest after so many. A row that is longer than
 * that comes in a block of its own. */
#define EP_CSV_BLOCK_SIZE_MAX ((size_t)32 << 20)
#define EP_CSV_BLOCK_ROWS_MAX ((size_t)131072)

/* Frees what block holds and leaves an empty block. */
void ep_csv_block_free(struct ep_csv_block *block);

/* All zero for what a dump needs. */
struct ep_csv_options {
	size_t block_size; /* bytes; 0 means EP_CSV_BLOCK_SIZE */
	size_t field_max; /* bytes; 0 means EP_CSV_FIELD_MAX */
	size_t row_max; /* bytes; 0 means EP_CSV_ROW_MAX */

	/* Whether two rows, neighbours but for blank lines, must not be parted by the end of a
	 * block; NULL means never. It may be asked more than once for the same rows, and not at all
	 * where no block could end, nor for rows with EP_CSV_TOO_LONG: a block may end behind such
	 * a row. Otherwise any fault and any number of columns may occur. */
	bool (*together)(void *context, const struct ep_csv_row *previous,
	                 const struct ep_csv_row *next);
	void *context; /* borrowed until the reader is closed */
};

struct ep_csv_reader;

/* Makes a reader; nothing is read yet. source.context is borrowed until the reader is closed;
 * options may be NULL, and is copied.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_csv_open(struct ep_csv_reader **out, struct ep_source source,
                                       const struct ep_csv_options *options, struct ep_error *err);

/* Fills block with the next rows, in place of what it held; count is 0 at the end of the input.
 * Rows with a fault are rows as any other, and no failure.
 * EP_NO_MEMORY, or what the source fails with. The whole rows before a failure of the source are
 * given out first, what it broke off in is not; then every call fails. On failure block is empty.
 */
EP_MUST_USE enum ep_status ep_csv_read(struct ep_csv_reader *reader, struct ep_csv_block *block,
                                       struct ep_error *err);

/* Frees the reader, not the source nor any block; accepts NULL. */
void ep_csv_close(struct ep_csv_reader *reader);
EP_DEFINE_OWNED(struct ep_csv_reader, ep_csv_close)

/* Appends one field as csv.writer writes it: in quotes, its quotes doubled, where it holds a comma,
 * a quote, CR or LF; else as it is. No comma, no line end. Fails as ep_buffer_append does, and
 * leaves out as it was. */
EP_MUST_USE enum ep_status ep_csv_append_field(struct ep_buffer *out, struct ep_text field,
                                               struct ep_error *err);

/* Appends the row of fields[0..count), with commas and CR LF. A row of one empty field is written
 * as a pair of quotes, a row of no fields as a line end. Fails as ep_buffer_append does, and leaves
 * out as it was. */
EP_MUST_USE enum ep_status ep_csv_append_row(struct ep_buffer *out, const struct ep_text *fields,
                                             size_t count, struct ep_error *err);

#endif
