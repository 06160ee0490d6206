/* How the node is doing: for programs, for people. */
#include "net/metrics.h"
#include "net/serve_internal.h"
#include "node/facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum ep_http_next
ep_route_health(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	char error[EP_PUBLISHER_ERROR];
	ep_publisher_error(error, serve->publisher);
	if (error[0])
		ep_http_say(answer, 503, "cannot publish%s%s", ep_is_outsider(request) ? "" : ": ",
		            ep_is_outsider(request) ? "" : error);
	else
		ep_http_say(answer, 200, "ok");
	answer->said[0] = '\0';
	return EP_HTTP_ANSWER;
}

/* The state of `status`, with what only the server knows. NULL when it cannot be read. */
static json_t *
state_of(struct ep_serve *serve)
{
	struct ep_facts facts;
	uint64_t open;
	uint64_t waiting;
	if (ep_facts_read(&facts, serve->log, false, NULL) != EP_OK)
		return NULL;
	json_t *json = ep_facts_json(&facts);
	ep_facts_done(&facts);
	if (!json)
		return NULL;
	ep_http_counts(serve->http, &open, &waiting);
	json_object_set_new(json, "server",
	                    json_pack("{s:b, s:s, s:s, s:f, s:I, s:I, s:I}", "healthy",
	                              ep_serve_is_well(serve), "version", EP_VERSION, "role",
	                              serve->options.mirror ? "mirror"
	                              : serve->slave        ? "slave"
	                                                    : "master",
	                              "seconds", ep_clock_s() - serve->started, "connections",
	                              (json_int_t)open, "waiting", (json_int_t)waiting, "requests",
	                              (json_int_t)atomic_load(&serve->counts.requests)));
	return json;
}

/* What everybody may know: no names, no keys. */
static json_t *
health_of(struct ep_serve *serve)
{
	return json_pack("{s:b, s:s}", "healthy", ep_serve_is_well(serve), "version", EP_VERSION);
}

void
ep_route_status(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	json_t *json = ep_is_outsider(request) ? health_of(context) : state_of(context);
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text) {
		ep_http_say(answer, 500, "cannot read the state");
		return;
	}
	(void)!ep_buffer_append(&answer->body, text, strlen(text), NULL);
	answer->status = 200;
	answer->type = "application/json";
}

/* ---- a page ---- */

static void
append_escaped(struct ep_buffer *out, const char *text)
{
	for (; *text; text++) {
		const char *name = *text == '<'   ? "&lt;"
		                   : *text == '&' ? "&amp;"
		                   : *text == '"' ? "&quot;"
		                                  : NULL;
		if (name)
			ep_metrics_append(out, "%s", name);
		else
			(void)!ep_buffer_append(out, text, 1, NULL);
	}
}

#define DEPTH_MAX 8

/* A value of JSON as HTML: objects and lists as tables. */
static void
append_value(struct ep_buffer *out, json_t *value, int depth) /* NOLINT(misc-no-recursion) */
{
	const char *key;
	json_t *item;
	size_t index;
	if (json_is_object(value) && depth < DEPTH_MAX) {
		ep_metrics_append(out, "<table>");
		json_object_foreach(value, key, item)
		{
			ep_metrics_append(out, "<tr><th>");
			append_escaped(out, key);
			ep_metrics_append(out, "<td>");
			append_value(out, item, depth + 1);
		}
		ep_metrics_append(out, "</table>");
	} else if (json_is_array(value) && depth < DEPTH_MAX) {
		json_array_foreach(value, index, item) append_value(out, item, depth + 1);
	} else if (json_is_string(value)) {
		append_escaped(out, json_string_value(value));
	} else if (!json_is_null(value)) {
		EP_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		append_escaped(out, text ? text : "");
	}
}

void
ep_route_page(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	bool outsider = ep_is_outsider(request);
	json_t *json = outsider ? health_of(serve) : state_of(serve);
	const char *title = outsider ? "a node" : serve->options.name;
	if (!json) {
		ep_http_say(answer, 500, "cannot read the state");
		return;
	}
	ep_metrics_append(&answer->body,
	                  "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=5>"
	                  "<title>");
	append_escaped(&answer->body, title);
	ep_metrics_append(&answer->body,
	                  " - echoprint</title><style>body{font:14px sans-serif;margin:2em}"
	                  "th{text-align:left;vertical-align:top;padding-right:1em;"
	                  "font-weight:600}td{font-variant-numeric:tabular-nums}</style><h1>");
	append_escaped(&answer->body, title);
	ep_metrics_append(&answer->body, "</h1>");
	append_value(&answer->body, json, 0);
	json_decref(json);
	answer->status = 200;
	answer->type = "text/html; charset=utf-8";
}
