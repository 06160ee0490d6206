#include "format/csv.h"

#include "format/scan.h"

#include <string.h>

static bool
needs_quotes(struct ep_text field)
{
	if (field.size == 0)
		return false;
	const char *end = field.at + field.size;
	return memchr(field.at, '"', field.size) ||
	       ep_scan_any(field.at, end, ',', '\n', '\r') != end;
}

/* Appends field in quotes, each quote in it as two. */
static enum ep_status
append_quoted(struct ep_buffer *out, struct ep_text field, struct ep_error *err)
{
	const char *at = field.at;
	const char *end = at + field.size;
	const char *quote;
	EP_TRY(ep_buffer_append(out, "\"", 1, err));
	while ((quote = memchr(at, '"', (size_t)(end - at)))) {
		EP_TRY(ep_buffer_append(out, at, (size_t)(quote + 1 - at), err));
		EP_TRY(ep_buffer_append(out, "\"", 1, err));
		at = quote + 1;
	}
	EP_TRY(ep_buffer_append(out, at, (size_t)(end - at), err));
	return ep_buffer_append(out, "\"", 1, err);
}

enum ep_status
ep_csv_append_field(struct ep_buffer *out, struct ep_text field, struct ep_error *err)
{
	size_t before = out->size;
	if (!needs_quotes(field))
		return ep_buffer_append(out, field.at, field.size, err);
	enum ep_status status = append_quoted(out, field, err);
	if (status != EP_OK)
		out->size = before;
	return status;
}

static enum ep_status
append_fields(struct ep_buffer *out, const struct ep_text *fields, size_t count,
              struct ep_error *err)
{
	if (count == 1 && fields[0].size == 0)
		return ep_buffer_append(out, "\"\"\r\n", 4, err);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			EP_TRY(ep_buffer_append(out, ",", 1, err));
		EP_TRY(ep_csv_append_field(out, fields[i], err));
	}
	return ep_buffer_append(out, "\r\n", 2, err);
}

enum ep_status
ep_csv_append_row(struct ep_buffer *out, const struct ep_text *fields, size_t count,
                  struct ep_error *err)
{
	size_t before = out->size;
	enum ep_status status = append_fields(out, fields, count, err);
	if (status != EP_OK)
		out->size = before;
	return status;
}
