#include "net/metrics.h"

#include "base/time.h"
#include "node/streams_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
ep_metrics_append(struct ep_buffer *out, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	int size = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (size > 0)
		(void)!ep_buffer_append(out, text,
		                        (size_t)size < sizeof text ? (size_t)size : sizeof text - 1,
		                        NULL);
}

void
ep_metric(struct ep_buffer *out, const char *name, const char *type, const char *help,
          uint64_t value)
{
	ep_metrics_append(
		out, "# HELP echoprint_%s %s\n# TYPE echoprint_%s %s\nechoprint_%s %" PRIu64 "\n",
		name, help, name, type, name, value);
}

/* ---- of the monitor ---- */

/* Appends a text as the value of a label. */
static void
append_label(struct ep_buffer *out, const char *text)
{
	for (; text && *text; text++) {
		bool escaped = *text == '"' || *text == '\\';
		(void)!ep_buffer_append(out, "\\", escaped, NULL);
		(void)!ep_buffer_append(out, text, 1, NULL);
	}
}

static void
stream_metric(struct ep_buffer *out, const json_t *streams, const char *name, const char *help,
              uint64_t (*value)(const json_t *stream))
{
	size_t index;
	json_t *stream;
	ep_metrics_append(out, "# HELP echoprint_stream_%s %s\n# TYPE echoprint_stream_%s gauge\n",
	                  name, help, name);
	json_array_foreach(streams, index, stream)
	{
		ep_metrics_append(out, "echoprint_stream_%s{stream=\"", name);
		append_label(out, json_string_value(json_object_get(stream, "stream")));
		ep_metrics_append(out, "\"} %" PRIu64 "\n", value(stream));
	}
}

static const char *
state_of_stream(const json_t *stream)
{
	const char *state = json_string_value(json_object_get(stream, "state"));
	return state ? state : "";
}

static uint64_t
is_heard(const json_t *stream)
{
	const char *state = state_of_stream(stream);
	return strcmp(state, "playing") == 0 || strcmp(state, "unknown") == 0 ||
	       strcmp(state, "silence") == 0;
}

static uint64_t
is_silent(const json_t *stream)
{
	return strcmp(state_of_stream(stream), "silence") == 0;
}

static uint64_t
is_recognised(const json_t *stream)
{
	return strcmp(state_of_stream(stream), "playing") == 0;
}

static uint64_t
heard_seconds(const json_t *stream)
{
	const char *text = json_string_value(json_object_get(stream, "heard"));
	int64_t at;
	return text && ep_time_parse(&at, ep_text_of(text)) && at > 0 ? (uint64_t)at : 0;
}

void
ep_monitor_metrics(struct ep_buffer *out, const char *folder)
{
	json_t *monitor = ep_streams_file_read(folder);
	const json_t *streams = json_object_get(monitor, "streams");
	const json_t *webhook = json_object_get(monitor, "webhook");
	bool runs = json_is_true(json_object_get(monitor, "running")) &&
	            !json_is_true(json_object_get(monitor, "stale"));
	if (json_is_object(monitor))
		ep_metric(out, "monitor_running", "gauge",
		          "Whether the monitor runs and its state is fresh.", runs);
	if (runs) {
		stream_metric(out, streams, "up", "Whether the stream is heard.", is_heard);
		stream_metric(out, streams, "silent", "Whether it is silent.", is_silent);
		stream_metric(out, streams, "recognised", "Whether a known track plays.",
		              is_recognised);
		stream_metric(out, streams, "heard_seconds", "Until when it was heard.",
		              heard_seconds);
	}
	if (json_is_object(webhook))
		ep_metric(out, "webhook_waiting", "gauge",
		          "Events of plays that wait for the webhook.",
		          (uint64_t)json_integer_value(json_object_get(webhook, "waiting")));
	json_decref(monitor);
}
