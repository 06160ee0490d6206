/* serve_internal.h - what serve.c and its routes share; of no use elsewhere */
#ifndef EP_NET_SERVE_INTERNAL_H
#define EP_NET_SERVE_INTERNAL_H

#include "base/file.h"
#include "base/time.h"
#include "net/access.h"
#include "net/histogram.h"
#include "net/http.h"
#include "net/route_query.h"
#include "net/serve.h"
#include "net/slave_threads.h"
#include "node/publisher.h"
#include "node/seen.h"
#include "sync/feed_files.h"
#include "sync/master/feed_writer.h"

#include <pthread.h>

/* Counted since the start, for /metrics. */
struct ep_serve_counts {
	atomic_uint_fast64_t requests;
	atomic_uint_fast64_t refused; /* answered with 4xx */
	atomic_uint_fast64_t failed; /* and with 5xx */
	atomic_uint_fast64_t contributions;
	atomic_uint_fast64_t tracks; /* contributed */
	atomic_uint_fast64_t ingested;
	atomic_uint_fast64_t queries;
	struct ep_histogram query_time;
	struct ep_histogram contribution_time;
};

struct ep_serve {
	struct ep_serve_options options;
	struct ep_log *log; /* of the node */
	bool slave;
	struct ep_master master; /* as it was at the start */
	struct ep_access access;
	struct ep_http *http;
	struct ep_slave_threads *slave_threads; /* of a slave */
	struct ep_publisher
		*publisher; /* of a master; NULL: the feed is another's, or there is none */
	char *feed_folder; /* NULL: no feed is handed out */
	char *spool;
	int lock_fd;
	struct ep_recall *recall;
	double started; /* by ep_clock_s */
	int64_t started_at; /* seconds since 1970 */
	struct ep_serve_counts counts;
	atomic_bool stop; /* for what workers do */
	struct ep_seen seen;

	pthread_mutex_t mutex; /* of what follows */
	struct ep_buffer feed; /* feed.json as it is */
	char tag[80]; /* of it; empty: there is none */
};

void ep_serve_say(struct ep_serve *serve, bool detail, const char *fmt, ...) EP_PRINTF(3, 4);

/* Whether nothing is known of who asks: outsiders see health and version alone. */
bool ep_is_outsider(const struct ep_http_request *request);

/* Whether the node can publish its feed, or has none. */
bool ep_serve_is_well(const struct ep_serve *serve);

/* ---- the routes ---- */

enum ep_http_next ep_route_feed(void *context, struct ep_http_request *request,
                                struct ep_http_answer *answer);
enum ep_http_next ep_route_packet(void *context, struct ep_http_request *request,
                                  struct ep_http_answer *answer);
enum ep_http_next ep_check_contribution(void *context, struct ep_http_request *request,
                                        struct ep_http_answer *answer);
void ep_route_contribution(void *context, struct ep_http_request *request,
                           struct ep_http_answer *answer);
void ep_route_join(void *context, struct ep_http_request *request, struct ep_http_answer *answer);
void ep_route_query(void *context, struct ep_http_request *request, struct ep_http_answer *answer);
void ep_route_ingest(void *context, struct ep_http_request *request, struct ep_http_answer *answer);
enum ep_http_next ep_route_health(void *context, struct ep_http_request *request,
                                  struct ep_http_answer *answer);
void ep_route_status(void *context, struct ep_http_request *request, struct ep_http_answer *answer);
void ep_route_metrics(void *context, struct ep_http_request *request,
                      struct ep_http_answer *answer);
void ep_route_history(void *context, struct ep_http_request *request,
                      struct ep_http_answer *answer);

/* ---- what is remembered ---- */

/* A thread that counts once a minute how the node does (recent.h). EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_recall_start(struct ep_recall **out, struct ep_serve *serve,
                                           struct ep_error *err);

/* Counts once more, and ends. Accepts NULL. */
void ep_recall_stop(struct ep_recall *recall);

#endif
