/* http.h - an HTTP server around handlers, with limits on everything, by libmicrohttpd
 *
 * Threads of the daemon read requests and write answers, and never wait for anything else. What
 * takes time is done by workers, and requests that wait for news are parked while their connection
 * is suspended:
 *
 *     headers -> check -> body (memory or file) -> quick handler ----------------> answer
 *                  |                            \-> worker's queue -> worker ----/
 *                  \-> refusal                   \-> waiting for news or time ---/
 *
 * Every request has a time by which it must have come, and every answer one by which it must have
 * been taken; slower clients are disconnected, sooner when there is room for only a few more. The
 * total size of bodies is limited, and so is the number of log lines about refusals.
 */
#ifndef EP_NET_HTTP_H
#define EP_NET_HTTP_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct ep_http;
struct ep_http_request;

/* What is answered. A zeroed struct is nothing yet; the server frees what it holds. */
struct ep_http_answer {
	unsigned status; /* 200, 404, ... */
	const char *type; /* Content-Type; a constant */
	struct ep_buffer body;
	int fd; /* of a file, which is the body where it has_file; the server closes it */
	bool has_file;
	uint64_t offset; /* of the file's bytes */
	uint64_t size;
	uint64_t whole; /* the file's size */
	char tag[128]; /* ETag with its quotes; empty: none */
	const char *cache; /* Cache-Control; a constant; NULL: none */
	const char *policy; /* Content-Security-Policy; a constant; NULL: none */
	const char *encoding; /* Content-Encoding of the body; a constant; NULL: none */
	bool waited; /* Prefer: wait was heeded */
	char demand[96]; /* WWW-Authenticate; empty: none */
	char allow[64]; /* Allow, with a 405 */
	bool ordinary; /* a refusal that is a step on the way: neither logged nor counted as one */
	const char *code; /* of a refusal in options.tree, a constant; NULL: that of its status */
	bool preflight; /* it tells a browser what pages may send */
	char said[160]; /* for the log line; empty: none */
};

/* Fills the answer with a short text, as refusals are; ended by a line feed. */
void ep_http_say(struct ep_http_answer *answer, unsigned status, const char *fmt, ...)
	EP_PRINTF(3, 4);

/* Queries have workers of their own: what slaves send does not wait for them. */
enum ep_http_lane {
	EP_HTTP_LANE_OTHER,
	EP_HTTP_LANE_QUERY,
	EP_HTTP_LANE_SOUND, /* what is decoded: so many at once as there are workers */
	EP_HTTP_LANE_COUNT
};

enum ep_http_next {
	EP_HTTP_GO_ON, /* nothing is answered yet: read the body, or run */
	EP_HTTP_ANSWER, /* the answer is filled */
	EP_HTTP_WAIT /* set aside until there is news or its time is over; then ask again */
};

/* A place that requests are for. */
struct ep_http_route {
	const char *method; /* "GET" (HEAD too), "POST", "PATCH", "DELETE" */
	const char *path; /* "/status"; of a tree: "/packets/" */
	unsigned need; /* what who asks must be: of ep_http_options.admit */
	bool tree; /* what is below path, too */
	const char *end; /* of a tree: what is below it and ends so; NULL: all */
	uint64_t body_max; /* bytes */
	bool spooled; /* the body goes into a file */
	enum ep_http_lane lane; /* of its work */
	/* Called when the headers are there, by a thread of the daemon: must not wait. NULL: all
	 * are welcome. */
	enum ep_http_next (*check)(void *context, struct ep_http_request *request,
	                           struct ep_http_answer *answer);
	/* Called by a thread of the daemon when all is there: must not wait. May be NULL. With
	 * EP_HTTP_GO_ON a worker does the rest. */
	enum ep_http_next (*quick)(void *context, struct ep_http_request *request,
	                           struct ep_http_answer *answer);
	/* Called by a worker. */
	void (*work)(void *context, struct ep_http_request *request, struct ep_http_answer *answer);
};

/* Routes, ended by one without path, and what they are called with. Of several that fit a path, the
 * most precise ones have it. */
struct ep_http_routes {
	const struct ep_http_route *routes;
	void *context;
};

