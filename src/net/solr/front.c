#include "net/solr/front.h"

#include "base/time.h"
#include "net/access.h"
#include "net/metrics.h"
#include "net/route_query.h"
#include "net/solr/collection.h"
#include "net/solr/solr_engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* They wait for Solr most of the time. */
#define WORKERS 16

struct ep_front {
	struct ep_front_options options;
	struct ep_query_service *queries;
	struct ep_access access; /* without tokens: there is no data folder */
	struct ep_http *http;
	double started;
	atomic_uint_fast64_t counts[3]; /* requests, refused, failed */
	atomic_uint_fast64_t query_count;
	pthread_mutex_t mutex; /* of what follows */
	struct ep_solr *solr; /* for the state */
};

static void
on_answer(void *context, const struct ep_http_told *told)
{
	struct ep_front *front = context;
	atomic_fetch_add(&front->counts[0], 1);
	if (told->status >= 400)
		atomic_fetch_add(&front->counts[told->status >= 500 ? 2 : 1], 1);
	if (told->line)
		front->options.on_answer(front->options.context, told);
}

static void
on_line(void *context, const char *line)
{
	struct ep_front *front = context;
	front->options.on_line(front->options.context, false, line);
}

/* ---- the routes ---- */

static bool
is_outsider(const struct ep_http_request *request)
{
	return ep_http_role(request) == EP_ROLE_NONE;
}

static void
route_query(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_front *front = context;
	atomic_fetch_add(&front->query_count, 1);
	ep_answer_query(front->queries, request, answer);
}

/* Reads how far the collection is, whether or not all of its shards answer. */
static enum ep_status
read_mark(struct ep_solr_mark *mark, struct ep_front *front, struct ep_error *err)
{
	pthread_mutex_lock(&front->mutex);
	enum ep_status status =
		ep_solr_mark(mark, front->solr, ep_solr_collection(front->solr), err);
	pthread_mutex_unlock(&front->mutex);
	return status;
}

static void
route_health(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_front *front = context;
	struct ep_error err;
	pthread_mutex_lock(&front->mutex);
	enum ep_status status = ep_solr_check(front->solr, ep_solr_collection(front->solr), &err);
	pthread_mutex_unlock(&front->mutex);
	if (status != EP_OK)
		ep_http_say(answer, 503, "%s",
		            is_outsider(request) ? "the collection does not answer" : err.text);
	else
		ep_http_say(answer, 200, "ok");
	answer->said[0] = '\0';
}

static void
route_status(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_front *front = context;
	struct ep_solr_mark mark = { 0 };
	struct ep_error err = { 0 };
	enum ep_status status = read_mark(&mark, front, &err);
	bool healthy = status == EP_OK;
	EP_JSON json_t *json =
		is_outsider(request)
			? json_pack("{s:b, s:s}", "healthy", healthy, "version", EP_VERSION)
			: json_pack("{s:s, s:o, s:o, s:{s:s, s:f, s:I, s:I}}", "collection",
	                            front->options.solr.collection, "position",
	                            status == EP_OK ? json_integer((json_int_t)mark.position)
	                                            : json_null(),
	                            "error", status == EP_OK ? json_null() : json_string(err.text),
	                            "server", "role", "front end", "seconds",
	                            ep_clock_s() - front->started, "requests",
	                            (json_int_t)atomic_load(&front->counts[0]), "queries",
	                            (json_int_t)atomic_load(&front->query_count));
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!text) {
		ep_http_say(answer, 500, "cannot read the state");
		return;
	}
	(void)!ep_buffer_append(&answer->body, text, strlen(text), NULL);
	answer->status = 200;
	answer->type = "application/json";
}

static void
route_metrics(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	(void)request;
	struct ep_front *front = context;
	struct ep_buffer *out = &answer->body;
	struct ep_solr_mark mark;
	uint64_t open;
	uint64_t waiting;
	bool up = read_mark(&mark, front, NULL) == EP_OK;
	ep_http_counts(front->http, &open, &waiting);
	ep_metric(out, "solr_up", "gauge", "Whether the collection answers.", up);
	if (up)
		ep_metric(out, "position", "gauge", "Position of the collection.", mark.position);
	ep_metric(out, "connections", "gauge", "Open connections.", open);
	ep_metric(out, "requests_total", "counter", "Answers.", atomic_load(&front->counts[0]));
	ep_metric(out, "refused_total", "counter", "Answers with a 4xx status.",
	          atomic_load(&front->counts[1]));
	ep_metric(out, "failed_total", "counter", "Answers with a 5xx status.",
	          atomic_load(&front->counts[2]));
	ep_metric(out, "queries_total", "counter", "Queries.", atomic_load(&front->query_count));
	answer->status = 200;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
}

static const struct ep_http_route routes[] = {
	{ .method = "GET",
	  .path = "/query",
	  .need = EP_NEED_OPEN,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = route_query },
	{ .method = "POST",
	  .path = "/query",
	  .need = EP_NEED_OPEN,
	  .body_max = EP_QUERY_BODY_MAX,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = route_query },
	{ .method = "GET", .path = "/healthz", .need = EP_NEED_OPEN, .work = route_health },
	{ .method = "GET", .path = "/status", .need = EP_NEED_OPEN, .work = route_status },
	{ .method = "GET", .path = "/metrics", .need = EP_NEED_OPEN, .work = route_metrics },
	{ 0 },
};

static bool
admit(void *context, struct ep_http_request *request, const struct ep_http_route *route,
      struct ep_http_answer *answer)
{
	const struct ep_front *front = context;
	return ep_access_admit(&front->access, request, route, answer);
}

/* ---- from start to stop ---- */

static enum ep_status
start(struct ep_front *front, struct ep_error *err)
{
	struct ep_engines engines = ep_solr_engines(&front->options.solr);
	struct ep_http_options http = {
		.listen = front->options.listen,
		.certificate = front->options.certificate,
		.key = front->options.key,
		.connections = front->options.connections,
		.per_address = front->options.per_address,
		.workers = WORKERS,
		.sets = { { routes, front } },
		.context = front,
		.admit = admit,
		.on_answer = on_answer,
		.on_line = on_line,
	};
	struct ep_solr_options impatient = front->options.solr;
	impatient.patience_s = 0;
	ep_access_begin(&front->access, front->options.listen);
	EP_TRY(ep_solr_open(&front->solr, &impatient, err));
	EP_TRY(ep_query_service_start_by(&front->queries, &engines, err));
	return ep_http_start(&front->http, &http, err);
}

enum ep_status
ep_front_start(struct ep_front **out, const struct ep_front_options *options, struct ep_error *err)
{
	struct ep_front *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_mutex_init(&made->mutex, NULL);
	made->options = *options;
	made->started = ep_clock_s();
	EP_OWNED(ep_front_stop)
	struct ep_front *front = made;
	EP_TRY(start(front, err));
	*out = EP_TAKE(front);
	return EP_OK;
}

unsigned
ep_front_port(const struct ep_front *front)
{
	return ep_http_port(front->http);
}

void
ep_front_stop(struct ep_front *front)
{
	if (!front)
		return;
	ep_http_stop(front->http);
	ep_query_service_stop(front->queries);
	ep_solr_close(front->solr);
	pthread_mutex_destroy(&front->mutex);
	free(front);
}
