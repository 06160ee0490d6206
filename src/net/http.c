#include "net/http_internal.h"

#include "base/file.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A connection that says nothing for so long is closed. */
#define SILENT_S 30U
#define CONNECTION_MEMORY ((size_t)32 << 10)
#define DAEMON_THREADS 2U

/* Files that are open beside connections, and connections that there are however few files. */
#define OTHER_FILES 256
#define CONNECTIONS_MIN 16U

/* ---- the address ---- */

struct address {
	struct sockaddr_storage bytes;
	socklen_t size;
};

/* Parts "ADDRESS:PORT"; an empty address is any. */
static enum ep_status
parse_address(struct address *address, const char *text, struct ep_error *err)
{
	char host[256];
	const char *colon = strrchr(text, ':');
	size_t size = colon ? (size_t)(colon - text) : 0;
	if (!colon || size >= sizeof host)
		return ep_fail(err, EP_BAD_INPUT,
		               "\"%s\" is not an address to listen on: it must have the form "
		               "127.0.0.1:8070",
		               text);
	memcpy(host, text, size);
	host[size] = '\0';
	char *name = host;
	if (name[0] == '[' && host[size - 1] == ']') {
		host[size - 1] = '\0';
		name++;
	}
	struct addrinfo wanted = { .ai_family = AF_UNSPEC,
		                   .ai_socktype = SOCK_STREAM,
		                   .ai_flags = AI_PASSIVE };
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(*name ? name : NULL, colon + 1, &wanted, &found);
	if (rc != 0)
		return ep_fail(err, EP_BAD_INPUT, "cannot listen on \"%s\": %s", text,
		               gai_strerror(rc));
	memcpy(&address->bytes, found->ai_addr, found->ai_addrlen);
	address->size = found->ai_addrlen;
	freeaddrinfo(found);
	return EP_OK;
}

static enum ep_status
listen_on(int *out, const struct ep_http_options *options, struct ep_error *err)
{
	struct address address;
	int on = 1;
	EP_TRY(parse_address(&address, options->listen, err));
	EP_FD int fd =
		socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, (const struct sockaddr *)&address.bytes, address.size) != 0 ||
	    listen(fd, SOMAXCONN) != 0)
		return ep_fail_errno(err, errno,
		                     "cannot listen on %s (--listen ADDR:PORT sets the address)",
		                     options->listen);
	*out = ep_fd_take(&fd);
	return EP_OK;
}

unsigned
ep_http_port(const struct ep_http *http)
{
	struct sockaddr_storage bytes = { 0 };
	socklen_t size = sizeof bytes;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	if (getsockname(http->listen_fd, (struct sockaddr *)&bytes, &size) != 0)
		return 0;
	memcpy(&in, &bytes, sizeof in);
	memcpy(&in6, &bytes, sizeof in6);
	return ntohs(bytes.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}

/* ---- connections and their time ---- */

static void
on_connection(void *context, struct MHD_Connection *connection, void **note,
              enum MHD_ConnectionNotificationCode code)
{
	struct ep_http *http = context;
	struct ep_http_peer *peer = *note;
	pthread_mutex_lock(&http->mutex);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		peer = calloc(1, sizeof *peer);
		if (peer && info) {
			peer->fd = info->connect_fd;
			peer->deadline = ep_clock_s() + EP_HTTP_REQUEST_S;
			peer->reading = true;
			peer->next = http->peers;
			if (peer->next)
				peer->next->before = peer;
			http->peers = peer;
			http->open++;
		} else {
			free(peer);
			peer = NULL;
		}
		*note = peer;
	} else if (peer) {
		if (peer->next)
			peer->next->before = peer->before;
		if (peer->before)
			peer->before->next = peer->next;
		else
			http->peers = peer->next;
		http->open--;
		free(peer);
		*note = NULL;
	}
	pthread_mutex_unlock(&http->mutex);
}

/* Cuts off who is too slow. The mutex is held. */
static void
cut_off(struct ep_http *http, double now)
{
	double less = ep_http_is_full(http) ? EP_HTTP_REQUEST_S - EP_HTTP_CROWDED_S : 0;
	for (struct ep_http_peer *peer = http->peers; peer; peer = peer->next) {
		double deadline = peer->deadline - (peer->reading ? less : 0);
		if (peer->deadline == 0 || now <= deadline)
			continue;
		ep_http_print_peer(http->unsaid.slowest, peer->fd);
		http->unsaid.slow++;
		shutdown(peer->fd, SHUT_RDWR);
		peer->deadline = 0;
	}
}

/* Cuts off who is too slow, wakes who has waited long enough, and tells of what had no line. */
static void *
watch(void *context)
{
	struct ep_http *http = context;
	pthread_mutex_lock(&http->mutex);
	while (!http->stopping) {
		double now = ep_clock_s();
		cut_off(http, now);
		ep_http_wake(http, now);
		ep_http_tell_unsaid(http, now);
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 200 * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&http->watch, &http->mutex, &until);
	}
	pthread_mutex_unlock(&http->mutex);
	return NULL;
}

void
ep_http_counts(const struct ep_http *http, uint64_t *open, uint64_t *waiting)
{
	struct ep_http *locked = http->self;
	pthread_mutex_lock(&locked->mutex);
	*open = http->open;
	*waiting = http->waiting_count;
	pthread_mutex_unlock(&locked->mutex);
}

/* ---- starting ---- */

/* Asks for the files that connections need: each a socket, and a packet or a body. Gives how many
 * connections the system gives files for. */