/* What is told of an answer; texts are borrowed for the call. */
struct ep_http_told {
	unsigned status;
	/* All of it; NULL for one that is ordinary, or a refusal (4xx, 5xx) behind too many in a
	 * second. */
	const char *line;
	bool ordinary; /* as the answer is */
	const char *client; /* address */
	const char *method;
	const char *path;
	uint64_t size; /* bytes of the body */
	double seconds; /* since the request came */
};

#define EP_HTTP_SETS 3

struct ep_http_options {
	const char *listen; /* "ADDRESS:PORT", "[ADDRESS]:PORT"; port 0: any that is free */
	const char *certificate; /* files for TLS; NULL: none */
	const char *key;
	unsigned connections; /* at once; fewer if the system allows fewer open files */
	unsigned per_address;
	unsigned workers; /* of each lane */
	const char *spool; /* folder for bodies */
	struct ep_http_routes sets[EP_HTTP_SETS]; /* behind an empty one there are none */
	const char *tree; /* paths that begin so have refusals in JSON; NULL: none */
	const char *origin; /* whose pages may read what is in tree: an origin, "*"; NULL: none */
	void *context; /* of what follows */
	/* Decides whether a request is let in, before its body is read, and again after it has
	 * waited; route: NULL where there is none of its path and method. False: the answer is
	 * filled. By a thread of the daemon: must not wait. NULL: everybody is. */
	bool (*admit)(void *context, struct ep_http_request *request,
	              const struct ep_http_route *route, struct ep_http_answer *answer);
	/* Told of every answer, from any thread. */
	void (*on_answer)(void *context, const struct ep_http_told *told);
	/* Told what was not said, once a second at most. */
	void (*on_line)(void *context, const char *line);
};

/* Starts to listen. EP_IO  it cannot, with the reason. EP_BAD_INPUT  no such address or
 * certificate. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status
ep_http_start(struct ep_http **out, const struct ep_http_options *options, struct ep_error *err);

/* Whether a server can use the files of a certificate and its key. EP_BAD_INPUT  it cannot.
 * EP_NOT_FOUND, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_http_check_tls(const char *certificate, const char *key,
                                             struct ep_error *err);

/* The port that is listened on. */
unsigned ep_http_port(const struct ep_http *http);

/* Answers those who wait for news. Callable from any thread. */
void ep_http_news(struct ep_http *http);

/* Takes no more work, lets what is being worked on end, and frees all. Accepts NULL. */
void ep_http_stop(struct ep_http *http);
EP_DEFINE_OWNED(struct ep_http, ep_http_stop)

/* Connections open, and those waiting for news. */
void ep_http_counts(const struct ep_http *http, uint64_t *open, uint64_t *waiting);

/* ---- a request ---- */

/* Its path, without what is behind "?"; its method; the address that it comes from, as text. */
const char *ep_http_path(const struct ep_http_request *request);
const char *ep_http_method(const struct ep_http_request *request);
const char *ep_http_client(const struct ep_http_request *request);

/* What who asks is, as ep_http_options.admit has found; 0: an outsider. */
unsigned ep_http_role(const struct ep_http_request *request);
void ep_http_set_role(struct ep_http_request *request, unsigned role);

/* A header; NULL where there is none. */
const char *ep_http_header(const struct ep_http_request *request, const char *name);

/* A parameter of the URL; NULL where there is none. */
const char *ep_http_parameter(const struct ep_http_request *request, const char *name);

/* A parameter that is "true" or "false"; *value stays where there is none. false: it is something
 * else, and *value is false. */
bool ep_http_flag(bool *value, const struct ep_http_request *request, const char *name);

/* Its body: in memory, or the path of the file. */
struct ep_text ep_http_body(const struct ep_http_request *request);
const char *ep_http_spooled(const struct ep_http_request *request);

/* Whether there is room for one more who waits: where it is crowded, few may. */
bool ep_http_may_wait(const struct ep_http_request *request);

/* Until when (ep_clock_s) it is to wait; set by a handler before it gives EP_HTTP_WAIT. */
double ep_http_wait_until(const struct ep_http_request *request);
void ep_http_set_wait(struct ep_http_request *request, double until);

/* Has another lane do the work than the route's; for ep_http_route.check. */
void ep_http_set_lane(struct ep_http_request *request, enum ep_http_lane lane);

/* A pointer that the handlers of a request hand on; freed with free() at its end. */
void **ep_http_note(struct ep_http_request *request);

#endif
