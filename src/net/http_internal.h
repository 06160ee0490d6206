/* http_internal.h - what http.c, http_request.c and http_answer.c share; of no use elsewhere */
#ifndef EP_NET_HTTP_INTERNAL_H
#define EP_NET_HTTP_INTERNAL_H

#include "net/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>

/* A request must be there so many seconds after its connection, or the answer before; a body and an
 * answer have so many more for what they are at the slowest. */
#define EP_HTTP_REQUEST_S 60.0
#define EP_HTTP_SLOWEST 10000.0 /* bytes a second */

/* Requests that wait for a worker. */
#define EP_HTTP_QUEUE_MAX 256

/* A connection. */
struct ep_http_peer {
	struct ep_http_peer *next;
	struct ep_http_peer *before;
	int fd;
	double deadline; /* by ep_clock_s; 0: none, while it is the server that takes time */
};

struct ep_http {
	struct ep_http_options options;
	struct MHD_Daemon *daemon;
	int listen_fd;
	struct ep_http *self; /* for those who have a const one, and lock */

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t work;
	pthread_cond_t watch;
	bool stopping;
	struct ep_http_peer *peers;
	uint64_t open;
	struct ep_http_request *waiting; /* for news */
	uint64_t waiting_count;
	struct ep_http_request *queue; /* for workers: first in, first out */
	struct ep_http_request **queue_end;
	size_t queue_count;
	uint64_t spooled; /* files made so far, for their names */

	pthread_t watcher;
	bool watched;
	pthread_t *workers;
	unsigned worker_count;
};

enum ep_http_state {
	EP_HTTP_READING,
	EP_HTTP_QUEUED, /* for a worker, or being worked on; the connection is suspended */
	EP_HTTP_WAITING, /* for news; the connection is suspended */
	EP_HTTP_ANSWERED /* the answer is filled, or the wait is over */
};

struct ep_http_request {
	struct ep_http *http;
	struct MHD_Connection *connection;
	struct ep_http_peer *peer;
	const struct ep_http_route *route;
	enum ep_http_state state;
	bool refused; /* before its body was read */
	char method[8];
	char path[256];
	double began;
	struct ep_buffer body;
	uint64_t received; /* bytes of the body */
	char *spooled; /* path */
	int fd;
	double wait_until;
	bool waited;
	void *note;
	struct ep_http_answer answer;
	struct ep_http_request *next; /* in a list */
};

/* The client's address as text; "?" where there is none. */
void ep_http_print_client(char text[INET6_ADDRSTRLEN], const struct ep_http_request *request);

/* Until when the client may take; 0: it is the server that takes time. */
void ep_http_set_deadline(struct ep_http_request *request, double deadline);

/* Queues what is answered, and logs it. */
enum MHD_Result ep_http_send(struct ep_http_request *request);

/* Callbacks of the daemon. */
enum MHD_Result ep_http_on_request(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *bytes, size_t *size, void **note);
void ep_http_on_completed(void *context, struct MHD_Connection *connection, void **note,
                          enum MHD_RequestTerminationCode code);

/* Wakes those whose time is over at `now`; 0: all. The mutex is held. */
void ep_http_wake(struct ep_http *http, double now);

/* Lets go of what no worker will take any more. The mutex is held. */
void ep_http_drop_queue(struct ep_http *http);

/* A worker's thread. */
void *ep_http_worker(void *context);

#endif
