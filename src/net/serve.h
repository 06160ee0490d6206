/* serve.h - a node that others can reach: a master that serves its feed and accepts contributions,
 * or a slave that stays in sync with its master
 *
 *     GET  /feed.json        the feed; with Prefer: wait=SECONDS, when it is another than
 *                            If-None-Match says
 *     GET  /packets/NAME     with Range
 *     POST /contributions    of slaves (master)
 *     POST /join             requests to join (master)
 *     GET, POST /query       the match of fp_code, as the original answers
 *     POST /ingest           a fingerprint, as the original takes it, or JSON of the code generator
 *     GET  /status           the state as JSON; /v1/status the same, /v1/history how it was,
 *                            /metrics for Prometheus, /healthz
 *
 * access.h says who may.
 */
#ifndef EP_NET_SERVE_H
#define EP_NET_SERVE_H

#include "net/histogram.h"
#include "net/http.h"
#include "node/query_service.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Where `serve` keeps the feed that a mirror hands on, in the data folder. */
#define EP_MIRROR_FOLDER "mirror"

struct ep_serve;

struct ep_serve_options {
	struct ep_node *node;
	struct ep_query_service *queries; /* of this node: what answers queries */
	const char *name; /* of this node */
	const char *listen; /* "ADDRESS:PORT" */
	const char *certificate; /* files for TLS; NULL: none */
	const char *key;
	unsigned connections;
	unsigned per_address;
	bool mirror; /* of a slave: hands on its master's feed */
	const char *token; /* that lets who has it ingest, beside those of the log; may be NULL */
	struct ep_http_routes console; /* of net/console; may be empty if more is */
	struct ep_http_routes more; /* beside those above: of net/api; may be empty */
	const char *tree; /* what these paths begin with; refusals there are JSON */
	struct ep_histogram *identify_time; /* what is measured there; may be NULL */
	const atomic_uint_fast64_t *identify_count; /* and counted: questions; may be NULL */
	const char *origin; /* whose pages may read what is there; NULL: none */
	bool closed; /* private: feed, queries and state are for sources and tokens alone */
	/* Told of what happens, in a line; detail: what is of interest only to who asks for more.
	 * From any thread. */
	void (*on_line)(void *context, bool detail, const char *line);
	/* Told of each answer that has a line. From any thread. */
	void (*on_answer)(void *context, const struct ep_http_told *told);
	void *context;
};

/* Starts; options is copied, what it points to borrowed.
 * EP_BAD_INPUT  an address or certificate is invalid, or another process serves this data folder.
 * EP_IO, EP_NO_SPACE, EP_NO_MEMORY, EP_DIVERGED  as ep_feed_publish. */
EP_MUST_USE enum ep_status
ep_serve_start(struct ep_serve **out, const struct ep_serve_options *options, struct ep_error *err);

/* The port that is listened on. */
unsigned ep_serve_port(const struct ep_serve *serve);

/* Whether this node has joined a master since, or another one, or found another way to it: it is to
 * be ended, and started again. */
bool ep_serve_is_stale(const struct ep_serve *serve);

/* Ends in order. Accepts NULL. */
void ep_serve_stop(struct ep_serve *serve);
EP_DEFINE_OWNED(struct ep_serve, ep_serve_stop)

#endif
