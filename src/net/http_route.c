/* Which route a request is for, who may, and what web pages of others are told. */
#include "net/http_internal.h"

#include <stdio.h>
#include <string.h>

/* How precisely a route fits a path: 0: not at all. Of "/tracks/" with an id, and "/tracks/" with
 * an id and "/onsets", the second is more precise. */
static size_t
fit(const struct ep_http_route *route, const char *path)
{
	size_t front = strlen(route->path);
	size_t size = strlen(path);
	size_t end = route->end ? strlen(route->end) : 0;
	if (!route->tree)
		return strcmp(route->path, path) == 0 ? size + 1 : 0;
	if (size <= front + end || strncmp(route->path, path, front) != 0)
		return 0;
	return end == 0 || strcmp(path + size - end, route->end) == 0 ? front + end : 0;
}

/* The most precise fit of all routes. */
static size_t
best_fit(const struct ep_http_options *options, const char *path)
{
	size_t best = 0;
	for (size_t i = 0; i < EP_HTTP_SETS && options->sets[i].routes; i++) {
		for (const struct ep_http_route *route = options->sets[i].routes; route->path;
		     route++) {
			size_t found = fit(route, path);
			best = found > best ? found : best;
		}
	}
	return best;
}

/* Adds a method to those of a path. */
static void
allow(struct ep_http_answer *answer, const char *method)
{
	size_t size = strlen(answer->allow);
	snprintf(answer->allow + size, sizeof answer->allow - size, "%s%s", size ? ", " : "",
	         method);
}

/* Finds the route; the methods that its path has are those of answer->allow. */
static void
find_route(struct ep_http_request *request)
{
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
	const struct ep_http_options *options = &request->http->options;
	size_t best = best_fit(options, request->path);
	for (size_t i = 0; i < EP_HTTP_SETS && best && options->sets[i].routes; i++) {
		for (const struct ep_http_route *route = options->sets[i].routes; route->path;
		     route++) {
			if (fit(route, request->path) != best)
				continue;
			allow(&request->answer, route->method);
			if (strcmp(route->method, method) != 0)
				continue;
			request->route = route;
			request->lane = route->lane;
			request->context = options->sets[i].context;
		}
	}
}

bool
ep_http_is_admitted(struct ep_http_request *request)
{
	const struct ep_http_options *options = &request->http->options;
	return !options->admit ||
	       options->admit(options->context, request, request->route, &request->answer);
}

/* ---- pages of others ---- */

/* A browser asks, without a token, whether a page may send what it wants to (CORS). */
static bool
is_preflight(const struct ep_http_request *request)
{
	return strcmp(request->method, "OPTIONS") == 0 && request->answer.allow[0] &&
	       request->page &&
	       MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
	                                   "Access-Control-Request-Method");
}

bool
ep_http_has_route(struct ep_http_request *request)
{
	struct ep_http_answer *answer = &request->answer;
	find_route(request);
	if (is_preflight(request)) {
		answer->status = 204;
		answer->preflight = true;
		return false;
	}
	if (!ep_http_is_admitted(request) || request->route)
		answer->allow[0] = '\0';
	else if (answer->allow[0])
		ep_http_say(answer, 405, "method %s is not allowed here, but %s", request->method,
		            answer->allow);
	else
		ep_http_say(answer, 404, "this path does not exist");
	return answer->status == 0;
}
