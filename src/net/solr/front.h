/* front.h - a front end: answers queries from a collection, on a machine without a data folder
 *
 *     GET, POST /query   the match of fp_code, as a node answers it
 *     GET /healthz       whether the collection can be asked
 *     GET /status        as JSON: the collection, its position and this server's counts; /metrics
 *                        for Prometheus
 */
#ifndef EP_NET_SOLR_FRONT_H
#define EP_NET_SOLR_FRONT_H

#include "net/http.h"
#include "net/solr/solr.h"

struct ep_front;

struct ep_front_options {
	struct ep_solr_options solr;
	const char *listen; /* "ADDRESS:PORT" */
	const char *certificate; /* files for TLS; NULL: none */
	const char *key;
	unsigned connections;
	unsigned per_address;
	/* As of ep_serve_options. */
	void (*on_line)(void *context, bool detail, const char *line);
	void (*on_answer)(void *context, const struct ep_http_told *told);
	void *context;
};

/* Starts; options is copied, what it points to borrowed. It starts also while Solr does not answer.
 * EP_USAGE, EP_BAD_INPUT (an address or certificate), EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status
ep_front_start(struct ep_front **out, const struct ep_front_options *options, struct ep_error *err);

/* The port that is listened on. */
unsigned ep_front_port(const struct ep_front *front);

void ep_front_stop(struct ep_front *front);
EP_DEFINE_OWNED(struct ep_front, ep_front_stop)

#endif
