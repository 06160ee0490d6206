#include "format/json_text.h"

#include "base/buffer.h"

json_t *
ep_json_text(struct ep_text text)
{
	if (ep_text_is_utf8(text))
		return json_stringn(text.size ? text.at : "", text.size);
	EP_BUFFER struct ep_buffer valid = { 0 };
	enum ep_status status = EP_OK;
	for (size_t i = 0; status == EP_OK && i < text.size;) {
		size_t size = 1;
		while (size <= 4 && size <= text.size - i &&
		       !ep_text_is_utf8((struct ep_text){ text.at + i, size }))
			size++;
		bool good = size <= 4 && size <= text.size - i;
		status = good ? ep_buffer_append(&valid, text.at + i, size, NULL)
		              : ep_buffer_append(&valid, "\xef\xbf\xbd", 3, NULL);
		i += good ? size : 1;
	}
	return status == EP_OK ? json_stringn((const char *)valid.data, valid.size) : NULL;
}

enum ep_status
ep_json_add(json_t *array, json_t *item, const char *what, struct ep_error *err)
{
	if (json_array_append_new(array, item) == 0)
		return EP_OK;
	return ep_fail(err, EP_NO_MEMORY, "out of memory for %s", what);
}
