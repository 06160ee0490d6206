/* ini_text.h - texts of sections with keys and values, by libinih
 *
 *     [SECTION]
 *     KEY = VALUE
 *
 * A line that begins with # or ; is a comment, and so is what follows a ; behind a blank. Blanks
 * around keys and values do not count; a line has up to 8,190 bytes.
 */
#ifndef EP_FORMAT_INI_TEXT_H
#define EP_FORMAT_INI_TEXT_H

#include "base/text.h"

/* Who is told what a text has, in order. A failure ends the reading, and is handed up. */
struct ep_ini_reader {
	/* A section begins; at the end of the text, once more with name.at NULL. Borrowed. */
	enum ep_status (*on_section)(void *context, struct ep_text name, struct ep_error *err);
	/* line: from 1. It may stand before the first section. Borrowed. */
	enum ep_status (*on_value)(void *context, const char *key, const char *value, unsigned line,
	                           struct ep_error *err);
	void *context;
};

/* Reads a text; path is for error texts.
 *
 * EP_BAD_INPUT  it is not UTF-8, or not of this form, or a callback refused it: the text begins
 *               with "PATH:LINE: ".
 * EP_NO_MEMORY, and what else the callbacks fail with. */
EP_MUST_USE enum ep_status ep_ini_read(struct ep_text text, const char *path,
                                       const struct ep_ini_reader *reader, struct ep_error *err);

#endif
