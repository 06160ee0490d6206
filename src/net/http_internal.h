/* http_internal.h - what http.c and the other http_*.c share; of no use elsewhere */
#ifndef EP_NET_HTTP_INTERNAL_H
#define EP_NET_HTTP_INTERNAL_H

#include "net/http.h"
#include "net/late_names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

/* A request must be there so many seconds after its connection, or the answer before; a body and an
 * answer have so many more for what they are at the slowest. */
#define EP_HTTP_REQUEST_S 60.0
#define EP_HTTP_CROWDED_S 5.0 /* instead, where it is crowded */
#define EP_HTTP_SLOWEST 10000.0 /* bytes a second */

/* Requests that wait for the workers of a lane. */
#define EP_HTTP_QUEUE_MAX 256

/* Of a body, so many bytes are always taken; all that is above that has these limits, of the bodies
 * in memory together and of those in files. */
#define EP_HTTP_BODY_FREE ((uint64_t)64 << 10)
#define EP_HTTP_BODIES_MAX ((uint64_t)128 << 20)
#define EP_HTTP_SPOOLED_MAX ((uint64_t)1 << 30)

/* Refusals per second that get a log line. */
#define EP_HTTP_LINES_S 20

/* A connection. */
struct ep_http_peer {
	struct ep_http_peer *next;
	struct ep_http_peer *before;
	int fd;
	double deadline; /* by ep_clock_s; 0: none, while it is the server that takes time */
	bool reading; /* it is a request that is to be there by then, not an answer */
};

/* What waits for the workers of a lane: by turns, so that who sends many requests from an address
 * keeps others waiting for one of them and not for all. */
struct ep_http_queue {
	struct ep_http_request *first;
	size_t count;
	pthread_cond_t work;
};

/* What has no log line yet. */
struct ep_http_unsaid {
	uint64_t refusals;
	uint64_t turned_away; /* connections above the limits */
	uint64_t slow; /* and those that were cut off */
	char slowest[INET6_ADDRSTRLEN]; /* the last of these */
};

struct ep_http_worker {
	struct ep_http *http;
	struct ep_http_queue *queue;
	pthread_t thread;
};

struct ep_http {
	struct ep_http_options options;
	struct MHD_Daemon *daemon;
	int listen_fd;
	struct ep_http *self; /* for those who have a const one, and lock */

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t watch;
	bool stopping;
	struct ep_http_peer *peers;
	uint64_t open;
	struct ep_http_request *waiting; /* for news */
	uint64_t waiting_count;
	atomic_uint news; /* how often there were some */
	struct ep_http_queue queues[EP_HTTP_LANE_COUNT];
	uint64_t spooled; /* files made so far, for their names */
	uint64_t held[2]; /* bytes of bodies above EP_HTTP_BODY_FREE: in memory, in files */
	unsigned lines; /* about refusals in this second */
	struct ep_http_unsaid unsaid;
	double told; /* when it was */

	pthread_t watcher;
	bool watched;
	struct ep_http_worker *workers;
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
	void *context; /* of the route */
	enum ep_http_lane lane;
	enum ep_http_state state;
	unsigned role; /* as options.admit has it */
	bool refused; /* before its body was read */
	char client[INET6_ADDRSTRLEN]; /* its address; "?" where there is none */
	char method[8];
	char path[640];
	bool cut; /* the path is longer */
	bool of_tree; /* the path is in options.tree */
	const char *page; /* whose pages may read the answer: options.origin; NULL: nobody's */
	double began;
	struct ep_buffer body;
	uint64_t received; /* bytes of the body */
	uint64_t held; /* of these, in http->held */
	char *spooled; /* path */
	int fd;
	double wait_until;
	bool waited;
	void *note;
	struct ep_http_answer answer;
	uint64_t turn; /* in a queue */
	struct ep_http_request *next; /* in a list */
};

/* The client's address as text; "?" where there is none. */
void ep_http_print_client(char text[INET6_ADDRSTRLEN], struct MHD_Connection *connection);
void ep_http_print_peer(char text[INET6_ADDRSTRLEN], int fd);

/* Logs the answer in a line, unless it is one of too many refusals. */
void ep_http_tell(const struct ep_http_request *request);

/* Tells of what had no line, once a second. The mutex is held, but not while it tells. */
void ep_http_tell_unsaid(struct ep_http *http, double now);

/* Until when the client may take to send a request (reading), or to take an answer. */
void ep_http_set_deadline(struct ep_http_request *request, bool reading, double deadline);

/* Whether there is room for few more connections. The mutex is held. */
bool ep_http_is_full(const struct ep_http *http);

/* Takes some of the body; false where it is over a limit, or cannot be kept, which is told: then
 * the connection is to end, as nothing can be answered before all has come. */
bool ep_http_take_body(struct ep_http_request *request, const char *bytes, size_t size);
void ep_http_free_body(struct ep_http_request *request);

/* Finds the route, and whether who asks may; or fills the answer with why not. */
bool ep_http_has_route(struct ep_http_request *request);
bool ep_http_is_admitted(struct ep_http_request *request);

/* Queues what is answered, and tells of it. */
enum MHD_Result ep_http_send(struct ep_http_request *request);

/* Callbacks of the daemon. */
enum MHD_Result ep_http_on_request(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *bytes, size_t *size, void **note);
void ep_http_on_completed(void *context, struct MHD_Connection *connection, void **note,
                          enum MHD_RequestTerminationCode code);

/* Suspends a connection and puts its request into its workers' queue; false where the server stops.
 */
bool ep_http_enqueue(struct ep_http_request *request);

/* Suspends a connection until there are news, which were counted when its handler was asked; false
 * where the server stops. */
bool ep_http_set_aside(struct ep_http_request *request, unsigned news);

/* Wakes those whose time is over at `now`; 0: all. The mutex is held. */
void ep_http_wake(struct ep_http *http, double now);

/* Lets go of what no worker will take any more. The mutex is held. */
void ep_http_drop_queue(struct ep_http_queue *queue);

/* A worker's thread; context: its struct ep_http_worker. */
void *ep_http_work(void *context);

/* Reads a certificate or key, ended by NUL, into an empty buffer. EP_NOT_FOUND, EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_http_read_pem(struct ep_buffer *pem, const char *path,
                                            struct ep_error *err);

#endif
