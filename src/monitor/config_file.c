#include "monitor/config_internal.h"

#include "base/file.h"

#include <ctype.h>
#include <ini.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES ((size_t)16 << 20)
#define LINE_BYTES 8192
#define SECRET_MAX ((size_t)4096)
#define SECRET_MIN 16 /* fewer bytes can be guessed */

/* A file that is read. */
struct reading {
	struct ep_monitor_config *config;
	const char *at; /* what is not read yet */
	const char *end;
	unsigned line; /* from 1 */
	bool global; /* in the section of that name */
	struct ep_stream_config *stream; /* of the section; NULL: none, or global */
	json_t *tags; /* of it */
	char *secret_file;
	struct ep_error *err;
	enum ep_status status;
};

/* The section that was read is at its end. */
static enum ep_status
end_section(struct reading *reading)
{
	struct ep_stream_config *stream = reading->stream;
	EP_FREE char *tags = NULL;
	if (!stream)
		return EP_OK;
	if (!stream->url)
		return ep_fail(reading->err, EP_BAD_INPUT,
		               "the stream \"%.*s\" has no url; add a line `url = ...`",
		               ep_text_print_size(stream->name), stream->name.at);
	if (json_object_size(reading->tags) == 0)
		return EP_OK;
	tags = json_dumps(reading->tags, JSON_COMPACT | JSON_SORT_KEYS);
	json_object_clear(reading->tags);
	return tags ? ep_arena_text(&stream->tags, &reading->config->arena, ep_text_of(tags),
	                            reading->err)
	            : ep_fail(reading->err, EP_NO_MEMORY, "out of memory");
}

/* Takes "[NAME]", and what may be behind it. */
static enum ep_status
begin_section(struct reading *reading, const char *line)
{
	const char *close = strchr(line, ']');
	if (!close)
		return ep_fail(reading->err, EP_BAD_INPUT, "expected [NAME], but there is no ]");
	struct ep_text name = { line + 1, (size_t)(close - line - 1) };
	EP_TRY(end_section(reading));
	reading->stream = NULL;
	reading->global = ep_text_equal(name, ep_text_of(EP_CONFIG_GLOBAL));
	if (reading->global)
		return EP_OK;
	EP_TRY(ep_config_add_stream(reading->config, name, reading->err));
	reading->stream = &reading->config->streams[reading->config->count - 1];
	return EP_OK;
}

static enum ep_status
set_learn(struct reading *reading, const char *value)
{
	bool yes = strcmp(value, "yes") == 0;
	if (!yes && strcmp(value, "no") != 0)
		return ep_fail(reading->err, EP_BAD_INPUT, "learn is \"%s\", but must be yes or no",
		               value);
	reading->config->learn = yes;
	return EP_OK;
}

static enum ep_status
set_global(struct reading *reading, const char *key, const char *value)
{
	struct ep_monitor_config *config = reading->config;
	if (strcmp(key, "webhook") == 0) {
		if (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
			return ep_fail(reading->err, EP_BAD_INPUT,
			               "webhook is \"%s\", but must begin with http:// or https://",
			               value);
		return ep_config_keep(&config->webhook, config, value, reading->err);
	}
	if (strcmp(key, "webhook-secret-file") == 0) {
		free(reading->secret_file);
		reading->secret_file = strdup(value);
		return reading->secret_file ? EP_OK
		                            : ep_fail(reading->err, EP_NO_MEMORY, "out of memory");
	}
	if (strcmp(key, "learn") == 0)
		return set_learn(reading, value);
	return ep_fail(reading->err, EP_BAD_INPUT,
	               "[" EP_CONFIG_GLOBAL "] has no \"%s\"; its keys are webhook, "
	               "webhook-secret-file and learn",
	               key);
}

static enum ep_status
set_stream(struct reading *reading, const char *key, const char *value)
{
	if (strcmp(key, "url") == 0)
		return ep_config_set_url(reading->stream, reading->config, value, reading->err);
	if (json_object_get(reading->tags, key))
		return ep_fail(reading->err, EP_BAD_INPUT, "%s is given twice", key);
	return json_object_set_new(reading->tags, key, json_string(value)) == 0
	               ? EP_OK
	               : ep_fail(reading->err, EP_NO_MEMORY, "out of memory");
}

/* For libinih: takes a key and its value; 0 ends. It cuts the names of sections at 50 bytes, so
 * they are read in on_line. */
static int
on_value(void *context, const char *section, const char *key, const char *value)
{
	(void)section;
	struct reading *reading = context;
	if (reading->status != EP_OK)
		return 0;
	if (!reading->global && !reading->stream)
		reading->status = ep_fail(reading->err, EP_BAD_INPUT,
		                          "\"%s\" is in no section; begin one with [NAME]", key);
	else
		reading->status = reading->global ? set_global(reading, key, value)
		                                  : set_stream(reading, key, value);
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
		reading->status = end_section(reading);
}

/* ---- the secret ---- */

static enum ep_status
read_secret(struct ep_monitor_config *config, const char *config_path, const char *name,
            struct ep_error *err)
{
	const char *slash = strrchr(config_path, '/');
	EP_FREE char *path = NULL;
	if (name[0] == '/' || !slash)
		path = strdup(name);
	else if (asprintf(&path, "%.*s/%s", (int)(slash - config_path), config_path, name) < 0)
		path = NULL;
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_read_file(&config->secret, path, SECRET_MAX, err));
	while (config->secret.size > 0 && isspace(config->secret.data[config->secret.size - 1]))
		config->secret.size--;
	if (config->secret.size < SECRET_MIN)
		return ep_fail(err, EP_BAD_INPUT,
		               "the secret in %s has %zu bytes; expected at least %d, such as "
		               "from `openssl rand -hex 32`",
		               path, config->secret.size, SECRET_MIN);
	return EP_OK;
}

enum ep_status
ep_config_parse(struct ep_monitor_config *config, char **secret_file, struct ep_text text,
                const char *path, struct ep_error *err)
{
	struct reading reading = {
		.config = config, .at = text.at, .tags = json_object(), .err = err
	};
	reading.end = reading.at + text.size;
	if (text.size >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
		reading.at += 3;
	if (!ep_text_is_utf8(text) || (text.size && memchr(text.at, 0, text.size)))
		reading.status = ep_fail(err, EP_BAD_INPUT, "%s is not a text in UTF-8", path);
	else
		parse(&reading);
	if (reading.status == EP_BAD_INPUT && reading.line)
		ep_error_prefix(err, "%s:%u: ", path, reading.line);
	json_decref(reading.tags);
	if (reading.status == EP_OK)
		*secret_file = EP_TAKE(reading.secret_file);
	free(reading.secret_file);
	return reading.status;
}

enum ep_status
ep_monitor_config_read(struct ep_monitor_config *config, const char *path, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FREE char *secret_file = NULL;
	EP_TRY(ep_read_file(&text, path, FILE_BYTES, err));
	EP_TRY(ep_config_parse(config, &secret_file, ep_buffer_text(&text), path, err));
	return secret_file ? read_secret(config, path, secret_file, err) : EP_OK;
}
