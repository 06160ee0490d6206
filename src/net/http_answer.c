#include "net/http_internal.h"

#include "base/time.h"
#include "format/json_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void
ep_http_say(struct ep_http_answer *answer, unsigned status, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	answer->status = status;
	answer->type = "text/plain; charset=utf-8";
	answer->body.size = 0;
	(void)!ep_buffer_append(&answer->body, text, strlen(text), NULL);
	(void)!ep_buffer_append(&answer->body, "\n", 1, NULL);
	snprintf(answer->said, sizeof answer->said, "%.159s", text);
}

static void
print_address(char text[INET6_ADDRSTRLEN], const struct sockaddr *peer)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	const void *address = NULL;
	if (peer && peer->sa_family == AF_INET) {
		memcpy(&in, peer, sizeof in);
		address = &in.sin_addr;
	} else if (peer && peer->sa_family == AF_INET6) {
		memcpy(&in6, peer, sizeof in6);
		address = &in6.sin6_addr;
	}
	if (!address || !inet_ntop(peer->sa_family, address, text, INET6_ADDRSTRLEN))
		snprintf(text, INET6_ADDRSTRLEN, "?");
}

void
ep_http_print_client(char text[INET6_ADDRSTRLEN], struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	print_address(text, info ? info->client_addr : NULL);
}

void
ep_http_print_peer(char text[INET6_ADDRSTRLEN], int fd)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t size = sizeof peer;
	bool known = getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
	print_address(text, known ? (const struct sockaddr *)&peer : NULL);
}

void
ep_http_set_deadline(struct ep_http_request *request, bool reading, double deadline)
{
	struct ep_http *http = request->http;
	pthread_mutex_lock(&http->mutex);
	if (request->peer) {
		request->peer->deadline = deadline;
		request->peer->reading = reading;
	}
	pthread_mutex_unlock(&http->mutex);
}

/* ---- what is said of it ---- */

/* Whether a line may be said of an answer, and takes note where it may not. */
static bool
may_say(struct ep_http *http, unsigned status)
{
	if (status < 400)
		return true;
	pthread_mutex_lock(&http->mutex);
	bool may = http->lines < EP_HTTP_LINES_S;
	http->lines += may;
	http->unsaid.refusals += !may;
	pthread_mutex_unlock(&http->mutex);
	return may;
}

void
ep_http_tell(const struct ep_http_request *request)
{
	char line[1280];
	struct ep_http *http = request->http;
	const struct ep_http_answer *answer = &request->answer;
	struct ep_http_told told = { .status = answer->status,
		                     .ordinary = answer->ordinary,
		                     .client = request->client,
		                     .method = request->method,
		                     .path = request->path,
		                     .size = answer->has_file ? answer->size : answer->body.size,
		                     .seconds = ep_clock_s() - request->began };
	if (!answer->ordinary && may_say(http, answer->status)) {
		snprintf(line, sizeof line, "%s %s %s %u %" PRIu64 " bytes %.3f s%s%s", told.client,
		         told.method, told.path, told.status, told.size, told.seconds,
		         answer->said[0] ? ": " : "", answer->said);
		told.line = line;
	}
	http->options.on_answer(http->options.context, &told);
}

void
ep_http_tell_unsaid(struct ep_http *http, double now)
{
	char line[160];
	if (now - http->told < 1)
		return;
	struct ep_http_unsaid unsaid = http->unsaid;
	const struct ep_http_options *options = &http->options;
	http->unsaid = (struct ep_http_unsaid){ 0 };
	http->lines = 0;
	http->told = now;
	pthread_mutex_unlock(&http->mutex);
	if (unsaid.refusals) {
		snprintf(line, sizeof line, "%" PRIu64 " more requests were refused",
		         unsaid.refusals);
		options->on_line(options->context, line);
	}
	if (unsaid.slow) {
		snprintf(line, sizeof line,
		         "%" PRIu64 " slow connections were closed, the last one from %s",
		         unsaid.slow, unsaid.slowest);
		options->on_line(options->context, line);
	}
	if (unsaid.turned_away) {
		snprintf(line, sizeof line,
		         "%" PRIu64
		         " connections were refused: the maximum is %u, and %u from one address",
		         unsaid.turned_away, options->connections, options->per_address);
		options->on_line(options->context, line);
	}
	pthread_mutex_lock(&http->mutex);
}

/* ---- sending ---- */

static const char *
code_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *code;
	} codes[] = {
		{ 400, "bad_request" }, { 401, "unauthorized" },       { 403, "forbidden" },
		{ 404, "not_found" },   { 405, "method_not_allowed" }, { 409, "conflict" },
		{ 413, "too_large" },   { 414, "path_too_long" },      { 415, "unsupported_type" },
		{ 422, "undecodable" }, { 502, "unreachable" },        { 503, "busy" },
		{ 507, "no_space" },
	};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (codes[i].status == status)
			return codes[i].code;
	}
	return "internal";
}

