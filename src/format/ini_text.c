#include "format/ini_text.h"

#include <ini.h>
#include <string.h>

#define LINE_BYTES 8192

/* A text that is read. */
struct reading {
	const struct ep_ini_reader *reader;
	const char *at; /* what is not read yet */
	const char *end;
	unsigned line; /* from 1 */
	struct ep_error *err;
	enum ep_status status;
};

/* Takes "[NAME]", and what may be behind it. */
static enum ep_status
begin_section(struct reading *reading, const char *line)
{
	const struct ep_ini_reader *reader = reading->reader;
	const char *close = strchr(line, ']');
	if (!close)
		return ep_fail(reading->err, EP_BAD_INPUT, "expected [NAME], but there is no ]");
	struct ep_text name = { line + 1, (size_t)(close - line - 1) };
	return reader->on_section(reader->context, name, reading->err);
}

/* For libinih: takes a key and its value; 0 ends. It cuts the names of sections at 50 bytes, so
 * they are read in on_line. */
static int
on_value(void *context, const char *section, const char *key, const char *value)
{
	(void)section;
	struct reading *reading = context;
	const struct ep_ini_reader *reader = reading->reader;
	if (reading->status == EP_OK)
		reading->status =
			reader->on_value(reader->context, key, value, reading->line, reading->err);
	return reading->status == EP_OK;
}

/* For libinih: gives the next line without the blanks before it, which would make it go on with the
 * value of the line before. */
static char *
on_line(char *line, int size, void *context)
{
	struct reading *reading = context;
	if (reading->at == reading->end || reading->status != EP_OK)
		return NULL;
	const char *at = reading->at;
	const char *end = memchr(at, '\n', (size_t)(reading->end - at));
	end = end ? end : reading->end;
	reading->at = end < reading->end ? end + 1 : end;
	reading->line++;
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	if (end - at > size - 1) {
		reading->status =
			ep_fail(reading->err, EP_BAD_INPUT, "the line has over %d bytes", size - 1);
		return NULL;
	}
	memcpy(line, at, (size_t)(end - at));
	line[end - at] = '\0';
	if (line[0] == '[')
		reading->status = begin_section(reading, line);
	return reading->status == EP_OK ? line : NULL;
}

static void
parse(struct reading *reading)
{
	/* Variables of the library: what it is to be like. */
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_max_line = LINE_BYTES;
	ini_initial_alloc = LINE_BYTES;
	ini_stop_on_first_error = true;
	int failed = ini_parse_stream(on_line, reading, on_value, reading);
	if (reading->status == EP_OK && failed)
		reading->status = failed < 0 ? ep_fail(reading->err, EP_NO_MEMORY, "out of memory")
		                             : ep_fail(reading->err, EP_BAD_INPUT,
		                                       "expected KEY = VALUE, [NAME] or a comment");
	if (reading->status == EP_OK)
		reading->status = reading->reader->on_section(reading->reader->context,
		                                              (struct ep_text){ 0 }, reading->err);
}

enum ep_status
ep_ini_read(struct ep_text text, const char *path, const struct ep_ini_reader *reader,
            struct ep_error *err)
{
	struct reading reading = { .reader = reader, .at = text.at, .err = err };
	reading.end = reading.at + text.size;
	if (!ep_text_is_utf8(text) || (text.size && memchr(text.at, 0, text.size)))
		return ep_fail(err, EP_BAD_INPUT, "%s is not a text in UTF-8", path);
	if (text.size >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
		reading.at += 3;
	parse(&reading);
	if (reading.status == EP_BAD_INPUT && reading.line)
		ep_error_prefix(err, "%s:%u: ", path, reading.line);
	return reading.status;
}
