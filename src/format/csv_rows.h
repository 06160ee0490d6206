/* csv_rows.h - finds the rows in the bytes of a block; the inner half of the CSV reader
 *
 * The bytes may come in any pieces: the scan stops where they end and goes on when there are more.
 * Its places are offsets into the bytes of the block:
 *
 *     bytes   ... rows done ... | row under way: fields done, | field under way | not seen yet
 *                               ^ row                         ^ field           ^ at
 */
#ifndef EP_FORMAT_CSV_ROWS_H
#define EP_FORMAT_CSV_ROWS_H

#include "base/status.h"
#include "format/csv_block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ep_csv_state {
	EP_CSV_RECORD_START = 0,
	EP_CSV_BLANK_CR, /* behind a blank line's CR: an LF would belong to it */
	EP_CSV_FIELD_START,
	EP_CSV_PLAIN,
	EP_CSV_QUOTED,
	EP_CSV_AFTER_QUOTE, /* behind a quote inside quotes: closing, or the first of a pair */
	EP_CSV_ROW_CR /* behind a row's CR: an LF would belong to it */
};

struct ep_csv_scan {
	enum ep_csv_state state;
	size_t at;
	size_t row;
	size_t field;
	size_t dropped; /* quotes of the field under way that are not in its text */
	bool split; /* the text of the field under way is not in one piece */
	bool too_long; /* of the row under way, only the first bytes are kept */
	uint64_t number; /* records done */
	struct ep_csv_row now;

	size_t field_max;
	size_t row_max;
};

/* Goes on until the bytes of block end, or it has row_limit rows.
 * EP_NO_MEMORY; the scan is then of no further use. */
EP_MUST_USE enum ep_status ep_csv_scan(struct ep_csv_scan *scan, struct ep_csv_block *block,
                                       size_t row_limit, struct ep_error *err);

/* To be called where the bytes of block end and more will follow: throws away what a row that is
 * too long has behind its first bytes. */
void ep_csv_scan_forget(struct ep_csv_scan *scan, struct ep_csv_block *block);

/* To be called once, where the input ends with the bytes of block: completes the row under way.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_csv_scan_end(struct ep_csv_scan *scan, struct ep_csv_block *block,
                                           struct ep_error *err);

#endif