/* Puts the text of a refusal into {"error": {"code", "message"}}. */
static void
refuse_in_json(struct ep_http_answer *answer)
{
	size_t size = answer->body.size;
	if (size && answer->body.data[size - 1] == '\n')
		size--;
	struct ep_text text = { (const char *)answer->body.data, size };
	json_t *json = json_pack("{s:{s:s, s:o}}", "error", "code",
	                         answer->code ? answer->code : code_of(answer->status), "message",
	                         ep_json_text(text));
	EP_FREE char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	answer->body.size = 0;
	if (line)
		(void)!ep_buffer_append(&answer->body, line, strlen(line), NULL);
	answer->type = "application/json";
}

static bool
add_page_headers(struct MHD_Response *response, const struct ep_http_request *request)
{
	const char *page = request->page;
	bool good = true;
	if (page)
		good &= MHD_add_response_header(response, "Access-Control-Allow-Origin", page) ==
		                MHD_YES &&
		        MHD_add_response_header(response, "Vary", "Origin") == MHD_YES;
	if (request->answer.preflight)
		good &= MHD_add_response_header(response, "Access-Control-Allow-Methods",
		                                request->answer.allow) == MHD_YES &&
		        MHD_add_response_header(response, "Access-Control-Allow-Headers",
		                                "Authorization, Content-Type") == MHD_YES &&
		        MHD_add_response_header(response, "Access-Control-Max-Age", "600") ==
		                MHD_YES;
	return good;
}

static bool
add_headers(struct MHD_Response *response, const struct ep_http_answer *answer)
{
	char range[96];
	bool good = !answer->type ||
	            MHD_add_response_header(response, "Content-Type", answer->type) == MHD_YES;
	if (answer->tag[0])
		good &= MHD_add_response_header(response, "ETag", answer->tag) == MHD_YES;
	if (answer->status == 405)
		good &= MHD_add_response_header(response, "Allow", answer->allow) == MHD_YES;
	if (answer->demand[0])
		good &= MHD_add_response_header(response, "WWW-Authenticate", answer->demand) ==
		        MHD_YES;
	if (answer->cache)
		good &= MHD_add_response_header(response, "Cache-Control", answer->cache) ==
		        MHD_YES;
	if (answer->policy)
		good &= MHD_add_response_header(response, "Content-Security-Policy",
		                                answer->policy) == MHD_YES &&
		        MHD_add_response_header(response, "Referrer-Policy", "no-referrer") ==
		                MHD_YES;
	if (answer->encoding)
		good &= MHD_add_response_header(response, "Content-Encoding", answer->encoding) ==
		        MHD_YES;
	if (answer->policy || answer->encoding)
		good &= MHD_add_response_header(response, "Vary", "Accept-Encoding") == MHD_YES;
	if (answer->waited)
		good &= MHD_add_response_header(response, "Preference-Applied", "wait") == MHD_YES;
	if (answer->has_file)
		good &= MHD_add_response_header(response, "Accept-Ranges", "bytes") == MHD_YES;
	if (answer->status == 503)
		good &= MHD_add_response_header(response, "Retry-After", "2") == MHD_YES;
	if (answer->status == 206 || answer->status == 416) {
		if (answer->status == 206)
			snprintf(range, sizeof range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
			         answer->offset, answer->offset + answer->size - 1, answer->whole);
		else
			snprintf(range, sizeof range, "bytes */%" PRIu64, answer->whole);
		good &= MHD_add_response_header(response, "Content-Range", range) == MHD_YES;
	}
	good &= MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
	return good;
}

enum MHD_Result
ep_http_send(struct ep_http_request *request)
{
	struct ep_http_answer *answer = &request->answer;
	struct MHD_Response *response;
	if (answer->status >= 400 && request->of_tree)
		refuse_in_json(answer);
	double size = (double)(answer->has_file ? answer->size : answer->body.size);
	answer->waited |= request->waited;
	if (answer->has_file) {
		response = MHD_create_response_from_fd_at_offset64(answer->size, answer->fd,
		                                                   answer->offset);
		if (response)
			answer->fd = -1; /* closed with the response */
	} else {
		response = MHD_create_response_from_buffer(answer->body.size, answer->body.data,
		                                           MHD_RESPMEM_MUST_COPY);
	}
	if (!response)
		return MHD_NO;
	bool good = add_headers(response, answer) && add_page_headers(response, request);
	enum MHD_Result result = good ? MHD_YES : MHD_NO;
	/* Of a request that is refused, nobody reads the body: the connection ends with it. */
	if (result == MHD_YES && request->refused)
		result = MHD_add_response_header(response, "Connection", "close");
	if (result == MHD_YES)
		result = MHD_queue_response(request->connection, answer->status, response);
	MHD_destroy_response(response);
	ep_http_set_deadline(request, false,
	                     ep_clock_s() + EP_HTTP_REQUEST_S + size / EP_HTTP_SLOWEST);
	ep_http_tell(request);
	return result;
}
