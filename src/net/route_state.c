/* How the node is doing: for programs, for Prometheus, for people. */
#include "net/metrics.h"
#include "net/serve_internal.h"
#include "node/facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- of whom nothing is known ---- */

static bool
is_outsider(const struct ep_http_request *request)
{
	return ep_http_role(request) == EP_ROLE_NONE;
}

static bool
is_well(struct ep_serve *serve)
{
	char error[EP_PUBLISHER_ERROR];
	ep_publisher_error(error, serve->publisher);
	return !error[0];
}

enum ep_http_next
ep_route_health(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	char error[EP_PUBLISHER_ERROR];
	ep_publisher_error(error, serve->publisher);
	if (error[0])
		ep_http_say(answer, 503, "cannot publish%s%s", is_outsider(request) ? "" : ": ",
		            is_outsider(request) ? "" : error);
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
	                    json_pack("{s:s, s:f, s:I, s:I, s:I}", "role",
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
	return json_pack("{s:b, s:s}", "healthy", is_well(serve), "version", EP_VERSION);
}

void
ep_route_status(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	json_t *json = is_outsider(request) ? health_of(context) : state_of(context);
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

/* ---- metrics ---- */

static void
slave_metrics(struct ep_buffer *out, const struct ep_peer *peers, size_t count)
{
	if (count == 0)
		return;
	ep_metrics_append(out, "# HELP echoprint_source_contact_seconds When the source was "
	                       "last heard from.\n"
	                       "# TYPE echoprint_source_contact_seconds gauge\n");
	for (size_t i = 0; i < count; i++)
		ep_metrics_append(out,
		                  "echoprint_source_contact_seconds{source=\"%s\"} %" PRId64 "\n",
		                  peers[i].name, peers[i].contact);
	ep_metrics_append(
		out,
		"# HELP echoprint_source_position Position up to which the source contributed.\n"
		"# TYPE echoprint_source_position gauge\n");
	for (size_t i = 0; i < count; i++)
		ep_metrics_append(out, "echoprint_source_position{source=\"%s\"} %" PRIu64 "\n",
		                  peers[i].name, peers[i].position);
}

static void
follower_metrics(struct ep_buffer *out, const struct ep_log_read *read)
{
	EP_FREE struct ep_follower *followers = NULL;
	size_t count;
	if (ep_followers(&followers, &count, read, NULL) != EP_OK || count == 0)
		return;
	ep_metrics_append(out, "# HELP echoprint_follower_position Position up to which another "
	                       "system has this log.\n"
	                       "# TYPE echoprint_follower_position gauge\n");
	for (size_t i = 0; i < count; i++)
		ep_metrics_append(out, "echoprint_follower_position{follower=\"%s\"} %" PRIu64 "\n",
		                  followers[i].name, followers[i].watermark);
	ep_metrics_append(out, "# HELP echoprint_follower_lag Changes that it does not have yet.\n"
	                       "# TYPE echoprint_follower_lag gauge\n");
	for (size_t i = 0; i < count; i++)
		ep_metrics_append(out, "echoprint_follower_lag{follower=\"%s\"} %" PRIu64 "\n",
		                  followers[i].name, followers[i].waiting);
}

static void
master_metrics(struct ep_buffer *out, const struct ep_master *master,
               const struct ep_pending *pending)
{
	ep_metric(out, "feed_position", "gauge", "Position up to which the feed was applied.",
	          master->position);
	ep_metric(out, "feed_lag", "gauge",
	          "Positions of the feed that were seen but not applied yet.",
	          ep_master_seen(master) - master->position);
	ep_metric(out, "pending_tracks", "gauge", "Local changes that the feed does not have yet.",
	          pending->unsent + pending->sent);
	ep_metric(out, "refused_tracks", "gauge",
	          "Local changes that the master refused or has no room for.",
	          pending->refused + pending->full);
	ep_metric(out, "master_contact_seconds", "gauge", "When the master was last reached.",
	          (uint64_t)master->contact);
	ep_metric(out, "master_failing", "gauge", "Whether the last attempt failed.",
	          master->error[0] != 0);
}

static void
log_metrics(struct ep_buffer *out, struct ep_serve *serve)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	struct ep_standing standing;
	if (ep_log_read_begin(&read, serve->log, NULL) != EP_OK)
		return;
	ep_log_state(&state, read);
	ep_standing_read(&standing, read, ep_log_folder(serve->log));
	ep_metric(out, "position", "gauge", "Position of the log.", state.position);
	ep_metric(out, "tracks", "gauge", "Live tracks.", state.tracks);
	ep_metric(out, "documents", "gauge", "Documents of live tracks.", state.documents);
	ep_metric(out, "conflicts", "gauge", "Versions of tracks that were set aside.",
	          state.conflicts);
	if (standing.has_published)
		ep_metric(out, "published_position", "gauge", "Position of this node's feed.",
		          standing.published);
	slave_metrics(out, standing.peers, standing.peer_count);
	follower_metrics(out, read);
	if (standing.has_master)
		master_metrics(out, &standing.master, &standing.pending);
	ep_standing_done(&standing);
}

static void
health_metrics(struct ep_buffer *out, struct ep_serve *serve)
{
	ep_metric(out, "healthy", "gauge", "Whether the node can publish.", is_well(serve));
	ep_metrics_append(out, "# HELP echoprint_version The program's version.\n"
	                       "# TYPE echoprint_version gauge\n"
	                       "echoprint_version{version=\"" EP_VERSION "\"} 1\n");
}

/* All that the server has counted, and the log. */
static void
all_metrics(struct ep_buffer *out, struct ep_serve *serve)
{
	struct ep_serve_counts *counts = &serve->counts;
	uint64_t open;
	uint64_t waiting;
	ep_http_counts(serve->http, &open, &waiting);
	log_metrics(out, serve);
	ep_monitor_metrics(out, ep_log_folder(serve->log));
	ep_metric(out, "connections", "gauge", "Open connections.", open);
	ep_metric(out, "waiting", "gauge", "Requests that are waiting for news.", waiting);
	ep_metric(out, "requests_total", "counter", "Answers.", atomic_load(&counts->requests));
	ep_metric(out, "refused_total", "counter", "Answers with a 4xx status.",
	          atomic_load(&counts->refused));
	ep_metric(out, "failed_total", "counter", "Answers with a 5xx status.",
	          atomic_load(&counts->failed));
	ep_metric(out, "contributions_total", "counter", "Contributions accepted.",
	          atomic_load(&counts->contributions));
	ep_metric(out, "contributed_tracks_total", "counter", "Tracks in accepted contributions.",
	          atomic_load(&counts->tracks));
	ep_metric(out, "ingested_tracks_total", "counter", "Tracks ingested with /ingest.",
	          atomic_load(&counts->ingested));
	ep_metric(out, "queries_total", "counter", "Queries.", atomic_load(&counts->queries));
	ep_metric(out, "publications_total", "counter", "Times the feed was written.",
	          ep_publisher_count(serve->publisher));
}

void
ep_route_metrics(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	health_metrics(&answer->body, serve);
	if (!is_outsider(request))
		all_metrics(&answer->body, serve);
	answer->status = 200;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
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
	bool outsider = is_outsider(request);
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
