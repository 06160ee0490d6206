/* csv_block.h - rows of a CSV file, in a block that holds their bytes */
#ifndef EP_FORMAT_CSV_BLOCK_H
#define EP_FORMAT_CSV_BLOCK_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* Fields of a row that are kept; further ones are only counted. */
#define EP_CSV_COLUMNS 7

/* The largest field as its text is, and the largest row as it is in the input with its line end. */
#define EP_CSV_FIELD_MAX ((size_t)16 << 20)
#define EP_CSV_ROW_MAX ((size_t)64 << 20)

/* What is kept of the raw bytes of a row with EP_CSV_TOO_LONG. */
#define EP_CSV_RAW_KEPT ((size_t)1024)

enum ep_csv_fault {
	EP_CSV_OK = 0,
	EP_CSV_TOO_LONG, /* a field over the field limit, or the row over the row limit */
	EP_CSV_NOT_CLOSED /* the input ends inside quotes; the fields are what Python gives */
};

struct ep_csv_row {
	/* Empty (size 0) from columns on, and everywhere with EP_CSV_TOO_LONG. */
	struct ep_text fields[EP_CSV_COLUMNS];
	size_t columns; /* all that the row has, at least 1; may be more than EP_CSV_COLUMNS */
	/* The row as it is in the input, with its line end; with EP_CSV_TOO_LONG its first bytes,
	 * at most EP_CSV_RAW_KEPT. */
	struct ep_text raw;
	uint64_t number; /* of the record in the input, from 1; blank lines count */
	enum ep_csv_fault fault;
};

/* Whole rows of the input, in order. A zeroed struct is an empty block. The texts of the rows point
 * into the block, which needs neither the reader nor the source: it may be handed to another
 * thread. Everything in it is valid until the block is filled again or freed. */
struct ep_csv_block {
	struct ep_csv_row *rows;
	size_t count; /* rows */

	/* The rest belongs to csv.c. */
	size_t capacity; /* rows allocated */
	struct ep_buffer bytes;
	struct ep_arena arena; /* fields that are not in the input as their text is */
};

#endif
