#include "net/http_internal.h"

#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- what handlers ask ---- */

const char *
ep_http_path(const struct ep_http_request *request)
{
	return request->path;
}

const char *
ep_http_method(const struct ep_http_request *request)
{
	return request->method;
}

const char *
ep_http_client(const struct ep_http_request *request)
{
	return request->client;
}

unsigned
ep_http_role(const struct ep_http_request *request)
{
	return request->role;
}

void
ep_http_set_role(struct ep_http_request *request, unsigned role)
{
	request->role = role;
}

const char *
ep_http_header(const struct ep_http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *
ep_http_parameter(const struct ep_http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool
ep_http_flag(bool *value, const struct ep_http_request *request, const char *name)
{
	const char *given = ep_http_parameter(request, name);
	if (!given)
		return true;
	*value = strcmp(given, "true") == 0;
	return *value || strcmp(given, "false") == 0;
}

struct ep_text
ep_http_body(const struct ep_http_request *request)
{
	return (struct ep_text){ (const char *)request->body.data, request->body.size };
}

const char *
ep_http_spooled(const struct ep_http_request *request)
{
	return request->spooled;
}

double
ep_http_wait_until(const struct ep_http_request *request)
{
	return request->wait_until;
}

void
ep_http_set_wait(struct ep_http_request *request, double until)
{
	request->wait_until = until;
}

void **
ep_http_note(struct ep_http_request *request)
{
	return &request->note;
}

void
ep_http_set_lane(struct ep_http_request *request, enum ep_http_lane lane)
{
	request->lane = lane;
}

bool
ep_http_may_wait(const struct ep_http_request *request)
{
	struct ep_http *http = request->http;
	pthread_mutex_lock(&http->mutex);
	bool may = !ep_http_is_full(http) || http->waiting_count < http->options.connections / 4;
	pthread_mutex_unlock(&http->mutex);
	return may;
}

/* ---- a request's life ---- */

/* The path of a URL; one that was sent to a proxy has the host in front. */
static const char *
path_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = url[0] != '/' && host ? strchr(host + 3, '/') : NULL;
	return path ? path : url;
}

/* Finds whether refusals are JSON, and whose pages may read what is answered (CORS). */
static void
look_at_tree(struct ep_http_request *request)
{
	const struct ep_http_options *options = &request->http->options;
	const char *tree = options->tree;
	request->of_tree = tree && strncmp(request->path, tree, strlen(tree)) == 0;
	const char *wanted = request->of_tree ? options->origin : NULL;
	const char *origin = wanted ? ep_http_header(request, "Origin") : NULL;
	if (origin && (strcmp(wanted, "*") == 0 || strcmp(wanted, origin) == 0))
		request->page = wanted;
}

static struct ep_http_request *
new_request(struct ep_http *http, struct MHD_Connection *connection, const char *url,
            const char *method)
{
	struct ep_http_request *request = calloc(1, sizeof *request);
	if (!request)
		return NULL;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const char *path = path_of(url);
	request->http = http;
	request->connection = connection;
	request->peer = info ? info->socket_context : NULL;
	request->fd = -1;
	request->answer.fd = -1;
	request->began = ep_clock_s();
	ep_http_print_client(request->client, connection);
	snprintf(request->method, sizeof request->method, "%s", method);
	request->cut = strlen(path) >= sizeof request->path;
	snprintf(request->path, sizeof request->path, "%s", path);
	look_at_tree(request);
	return request;
}

static void
free_request(struct ep_http_request *request)
{
	ep_http_free_body(request);
	if (request->answer.fd >= 0)
		close(request->answer.fd);
	ep_buffer_free(&request->answer.body);
	free(request->note);
	free(request);
}

void
ep_http_on_completed(void *context, struct MHD_Connection *connection, void **note,
                     enum MHD_RequestTerminationCode code)
{
	(void)context, (void)connection, (void)code;
	struct ep_http_request *request = *note;
	if (!request)
		return;
	ep_http_set_deadline(request, true, ep_clock_s() + EP_HTTP_REQUEST_S);
	free_request(request);
	*note = NULL;
}

/* ---- where the body ends ---- */

#define LENGTH "Content-Length"
#define CODING "Transfer-Encoding"

/* What the headers say of where the body ends. */
struct framing {
	unsigned lengths;
	unsigned codings;
	bool strange;
};

static enum MHD_Result
look_at_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	struct framing *framing = context;
	bool length = strncasecmp(name, LENGTH, strlen(LENGTH)) == 0;
	bool coding = strncasecmp(name, CODING, strlen(CODING)) == 0;
	framing->lengths += length;
	framing->codings += coding;
	if (length)
		framing->strange |= !value || value[strspn(value, "0123456789")] || !*value;
	if (coding)
		framing->strange |= !value || strcasecmp(value, "chunked") != 0;
	/* As "Content-Length : 5", which some read and others do not; and where a value begins on
	 * the next line, libmicrohttpd takes it for more of the name. */
	framing->strange |= (length && name[strlen(LENGTH)]) || (coding && name[strlen(CODING)]) ||
	                    name[strcspn(name, " \t")];
	return MHD_YES;
}

