/* words.h - the words that a user searches for, as an expression of SQLite's FTS5 */
#ifndef EP_CATALOGUE_WORDS_H
#define EP_CATALOGUE_WORDS_H

#include "base/buffer.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define EP_WORDS_TEXT_MAX 1024
#define EP_WORDS_MAX 32

/* Appends an expression, ended by NUL, for tracks that have all words of a text: whole, or, with
 * begins, words that begin so, but not those that have all of them whole. Words are separated by
 * blanks. Signs alone ("&") are passed over; one with signs inside ("AC/DC") stands for its parts,
 * in order. A word with hyphens also stands for itself without them, as an ISRC is written in both
 * ways.
 *
 * source  only tracks of the source with this number; 0: of all.
 * *none   the text has no words: nothing is appended.
 * EP_BAD_INPUT  text is not UTF-8, has control characters, over EP_WORDS_TEXT_MAX bytes or over
 * EP_WORDS_MAX words. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_words_expression(struct ep_buffer *out, bool *none,
                                               struct ep_text text, bool begins, uint32_t source,
                                               struct ep_error *err);

#endif
