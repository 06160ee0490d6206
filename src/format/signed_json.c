#include "format/signed_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRONT "{\"signature\":\""
#define FRONT_SIZE (sizeof FRONT - 1)
#define BEHIND "\",\n"
#define BEHIND_SIZE (sizeof BEHIND - 1)
#define HEX_SIZE ((size_t)2 * EP_SIGNATURE_SIZE)
#define NUMBER_MAX ((json_int_t)1 << 62)

void
ep_json_release(json_t **object)
{
	json_decref(*object);
}

/* ---- writing ---- */

enum ep_status
ep_signed_write(struct ep_buffer *out, json_t *given, int format, const char *purpose,
                const struct ep_keys *keys, struct ep_error *err)
{
	EP_JSON json_t *object = given;
	EP_JSON json_t *whole = json_pack("{s:i}", "format", format);
	EP_FREE char *text = NULL;
	if (object && whole && json_object_update(whole, object) == 0)
		text = json_dumps(whole, JSON_COMPACT);
	if (!text)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the text to be signed");
	const char *body = text + 1; /* behind the brace, which the signature has */
	struct ep_signature signature;
	char hex[HEX_SIZE + 1];
	ep_sign(&signature, keys, purpose, body, strlen(body));
	sodium_bin2hex(hex, sizeof hex, signature.bytes, EP_SIGNATURE_SIZE);
	EP_TRY(ep_buffer_append(out, FRONT, FRONT_SIZE, err));
	EP_TRY(ep_buffer_append(out, hex, HEX_SIZE, err));
	EP_TRY(ep_buffer_append(out, BEHIND, BEHIND_SIZE, err));
	return ep_buffer_append(out, body, strlen(body), err);
}

/* ---- reading ---- */

/* Finds the signature and the bytes that it is of. */
static bool
split(struct ep_signature *signature, struct ep_text *body, struct ep_text text)
{
	size_t head = FRONT_SIZE + HEX_SIZE + BEHIND_SIZE;
	if (text.size < head || memcmp(text.at, FRONT, FRONT_SIZE) != 0 ||
	    memcmp(text.at + FRONT_SIZE + HEX_SIZE, BEHIND, BEHIND_SIZE) != 0)
		return false;
	*body = (struct ep_text){ text.at + head, text.size - head };
	return ep_hex_parse(signature->bytes, EP_SIGNATURE_SIZE,
	                    (struct ep_text){ text.at + FRONT_SIZE, HEX_SIZE });
}

enum ep_status
ep_signed_read(json_t **object, struct ep_text text, int format, const char *purpose,
               const struct ep_key *key, const char *what, struct ep_error *err)
{
	struct ep_signature signature;
	struct ep_text body;
	if (text.size > EP_SIGNED_MAX)
		return ep_fail(err, EP_CORRUPT, "%s is larger than %zu bytes", what, EP_SIGNED_MAX);
	if (!split(&signature, &body, text))
		return ep_fail(err, EP_CORRUPT, "%s does not begin with a signature", what);
	if (!ep_sign_check(&signature, key, purpose, body.at, body.size))
		return ep_fail(err, EP_CORRUPT,
		               "%s is not signed with the key that this node knows", what);
	json_error_t why;
	EP_JSON json_t *read = json_loadb(text.at, text.size, JSON_REJECT_DUPLICATES, &why);
	if (!read)
		return ep_fail(err, EP_CORRUPT, "%s is not a JSON object: %s", what, why.text);
	uint64_t has;
	EP_TRY(ep_json_number(&has, read, "format", err));
	if (has > (uint64_t)format)
		return ep_fail(err, EP_NEWER, "%s has format %llu, but this program knows 1 to %d",
		               what, (unsigned long long)has, format);
	*object = EP_TAKE(read);
	return EP_OK;
}

/* ---- values ---- */

enum ep_status
ep_json_number(uint64_t *number, const json_t *object, const char *name, struct ep_error *err)
{
	const json_t *value = json_object_get(object, name);
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > NUMBER_MAX)
		return ep_fail(err, EP_CORRUPT, "\"%s\" is not a whole number from 0 to 2^62",
		               name);
	*number = (uint64_t)json_integer_value(value);
	return EP_OK;
}

enum ep_status
ep_json_string(struct ep_text *text, const json_t *object, const char *name, struct ep_error *err)
{
	const json_t *value = json_object_get(object, name);
	if (!json_is_string(value))
		return ep_fail(err, EP_CORRUPT, "\"%s\" is not a string", name);
	*text = (struct ep_text){ json_string_value(value), json_string_length(value) };
	return EP_OK;
}

enum ep_status
ep_json_bytes(void *bytes, size_t size, const json_t *object, const char *name,
              struct ep_error *err)
{
	struct ep_text text;
	EP_TRY(ep_json_string(&text, object, name, err));
	if (!ep_hex_parse(bytes, size, text))
		return ep_fail(err, EP_CORRUPT, "\"%s\" is not %zu hex digits", name, 2 * size);
	return EP_OK;
}

bool
ep_json_set_bytes(json_t *object, const char *name, const void *bytes, size_t size)
{
	EP_FREE char *hex = malloc(2 * size + 1);
	if (!hex)
		return false;
	sodium_bin2hex(hex, 2 * size + 1, bytes, size);
	return json_object_set_new(object, name, json_string(hex)) == 0;
}
