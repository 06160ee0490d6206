#include "base/base64.h"

#include <sodium.h>
#include <string.h>

enum ep_status
ep_base64_append(struct ep_buffer *out, struct ep_bytes bytes, struct ep_error *err)
{
	size_t room = sodium_base64_ENCODED_LEN(bytes.size, sodium_base64_VARIANT_ORIGINAL);
	EP_TRY(ep_buffer_reserve(out, room, err));
	sodium_bin2base64((char *)out->data + out->size, room, bytes.at, bytes.size,
	                  sodium_base64_VARIANT_ORIGINAL);
	out->size += room - 1; /* without its NUL */
	return EP_OK;
}

enum ep_status
ep_base64_decode(struct ep_buffer *out, const char *text, struct ep_error *err)
{
	size_t size = strlen(text);
	size_t decoded;
	EP_TRY(ep_buffer_reserve(out, size + 1, err));
	if (sodium_base642bin(out->data + out->size, size, text, size, NULL, &decoded, NULL,
	                      sodium_base64_VARIANT_ORIGINAL) != 0)
		return ep_fail(err, EP_BAD_INPUT, "it is not base64");
	out->size += decoded;
	return EP_OK;
}