/* Whether everybody on the way must see the same end of the body. Else a proxy in front may take
 * for a body what is a request here, and send it among those of others (RFC 9112, 6.3). */
static bool
is_framed_clearly(const struct ep_http_request *request)
{
	struct framing framing = { 0 };
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at_header, &framing);
	return !framing.strange && framing.lengths + framing.codings <= 1;
}

/* Looks at a request whose headers have come: whether its body is to be read. */
static bool
is_welcome(struct ep_http_request *request)
{
	const char *said = ep_http_header(request, "Content-Length");
	uint64_t size = said ? strtoull(said, NULL, 10) : 0;
	if (request->cut) {
		ep_http_say(&request->answer, 414, "the path is too long");
		return false;
	}
	if (!is_framed_clearly(request)) {
		ep_http_say(&request->answer, 400,
		            "the body must have one Content-Length, or be chunked");
		return false;
	}
	if (!ep_http_has_route(request))
		return false;
	const struct ep_http_route *route = request->route;
	if (size > route->body_max) {
		ep_http_say(&request->answer, 413, "the body may have at most %" PRIu64 " bytes",
		            route->body_max);
		return false;
	}
	if (route->check &&
	    route->check(request->context, request, &request->answer) == EP_HTTP_ANSWER)
		return false;
	ep_http_set_deadline(request, true, request->began + EP_HTTP_REQUEST_S);
	return true;
}

/* ---- the daemon's callback ---- */

/* Everything has come: answers, or sets aside. */
static enum MHD_Result
run(struct ep_http_request *request)
{
	const struct ep_http_route *route = request->route;
	/* It may be long since it was let in. */
	if (request->waited && !ep_http_is_admitted(request))
		return ep_http_send(request);
	if (route->quick) {
		unsigned news = atomic_load(&request->http->news);
		enum ep_http_next next = route->quick(request->context, request, &request->answer);
		if (next == EP_HTTP_WAIT && ep_http_set_aside(request, news))
			return MHD_YES;
		if (next == EP_HTTP_WAIT)
			ep_http_say(&request->answer, 503, "the server is stopping");
		if (next != EP_HTTP_GO_ON)
			return ep_http_send(request);
	}
	if (ep_http_enqueue(request))
		return MHD_YES;
	ep_http_say(&request->answer, 503, "the server is stopping");
	return ep_http_send(request);
}

enum MHD_Result
ep_http_on_request(void *context, struct MHD_Connection *connection, const char *url,
                   const char *method, const char *version, const char *bytes, size_t *size,
                   void **note)
{
	(void)version;
	struct ep_http_request *request = *note;
	if (!request) {
		request = new_request(context, connection, url, method);
		*note = request;
		if (!request)
			return MHD_NO;
		if (is_welcome(request))
			return MHD_YES;
		request->refused = true;
		return ep_http_send(request);
	}
	if (*size > 0) {
		bool taken = ep_http_take_body(request, bytes, *size);
		*size = 0;
		return taken ? MHD_YES : MHD_NO;
	}
	pthread_mutex_lock(&request->http->mutex);
	enum ep_http_state state = request->state;
	pthread_mutex_unlock(&request->http->mutex);
	return state == EP_HTTP_ANSWERED ? ep_http_send(request) : run(request);
}