static unsigned
raise_file_limit(unsigned connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections * 2 + OTHER_FILES;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return connections;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return connections;
	rlim_t fewest = (rlim_t)CONNECTIONS_MIN * 2 + OTHER_FILES;
	return limit.rlim_cur > fewest ? (unsigned)((limit.rlim_cur - OTHER_FILES) / 2)
	                               : CONNECTIONS_MIN;
}

/* Of what the library says, that it turned a connection away. */
static void on_message(void *context, const char *fmt, va_list args) EP_PRINTF(2, 0);

static void
on_message(void *context, const char *fmt, va_list args)
{
	(void)args;
	struct ep_http *http = context;
	if (!strstr(fmt, "connection limit"))
		return;
	pthread_mutex_lock(&http->mutex);
	http->unsaid.turned_away++;
	pthread_mutex_unlock(&http->mutex);
}

static enum ep_status
start_daemon(struct ep_http *http, struct ep_error *err)
{
	const struct ep_http_options *options = &http->options;
	EP_BUFFER struct ep_buffer certificate = { 0 };
	EP_BUFFER struct ep_buffer key = { 0 };
	EP_TRY(ep_late_microhttpd(err));
	unsigned flags =
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	if (options->certificate) {
		EP_TRY(ep_http_read_pem(&certificate, options->certificate, err));
		EP_TRY(ep_http_read_pem(&key, options->key, err));
		flags |= MHD_USE_TLS;
	}
	struct MHD_OptionItem items[] = {
		{ MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_message, http },
		{ MHD_OPTION_LISTEN_SOCKET, http->listen_fd, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)options->connections, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)options->per_address, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)SILENT_S, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)DAEMON_THREADS, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)ep_http_on_completed, http },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, http },
		{ options->certificate ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
		  certificate.data },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, key.data },
		{ MHD_OPTION_END, 0, NULL },
	};
	http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, ep_http_on_request, http,
	                                MHD_OPTION_ARRAY, items, MHD_OPTION_END);
	if (http->daemon)
		return EP_OK;
	return options->certificate
	               ? ep_fail(err, EP_BAD_INPUT, "cannot serve TLS with %s and %s",
	                         options->certificate, options->key)
	               : ep_fail(err, EP_IO, "cannot start the server on %s", options->listen);
}

static enum ep_status
start_threads(struct ep_http *http, struct ep_error *err)
{
	int rc = pthread_create(&http->watcher, NULL, watch, http);
	http->watched = rc == 0;
	unsigned count = http->options.workers * EP_HTTP_LANE_COUNT;
	http->workers = calloc(count, sizeof *http->workers);
	while (rc == 0 && http->workers && http->worker_count < count) {
		struct ep_http_worker *worker = &http->workers[http->worker_count];
		worker->http = http;
		worker->queue = &http->queues[http->worker_count % EP_HTTP_LANE_COUNT];
		rc = pthread_create(&worker->thread, NULL, ep_http_work, worker);
		http->worker_count += rc == 0;
	}
	return rc == 0 && http->workers ? EP_OK
	                                : ep_fail_errno(err, rc ? rc : ENOMEM,
	                                                "cannot start the threads of the server");
}

enum ep_status
ep_http_start(struct ep_http **out, const struct ep_http_options *options, struct ep_error *err)
{
	struct ep_http *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&made->watch, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (int i = 0; i < EP_HTTP_LANE_COUNT; i++)
		pthread_cond_init(&made->queues[i].work, NULL);
	pthread_mutex_init(&made->mutex, NULL);
	made->options = *options;
	made->listen_fd = -1;
	made->self = made;
	EP_OWNED(ep_http_stop)
	struct ep_http *http = made;
	http->options.connections = raise_file_limit(options->connections);
	EP_TRY(listen_on(&http->listen_fd, options, err));
	EP_TRY(start_threads(http, err));
	*out = http; /* requests come before it has returned */
	enum ep_status status = start_daemon(http, err);
	if (status == EP_OK)
		(void)EP_TAKE(http);
	else
		*out = NULL;
	return status;
}

void
ep_http_stop(struct ep_http *http)
{
	if (!http)
		return;
	/* MHD_quiesce_daemon would take no more connections, but it and the daemon's threads both
	 * take the socket out of an epoll set, and the library aborts where one finds it gone. Who
	 * comes now is told that the server stops.
	 *
	 * Workers end what they have; then everybody who is set aside is let go. */
	pthread_mutex_lock(&http->mutex);
	http->stopping = true;
	for (int i = 0; i < EP_HTTP_LANE_COUNT; i++)
		pthread_cond_broadcast(&http->queues[i].work);
	pthread_cond_broadcast(&http->watch);
	pthread_mutex_unlock(&http->mutex);
	for (unsigned i = 0; i < http->worker_count; i++)
		pthread_join(http->workers[i].thread, NULL);
	if (http->watched)
		pthread_join(http->watcher, NULL);
	pthread_mutex_lock(&http->mutex);
	for (int i = 0; i < EP_HTTP_LANE_COUNT; i++)
		ep_http_drop_queue(&http->queues[i]);
	ep_http_wake(http, 0);
	pthread_mutex_unlock(&http->mutex);
	if (http->daemon)
		MHD_stop_daemon(http->daemon); /* with its socket */
	else if (http->listen_fd >= 0)
		close(http->listen_fd);
	free(http->workers);
	for (int i = 0; i < EP_HTTP_LANE_COUNT; i++)
		pthread_cond_destroy(&http->queues[i].work);
	pthread_cond_destroy(&http->watch);
	pthread_mutex_destroy(&http->mutex);
	free(http);
}
