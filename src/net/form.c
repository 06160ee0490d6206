#include "net/form.h"

#include <stdio.h>
#include <string.h>

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum ep_status
decode(struct ep_buffer *out, struct ep_text value, struct ep_error *err)
{
	EP_TRY(ep_buffer_reserve(out, value.size, err));
	for (size_t i = 0; i < value.size; i++) {
		uint8_t c = (uint8_t)value.at[i];
		if (c == '+')
			c = ' ';
		int high = i + 2 < value.size ? digit(value.at[i + 1]) : -1;
		int low = i + 2 < value.size ? digit(value.at[i + 2]) : -1;
		if (c == '%' && high >= 0 && low >= 0) {
			c = (uint8_t)(high * 16 + low);
			i += 2;
		}
		out->data[out->size++] = c;
	}
	return EP_OK;
}

enum ep_status
ep_form_field(struct ep_buffer *out, bool *found, struct ep_text form, const char *name,
              struct ep_error *err)
{
	size_t name_size = strlen(name);
	*found = false;
	for (const char *at = form.at, *end = at + form.size; form.size && at < end;) {
		const char *next = memchr(at, '&', (size_t)(end - at));
		const char *stop = next ? next : end;
		size_t size = (size_t)(stop - at);
		if (size > name_size && memcmp(at, name, name_size) == 0 && at[name_size] == '=') {
			*found = true;
			return decode(out,
			              (struct ep_text){ at + name_size + 1, size - name_size - 1 },
			              err);
		}
		at = stop + 1;
	}
	return EP_OK;
}

enum ep_status
ep_form_escape(struct ep_buffer *out, uint8_t byte, struct ep_error *err)
{
	char text[4];
	snprintf(text, sizeof text, "%%%02X", byte);
	return ep_buffer_append(out, text, 3, err);
}
