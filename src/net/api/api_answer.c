/* What the handlers of the interface have in common: answers in JSON, parameters, bodies. */
#include "net/api/api_internal.h"

#include "base/file.h"
#include "node/play_json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- answers ---- */

void
ep_api_refuse(struct ep_http_answer *answer, unsigned status, const char *code, const char *fmt,
              ...)
{
	char text[400];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	ep_http_say(answer, status, "%s", text);
	answer->code = code;
}

void
ep_api_fail(struct ep_http_answer *answer, const struct ep_error *err)
{
	switch (err->status) {
	case EP_NOT_FOUND:
		ep_api_refuse(answer, 404, "not_found", "%s", err->text);
		break;
	case EP_BAD_INPUT:
	case EP_USAGE:
		ep_api_refuse(answer, 409, "refused", "%s", err->text);
		break;
	case EP_DIVERGED:
		ep_api_refuse(answer, 409, "stale", "%s", err->text);
		break;
	case EP_NO_SPACE:
		ep_api_refuse(answer, 507, "no_space", "%s", err->text);
		break;
	case EP_INTERRUPTED:
	case EP_NO_MEMORY:
		ep_api_refuse(answer, 503, "busy", "%s", err->text);
		break;
	case EP_UNREACHABLE:
		ep_api_refuse(answer, 502, "unreachable", "%s", err->text);
		break;
	case EP_OK:
	case EP_IO:
	case EP_CORRUPT:
	case EP_NEWER:
		ep_api_refuse(answer, 500, "internal", "%s", err->text);
		break;
	}
}

void
ep_api_answer(struct ep_http_answer *answer, unsigned status, json_t *json)
{
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text || ep_buffer_append(&answer->body, text, strlen(text), NULL) != EP_OK) {
		ep_api_refuse(answer, 503, "busy", "out of memory");
		return;
	}
	answer->status = status;
	answer->type = "application/json";
}

/* ---- parameters ---- */

static bool
bad_parameter(struct ep_http_answer *answer, const char *name, const char *expected)
{
	ep_api_refuse(answer, 400, "bad_request", "the parameter %s must be %s", name, expected);
	return false;
}

bool
ep_api_number(uint64_t *value, const struct ep_http_request *request, const char *name,
              uint64_t min, uint64_t max, struct ep_http_answer *answer)
{
	const char *given = ep_http_parameter(request, name);
	char expected[80];
	uint64_t number = 0;
	if (!given)
		return true;
	snprintf(expected, sizeof expected, "a whole number from %" PRIu64 " to %" PRIu64, min,
	         max);
	if (!*given || given[strspn(given, "0123456789")] || strlen(given) > 19)
		return bad_parameter(answer, name, expected);
	number = strtoull(given, NULL, 10);
	if (number < min || number > max)
		return bad_parameter(answer, name, expected);
	*value = number;
	return true;
}

bool
ep_api_flag(bool *value, const struct ep_http_request *request, const char *name,
            struct ep_http_answer *answer)
{
	return ep_http_flag(value, request, name) || bad_parameter(answer, name, "true or false");
}

bool
ep_api_text(const char **text, const struct ep_http_request *request, const char *name, size_t max,
            struct ep_http_answer *answer)
{
	char expected[80];
	*text = ep_http_parameter(request, name);
	if (!*text || (strlen(*text) <= max && ep_text_is_utf8(ep_text_of(*text))))
		return true;
	snprintf(expected, sizeof expected, "UTF-8 of at most %zu bytes", max);
	return bad_parameter(answer, name, expected);
}

bool
ep_api_moment(int64_t *moment_ms, const struct ep_http_request *request, const char *name,
              struct ep_http_answer *answer)
{
	const char *given = ep_http_parameter(request, name);
	return !given || ep_play_moment_read(moment_ms, given) ||
	       bad_parameter(answer, name, EP_PLAY_MOMENT_RULE);
}

bool
ep_api_is_id(const char *text, struct ep_http_answer *answer)
{
	size_t size = strlen(text);
	if (size < 1 || size > 255)
		ep_api_refuse(answer, 404, "not_found", "an id has 1 to 255 bytes");
	return size >= 1 && size <= 255;
}

bool
ep_api_id(struct ep_text *id, const struct ep_http_request *request, const char *front,
          struct ep_http_answer *answer)
{
	*id = ep_text_of(ep_http_path(request) + strlen(front));
	return ep_api_is_id(id->at, answer);
}

/* ---- bodies ---- */

bool
ep_api_is_type(const struct ep_http_request *request, const char *type)
{
	const char *given = ep_http_header(request, "Content-Type");
	size_t size = strlen(type);
	if (!given || strncasecmp(given, type, size) != 0)
		return false;
	return type[size - 1] == '/' || !given[size] || given[size] == ';' || given[size] == ' ';
}

static json_t *
parse(struct ep_text text, struct ep_http_answer *answer)
{
	json_error_t why;
	json_t *json = json_loadb(text.at ? text.at : "", text.size, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		ep_api_refuse(answer, 400, "bad_json", "the body is not JSON: line %d: %s",
		              why.line, why.text);
	return json;
}

json_t *
ep_api_json(const struct ep_http_request *request, struct ep_http_answer *answer)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	struct ep_error err;
	const char *path = ep_http_spooled(request);
	if (!ep_api_is_type(request, "application/json")) {
		ep_api_refuse(answer, 415, "unsupported_type",
		              "the Content-Type must be application/json");
		return NULL;
	}
	if (!path)
		return parse(ep_http_body(request), answer);
	if (ep_read_file(&text, path, EP_API_JSON_MAX, &err) != EP_OK) {
		ep_api_refuse(answer, 413, "too_large", "JSON may have at most %zu bytes",
		              EP_API_JSON_MAX);
		return NULL;
	}
	return parse(ep_buffer_text(&text), answer);
}

bool
ep_api_unpack(json_t *object, struct ep_http_answer *answer, const char *fmt, ...)
{
	json_error_t why;
	va_list args;
	va_start(args, fmt);
	int rc = json_vunpack_ex(object, &why, JSON_STRICT, fmt, args);
	va_end(args);
	if (rc != 0)
		ep_api_refuse(answer, 400, "bad_request", "the JSON is not as expected: %s",
		              why.text);
	return rc == 0;
}

bool
ep_api_fields(struct ep_field fields[EP_FIELDS_MAX], size_t *count, json_t *given,
              struct ep_http_answer *answer)
{
	const char *key;
	json_t *value;
	struct ep_error err;
	*count = 0;
	if (!json_is_object(given) || json_object_size(given) > EP_FIELDS_MAX) {
		ep_api_refuse(answer, 400, "bad_request",
		              "fields must be an object of at most %zu texts", EP_FIELDS_MAX);
		return false;
	}
	json_object_foreach(given, key, value)
	{
		struct ep_field *field = &fields[(*count)++];
		field->key = ep_text_of(key);
		field->value = json_is_string(value) ? (struct ep_text){ json_string_value(value),
			                                                 json_string_length(value) }
		                                     : (struct ep_text){ 0 };
		/* An empty value is of no field: it removes one. */
		struct ep_field checked = *field;
		if (json_is_string(value) && checked.value.size == 0)
			checked.value = ep_text_of("-");
		if (ep_field_check(&checked, &err) != EP_OK) {
			ep_api_refuse(answer, 400, "bad_request", "%s", err.text);
			return false;
		}
	}
	return true;
}
