#include "monitor/config_internal.h"

#include "plays/plays.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void
ep_monitor_config_free(struct ep_monitor_config *config)
{
	ep_arena_free(&config->arena);
	ep_buffer_free(&config->secret);
	free(config->streams);
	*config = (struct ep_monitor_config){ 0 };
}

const struct ep_stream_config *
ep_monitor_config_find(const struct ep_monitor_config *config, struct ep_text name)
{
	for (size_t i = 0; i < config->count; i++) {
		if (ep_text_equal(config->streams[i].name, name))
			return &config->streams[i];
	}
	return NULL;
}

/* ---- a stream ---- */

static bool
has_control(struct ep_text text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (iscntrl((unsigned char)text.at[i]))
			return true;
	}
	return false;
}

static enum ep_status
check_name(const struct ep_monitor_config *config, struct ep_text name, struct ep_error *err)
{
	if (name.size == 0 || name.size > EP_STREAM_NAME_MAX || has_control(name) ||
	    !ep_text_is_utf8(name))
		return ep_fail(err, EP_BAD_INPUT,
		               "a stream's name must have 1 to %d bytes of UTF-8, and no control "
		               "characters",
		               EP_STREAM_NAME_MAX);
	if (ep_monitor_config_find(config, name))
		return ep_fail(err, EP_BAD_INPUT,
		               "there is a stream \"%.*s\" already; names must differ",
		               ep_text_print_size(name), name.at);
	return EP_OK;
}

enum ep_status
ep_config_add_stream(struct ep_monitor_config *config, struct ep_text name, struct ep_error *err)
{
	EP_TRY(check_name(config, name, err));
	if (config->count == config->capacity) {
		size_t capacity = config->capacity ? 2 * config->capacity : 16;
		struct ep_stream_config *more =
			realloc(config->streams, capacity * sizeof *config->streams);
		if (!more)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		config->streams = more;
		config->capacity = capacity;
	}
	struct ep_stream_config *stream = &config->streams[config->count];
	*stream = (struct ep_stream_config){ 0 };
	EP_TRY(ep_arena_text(&stream->name, &config->arena, name, err));
	config->count++;
	return EP_OK;
}

enum ep_status
ep_config_keep(const char **copy, struct ep_monitor_config *config, const char *text,
               struct ep_error *err)
{
	struct ep_text kept;
	EP_TRY(ep_arena_text(&kept, &config->arena, (struct ep_text){ text, strlen(text) + 1 },
	                     err));
	*copy = kept.at;
	return EP_OK;
}

/* A URL without what may be secret: "http://user:password@host/a?key=b" -> "http://host/a". */
static enum ep_status
without_secrets(struct ep_text *shown, struct ep_monitor_config *config, const char *url,
                struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	const char *path = host + strcspn(host, "/?#");
	const char *sign = host == url ? NULL : memrchr(host, '@', (size_t)(path - host));
	EP_TRY(ep_buffer_append(&text, url, (size_t)(host - url), err));
	host = sign ? sign + 1 : host;
	size_t size = host == url ? strlen(host) : strcspn(host, "?#");
	EP_TRY(ep_buffer_append(&text, host, size, err));
	return ep_arena_text(shown, &config->arena, ep_buffer_text(&text), err);
}

enum ep_status
ep_config_set_url(struct ep_stream_config *stream, struct ep_monitor_config *config,
                  const char *url, struct ep_error *err)
{
	if (stream->url)
		return ep_fail(err, EP_BAD_INPUT, "url is given twice; a stream has one");
	if (!*url)
		return ep_fail(err, EP_BAD_INPUT, "url is empty; expected a URL or a file");
	EP_TRY(ep_config_keep(&stream->url, config, url, err));
	return without_secrets(&stream->shown_url, config, url, err);
}

/* The size of the name in NAME=URL; 0: there is none. */
static size_t
name_size(const char *argument)
{
	size_t size = strspn(argument, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                               "0123456789._-");
	return argument[size] == '=' ? size : 0;
}

enum ep_status
ep_monitor_config_add(struct ep_monitor_config *config, const char *argument, struct ep_error *err)
{
	struct ep_text name = { argument, name_size(argument) };
	const char *url = name.size ? argument + name.size + 1 : argument;
	if (name.size == 0)
		EP_TRY(without_secrets(&name, config, url, err));
	EP_TRY(ep_config_add_stream(config, name, err));
	return ep_config_set_url(&config->streams[config->count - 1], config, url, err);
}
