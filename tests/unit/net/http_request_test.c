/* Which requests are welcome, by their first line and headers: without a socket, as the calls of
 * libmicrohttpd that read a connection are replaced here. */
#include "net/http_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

/* ---- a connection ---- */

#define HEADERS_MAX 4

struct header {
	const char *name;
	const char *value;
};

struct MHD_Connection {
	struct header headers[HEADERS_MAX];
	unsigned status; /* answered; 0: nothing yet */
};

static int
get_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
           MHD_KeyValueIterator iterator, void *context)
{
	int count = 0;
	for (const struct header *at = connection->headers; count < HEADERS_MAX && at[count].name;
	     count++)
		(void)iterator(context, kind, at[count].name, at[count].value);
	return count;
}

static const char *
lookup_value(struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *name)
{
	(void)kind;
	for (size_t i = 0; i < HEADERS_MAX && connection->headers[i].name; i++) {
		if (strcasecmp(connection->headers[i].name, name) == 0)
			return connection->headers[i].value;
	}
	return NULL;
}

static const union MHD_ConnectionInfo *
get_info(struct MHD_Connection *connection, enum MHD_ConnectionInfoType type, ...)
{
	(void)connection;
	(void)type;
	return NULL;
}

static enum MHD_Result
queue_response(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
	(void)response;
	connection->status = status;
	return MHD_YES;
}

static int
replace_calls(void **state)
{
	(void)state;
	assert_int_equal(ep_late_microhttpd(NULL), EP_OK);
	MHD_get_connection_values = get_values;
	MHD_lookup_connection_value = lookup_value;
	MHD_get_connection_info = get_info;
	MHD_queue_response = queue_response;
	return 0;
}

/* ---- a server ---- */

static enum ep_http_next
shut(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	(void)context;
	(void)request;
	ep_http_say(answer, 403, "nobody may");
	return EP_HTTP_ANSWER;
}

static const struct ep_http_route routes[] = {
	{ .method = "POST", .path = "/query", .body_max = 1000 },
	{ .method = "GET", .path = "/status" },
	{ .method = "GET", .path = "/packets/", .tree = true },
	{ .method = "POST", .path = "/shut", .body_max = 1000, .check = shut },
	{ 0 },
};

static void
on_answer(void *context, const struct ep_http_told *told)
{
	(void)context;
	(void)told;
}

/* What a request is answered when its headers have come; 0: nothing, its body is to be read. */
static unsigned
status_of(const char *method, const char *url, struct header one, struct header other)
{
	struct ep_http http = { .options = { .sets = { { routes, NULL } },
		                             .on_answer = on_answer,
		                             .connections = 10 },
		                .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct MHD_Connection connection = { .headers = { one, other } };
	size_t size = 0;
	void *note = NULL;
	http.self = &http;
	assert_int_equal(
		ep_http_on_request(&http, &connection, url, method, "HTTP/1.1", NULL, &size, &note),
		MHD_YES);
	ep_http_on_completed(&http, &connection, &note, MHD_REQUEST_TERMINATED_COMPLETED_OK);
	assert_null(note);
	return connection.status;
}

static unsigned
status_of_line(const char *method, const char *url)
{
	return status_of(method, url, (struct header){ 0 }, (struct header){ 0 });
}

static unsigned
status_of_headers(struct header one, struct header other)
{
	return status_of("POST", "/query", one, other);
}

static unsigned
status_of_header(const char *name, const char *value)
{
	return status_of_headers((struct header){ name, value }, (struct header){ 0 });
}

/* ---- the first line ---- */

static void
a_place_is_found_by_its_path(void **state)
{
	(void)state;
	assert_int_equal(status_of_line("GET", "/status"), 0);
	assert_int_equal(status_of_line("GET", "/packets/x"), 0);
	assert_int_equal(status_of_line("GET", "/packets/"), 404);
	assert_int_equal(status_of_line("GET", "/packets"), 404);
	assert_int_equal(status_of_line("GET", "/status/"), 404);
	assert_int_equal(status_of_line("GET", "/statu"), 404);
	assert_int_equal(status_of_line("GET", "/"), 404);
	assert_int_equal(status_of_line("OPTIONS", "*"), 404);
	assert_int_equal(status_of_line("GET", ""), 404);
}

static void
a_url_with_a_host_is_read_behind_it(void **state)
{
	(void)state;
	assert_int_equal(status_of_line("GET", "http://host:8070/status"), 0);
	assert_int_equal(status_of_line("GET", "http://host"), 404);
	assert_int_equal(status_of_line("GET", "/http://host/status"), 404);
}

static void
a_path_that_is_too_long_leads_nowhere_else(void **state)
{
	(void)state;
	char path[600];
	memset(path, 'x', sizeof path);
	memcpy(path, "/status", strlen("/status"));
	path[sizeof path - 1] = '\0';
	assert_int_equal(status_of_line("GET", path), 404);
}

static void
a_place_is_for_its_method(void **state)
{
	(void)state;
	assert_int_equal(status_of_line("HEAD", "/status"), 0);
	assert_int_equal(status_of_line("POST", "/status"), 405);
	assert_int_equal(status_of_line("GET", "/query"), 405);
	assert_int_equal(status_of_line("HEAD", "/query"), 405);
	assert_int_equal(status_of_line("get", "/status"), 405);
	assert_int_equal(status_of_line("GETTER__TOO_LONG", "/status"), 405);
}

/* ---- the end of the body ---- */

static void
a_body_has_a_length_or_chunks(void **state)
{
	(void)state;
	assert_int_equal(status_of_header("Content-Length", "0"), 0);
	assert_int_equal(status_of_header("content-length", "1000"), 0);
	assert_int_equal(status_of_header("Transfer-Encoding", "chunked"), 0);
	assert_int_equal(status_of_header("transfer-encoding", "Chunked"), 0);
	assert_int_equal(status_of_header("Accept", "x"), 0);
}

static void
a_body_with_two_ends_is_refused(void **state)
{
	(void)state;
	const struct header length = { "Content-Length", "5" };
	const struct header none = { "content-length", "0" };
	const struct header chunks = { "Transfer-Encoding", "chunked" };
	assert_int_equal(status_of_headers(length, length), 400);
	assert_int_equal(status_of_headers(length, none), 400);
	assert_int_equal(status_of_headers(none, length), 400);
	assert_int_equal(status_of_headers(length, chunks), 400);
	assert_int_equal(status_of_headers(chunks, length), 400);
	assert_int_equal(status_of_headers(chunks, chunks), 400);
}

static void
a_length_is_digits(void **state)
{
	(void)state;
	static const char *const lengths[] = { "",     "+0",  "-1",  "-0",  " 5",  "5 ",
		                               "0, 0", "0x5", "5.0", "1e2", "\t5", "five" };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		if (status_of_header("Content-Length", lengths[i]) != 400)
			fail_msg("a length of \"%s\" is taken", lengths[i]);
	}
	assert_int_equal(status_of_header("Content-Length", NULL), 400);
}

