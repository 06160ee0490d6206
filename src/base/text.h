/* text.h - a slice of text that somebody else owns; not ended by NUL */
#ifndef EP_BASE_TEXT_H
#define EP_BASE_TEXT_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct ep_text {
	const char *at; /* may be NULL where size is 0 */
	size_t size; /* bytes */
};

/* The bytes of a literal, or of a string that ends with NUL. */
struct ep_text ep_text_of(const char *string);

/* What a buffer holds, until it next grows. */
struct ep_text ep_buffer_text(const struct ep_buffer *buffer);

/* Text as bytes, and bytes as text. */
struct ep_bytes ep_bytes_of_text(struct ep_text text);
struct ep_text ep_text_of_bytes(struct ep_bytes bytes);

/* Appends a text behind its size, a varint. Fails as ep_buffer_append does. */
EP_MUST_USE enum ep_status ep_put_text(struct ep_buffer *out, struct ep_text text,
                                       struct ep_error *err);

/* Reads a text behind its size, a varint; empty where the reader ran out. Borrowed. */
struct ep_text ep_read_text(struct ep_reader *reader);

bool ep_text_equal(struct ep_text one, struct ep_text other);

/* Order of the bytes as unsigned numbers; a prefix comes first. Below, equal to or above 0. */
int ep_text_compare(struct ep_text one, struct ep_text other);

/* Whether text is UTF-8 as RFC 3629 has it: shortest forms, no surrogates, up to U+10FFFF. */
bool ep_text_is_utf8(struct ep_text text);

/* The place of the first control character (U+0000-1F, U+7F-9F) of UTF-8, in bytes from 1; 0: there
 * is none. */
size_t ep_text_find_control(struct ep_text text);

/* Appends text to out as UTF-8: as it is where it is UTF-8, else as Latin-1. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_text_to_utf8(struct ep_buffer *out, struct ep_text text,
                                           struct ep_error *err);

/* For "%.*s", where text is known to be short: its size, at most 255. */
int ep_text_print_size(struct ep_text text);

#endif
