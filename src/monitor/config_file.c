#include "monitor/config_internal.h"

#include "base/file.h"
#include "format/ini_text.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES ((size_t)16 << 20)
#define SECRET_MAX ((size_t)4096)
#define SECRET_MIN 16 /* fewer bytes can be guessed */

/* A file that is read. */
struct reading {
	struct ep_monitor_config *config;
	bool global; /* in the section of that name */
	struct ep_stream_config *stream; /* of the section; NULL: none, or global */
	json_t *tags; /* of it */
	char *secret_file;
};

/* The section that was read is at its end. */
static enum ep_status
end_section(struct reading *reading, struct ep_error *err)
{
	struct ep_stream_config *stream = reading->stream;
	EP_FREE char *tags = NULL;
	if (!stream)
		return EP_OK;
	if (!stream->url)
		return ep_fail(err, EP_BAD_INPUT,
		               "the stream \"%.*s\" has no url; add a line `url = ...`",
		               ep_text_print_size(stream->name), stream->name.at);
	if (json_object_size(reading->tags) == 0)
		return EP_OK;
	tags = json_dumps(reading->tags, JSON_COMPACT | JSON_SORT_KEYS);
	json_object_clear(reading->tags);
	return tags ? ep_arena_text(&stream->tags, &reading->config->arena, ep_text_of(tags), err)
	            : ep_fail(err, EP_NO_MEMORY, "out of memory");
}

static enum ep_status
on_section(void *context, struct ep_text name, struct ep_error *err)
{
	struct reading *reading = context;
	EP_TRY(end_section(reading, err));
	reading->stream = NULL;
	reading->global = ep_text_equal(name, ep_text_of(EP_CONFIG_GLOBAL));
	if (!name.at || reading->global)
		return EP_OK;
	EP_TRY(ep_config_add_stream(reading->config, name, err));
	reading->stream = &reading->config->streams[reading->config->count - 1];
	return EP_OK;
}

static enum ep_status
set_learn(struct reading *reading, const char *value, struct ep_error *err)
{
	bool yes = strcmp(value, "yes") == 0;
	if (!yes && strcmp(value, "no") != 0)
		return ep_fail(err, EP_BAD_INPUT, "learn is \"%s\", but must be yes or no", value);
	reading->config->learn = yes;
	return EP_OK;
}

static enum ep_status
set_global(struct reading *reading, const char *key, const char *value, struct ep_error *err)
{
	struct ep_monitor_config *config = reading->config;
	if (strcmp(key, "webhook") == 0) {
		if (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
			return ep_fail(err, EP_BAD_INPUT,
			               "webhook is \"%s\", but must begin with http:// or https://",
			               value);
		return ep_config_keep(&config->webhook, config, value, err);
	}
	if (strcmp(key, "webhook-secret-file") == 0) {
		free(reading->secret_file);
		reading->secret_file = strdup(value);
		return reading->secret_file ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory");
	}
	if (strcmp(key, "learn") == 0)
		return set_learn(reading, value, err);
	return ep_fail(err, EP_BAD_INPUT,
	               "[" EP_CONFIG_GLOBAL "] has no \"%s\"; its keys are webhook, "
	               "webhook-secret-file and learn",
	               key);
}

static enum ep_status
set_stream(struct reading *reading, const char *key, const char *value, struct ep_error *err)
{
	if (strcmp(key, "url") == 0)
		return ep_config_set_url(reading->stream, reading->config, value, err);
	if (json_object_get(reading->tags, key))
		return ep_fail(err, EP_BAD_INPUT, "%s is given twice", key);
	return json_object_set_new(reading->tags, key, json_string(value)) == 0
	               ? EP_OK
	               : ep_fail(err, EP_NO_MEMORY, "out of memory");
}

static enum ep_status
on_value(void *context, const char *key, const char *value, unsigned line, struct ep_error *err)
{
	(void)line;
	struct reading *reading = context;
	if (!reading->global && !reading->stream)
		return ep_fail(err, EP_BAD_INPUT, "\"%s\" is in no section; begin one with [NAME]",
		               key);
	return reading->global ? set_global(reading, key, value, err)
	                       : set_stream(reading, key, value, err);
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
	struct reading reading = { .config = config, .tags = json_object() };
	struct ep_ini_reader reader = { .on_section = on_section,
		                        .on_value = on_value,
		                        .context = &reading };
	enum ep_status status = ep_ini_read(text, path, &reader, err);
	json_decref(reading.tags);
	if (status == EP_OK)
		*secret_file = EP_TAKE(reading.secret_file);
	free(reading.secret_file);
	return status;
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