static void
other_codings_are_refused(void **state)
{
	(void)state;
	static const char *const codings[] = {
		"",         "gzip",     "gzip, chunked", "identity",
		"xchunked", "chunked,", "chunked ",      " chunked"
	};
	for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
		if (status_of_header("Transfer-Encoding", codings[i]) != 400)
			fail_msg("a coding of \"%s\" is taken", codings[i]);
	}
	assert_int_equal(status_of_header("Transfer-Encoding", NULL), 400);
}

static void
blanks_in_a_name_are_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of_header("Content-Length ", "5"), 400);
	assert_int_equal(status_of_header("Content-Length\t", "5"), 400);
	assert_int_equal(status_of_header("Transfer-Encoding ", "chunked"), 400);
	assert_int_equal(status_of_header("Transfer-Encoding:\r\n", "chunked"), 400);
	assert_int_equal(status_of_header("X Y", "z"), 400);
	assert_int_equal(status_of_header("Content-Lengths", "5"), 400);
}

static void
a_body_above_the_limit_is_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of_header("Content-Length", "1001"), 413);
	assert_int_equal(status_of_header("Content-Length", "18446744073709551616"), 413);
	assert_int_equal(status_of("GET", "/status", (struct header){ "Content-Length", "1" },
	                           (struct header){ 0 }),
	                 413);
}

static void
who_may_not_is_refused_before_the_body(void **state)
{
	(void)state;
	assert_int_equal(status_of("POST", "/shut", (struct header){ "Content-Length", "10" },
	                           (struct header){ 0 }),
	                 403);
	/* What is wrong with the framing comes first: the connection ends in any case. */
	assert_int_equal(status_of("POST", "/shut", (struct header){ "Content-Length", "x" },
	                           (struct header){ 0 }),
	                 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_found_by_its_path),
		cmocka_unit_test(a_url_with_a_host_is_read_behind_it),
		cmocka_unit_test(a_path_that_is_too_long_leads_nowhere_else),
		cmocka_unit_test(a_place_is_for_its_method),
		cmocka_unit_test(a_body_has_a_length_or_chunks),
		cmocka_unit_test(a_body_with_two_ends_is_refused),
		cmocka_unit_test(a_length_is_digits),
		cmocka_unit_test(other_codings_are_refused),
		cmocka_unit_test(blanks_in_a_name_are_refused),
		cmocka_unit_test(a_body_above_the_limit_is_refused),
		cmocka_unit_test(who_may_not_is_refused_before_the_body),
	};
	return cmocka_run_group_tests(tests, replace_calls, NULL);
}
