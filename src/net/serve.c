#include "net/serve_internal.h"

#include "sync/master/inbox.h"
#include "sync/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How often the log is looked at for changes that other processes make. */
#define LOOK_MS 50

/* A feed to which nothing happens gets a new time once an hour. */
#define REFRESH_S 3600

/* How often what slaves say of themselves is noted beside the log. */
#define NOTE_S 2.0

/* How often hashes of packets are looked at, and the least pause between two times. */
#define CHECK_S 600.0
#define CHECK_PAUSE_S 1.0

#define RETRY_S 5

#define WORKERS 2 /* of a lane */
#define QUERY_MAX ((uint64_t)16 << 20)
#define INGEST_MAX ((uint64_t)64 << 20)

static const struct ep_http_route routes[] = {
	{ .method = "GET", .path = "/feed.json", .quick = ep_route_feed },
	{ .method = "GET", .path = "/packets/", .tree = true, .quick = ep_route_packet },
	{ .method = "POST",
	  .path = "/contributions",
	  .body_max = EP_CONTRIBUTION_MAX,
	  .spooled = true,
	  .check = ep_check_contribution,
	  .work = ep_route_contribution },
	{ .method = "POST", .path = "/join", .body_max = EP_JOIN_MAX, .work = ep_route_join },
	{ .method = "GET", .path = "/query", .lane = EP_HTTP_LANE_QUERY, .work = ep_route_query },
	{ .method = "POST",
	  .path = "/query",
	  .body_max = QUERY_MAX,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = ep_route_query },
	{ .method = "POST",
	  .path = "/ingest",
	  .body_max = INGEST_MAX,
	  .check = ep_check_ingest,
	  .work = ep_route_ingest },
	{ .method = "GET", .path = "/healthz", .quick = ep_route_health },
	{ .method = "GET", .path = "/status", .work = ep_route_status },
	{ .method = "GET", .path = "/metrics", .work = ep_route_metrics },
	{ .method = "GET", .path = "/", .work = ep_route_page },
	{ 0 },
};

static void
on_answer(void *context, unsigned status, const char *line)
{
	struct ep_serve *serve = context;
	atomic_fetch_add(&serve->counts.requests, 1);
	if (status >= 500)
		atomic_fetch_add(&serve->counts.failed, 1);
	else if (status >= 400)
		atomic_fetch_add(&serve->counts.refused, 1);
	if (line)
		ep_serve_say(serve, status < 400, "%s", line);
}

static void
on_line(void *context, const char *line)
{
	ep_serve_say(context, false, "%s", line);
}

/* ---- the feed that is handed out ---- */

/* Reads feed.json again, and answers those who wait for it. */
static void
reload_feed(void *context)
{
	struct ep_serve *serve = context;
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FREE char *path = ep_path_join(serve->feed_folder, EP_FEED_JSON);
	struct ep_hasher hasher;
	struct ep_hash hash;
	char hex[EP_HASH_TEXT];
	if (!path || ep_read_file(&text, path, EP_FEED_JSON_MAX, NULL) != EP_OK)
		return;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, text.data, text.size);
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(hex, &hash);
	pthread_mutex_lock(&serve->mutex);
	struct ep_buffer old = serve->feed;
	serve->feed = text;
	text = old;
	snprintf(serve->tag, sizeof serve->tag, "\"%.32s\"", hex);
	pthread_mutex_unlock(&serve->mutex);
	if (serve->http)
		ep_http_news(serve->http);
}

static void
on_damage(void *context, const char *file, const char *what)
{
	ep_serve_say(context, false, "%s %s", file, what);
}

/* How many bytes of packets are to be hashed now: some, from the start until all were once, then
 * now and then; and when somebody got a damaged one, or none. */
static uint64_t
bytes_to_check(const struct ep_serve *serve)
{
	double now = ep_clock_s();
	bool due = now >= serve->check_at ||
	           (now >= serve->check_from && atomic_load(&serve->doubted));
	return due ? EP_FEED_CHECK_BYTES : 0;
}

/* Nobody can have it spend more than a twentieth of its time so. */
static void
note_check(struct ep_serve *serve, double began, bool ended)
{
	double now = ep_clock_s();
	double pause = 20 * (now - began);
	serve->check_from = now + (pause > CHECK_PAUSE_S ? pause : CHECK_PAUSE_S);
	serve->check_at = ended ? now + CHECK_S + pause : serve->check_from;
}

static enum ep_status
publish(struct ep_serve *serve, uint64_t check_bytes, struct ep_error *err)
{
	struct ep_feed_report report;
	struct ep_feed_options options = { .name = serve->options.name,
		                           .refresh_s = REFRESH_S,
		                           .stop = &serve->stop,
		                           .check_bytes = check_bytes,
		                           .on_damage = on_damage,
		                           .context = serve };
	double began = ep_clock_s();
	if (check_bytes)
		atomic_store(&serve->doubted, false);
	enum ep_status status =
		ep_feed_publish(&report, serve->log, serve->feed_folder, &options, err);
	if (check_bytes)
		note_check(serve, began, report.checked);
	if (status == EP_OK && report.written)
		atomic_fetch_add(&serve->counts.publications, 1);
	/* Also where it failed behind feed.json: what it names is there. */
	if (report.written)
		reload_feed(serve);
	if (status == EP_OK && report.packets)
		ep_serve_say(serve, true,
		             "published position %" PRIu64 ": %zu packets, %" PRIu64 " bytes",
		             report.position, report.packets, report.bytes);
	return status;
}

/* Whether the log has positions that were not published, or the feed is old. */
static bool
is_due(struct ep_serve *serve, uint64_t *published, double *checked)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	if (ep_log_read_begin(&read, serve->log, NULL) != EP_OK)
		return true; /* and hear why */
	ep_log_state(&state, read);
	double now = ep_clock_s();
	if (state.position == *published && now - *checked < 60)
		return false;
	*published = state.position;
	*checked = now;
	return true;
}

static void
note_failure(struct ep_serve *serve, const struct ep_error *err)
{
	pthread_mutex_lock(&serve->mutex);
	bool same = strcmp(serve->error, err->text) == 0;
	snprintf(serve->error, sizeof serve->error, "%.255s", err->text);
	pthread_mutex_unlock(&serve->mutex);
	if (!same)
		ep_serve_say(serve, false, "cannot publish: %s", err->text);
}

/* Waits until it is kicked or it is time to look; false when it is to stop. */
static bool
wait_for_kick(struct ep_serve *serve, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t nanoseconds = until.tv_nsec + ms * 1000000;
	until.tv_sec += (time_t)(nanoseconds / 1000000000);
	until.tv_nsec = (long)(nanoseconds % 1000000000);
	pthread_mutex_lock(&serve->mutex);
	int rc = 0;
	while (!serve->stopping && !serve->kicked && rc == 0)
		rc = pthread_cond_timedwait(&serve->kick, &serve->mutex, &until);
	serve->kicked = false;
	bool goes_on = !serve->stopping;
	pthread_mutex_unlock(&serve->mutex);
	return goes_on;
}

static void *
publisher(void *context)
{
	struct ep_serve *serve = context;
	uint64_t published = UINT64_MAX;
	double checked = 0;
	double noted = ep_clock_s();
	int64_t pause_ms = LOOK_MS;
	while (wait_for_kick(serve, pause_ms)) {
		struct ep_error err = { 0 };
		pause_ms = LOOK_MS;
		if (ep_clock_s() - noted > NOTE_S) {
			ep_seen_note(&serve->seen, serve->log);
			noted = ep_clock_s();
		}
		uint64_t check_bytes = bytes_to_check(serve);
		if (!is_due(serve, &published, &checked) && check_bytes == 0)
			continue;
		enum ep_status status = publish(serve, check_bytes, &err);
		if (status == EP_OK) {
			pthread_mutex_lock(&serve->mutex);
			serve->error[0] = '\0';
			pthread_mutex_unlock(&serve->mutex);
		} else if (status != EP_INTERRUPTED) {
			note_failure(serve, &err);
			published = UINT64_MAX;
			pause_ms = RETRY_S * 1000;
		}
	}
	return NULL;
}

/* ---- starting ---- */

static enum ep_status
lock_folder(struct ep_serve *serve, struct ep_error *err)
{
	const char *folder = ep_log_folder(serve->log);
	EP_FREE char *path = ep_path_join(folder, "serve.lock");
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	serve->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (serve->lock_fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	if (flock(serve->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return ep_fail(err, EP_BAD_INPUT, "another `serve` runs on the data folder %s",
		               folder);
	return EP_OK;
}

/* Makes the folder of bodies; what a killed server left in it goes. */
static enum ep_status
make_spool(struct ep_serve *serve, struct ep_error *err)
{
	serve->spool = ep_path_join(ep_log_folder(serve->log), "spool");
	if (!serve->spool)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_make_folder(serve->spool, err));
	DIR *folder = opendir(serve->spool);
	struct dirent *item;
	while (folder && (item = readdir(folder)) != NULL) {
		const char *dot = strrchr(item->d_name, '.');
		if (dot && strcmp(dot, ".body") == 0)
			(void)unlinkat(dirfd(folder), item->d_name, 0);
	}
	if (folder)
		closedir(folder);
	return EP_OK;
}

static enum ep_status
find_role(struct ep_serve *serve, struct ep_error *err)
{
	EP_TRY(ep_node_master(&serve->slave, &serve->master, serve->options.node, err));
	if (serve->options.mirror && !serve->slave)
		return ep_fail(
			err, EP_BAD_INPUT,
			"a mirror hands on its master's feed, and this node has joined none");
	const char *folder = serve->options.mirror ? EP_MIRROR_FOLDER
	                     : serve->slave        ? NULL
	                                           : EP_FEED_FOLDER;
	if (!folder)
		return EP_OK;
	serve->feed_folder = ep_path_join(ep_log_folder(serve->log), folder);
	return serve->feed_folder ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory");
}

static enum ep_status
start_http(struct ep_serve *serve, struct ep_error *err)
{
	struct ep_http_options options = {
		.listen = serve->options.listen,
		.certificate = serve->options.certificate,
		.key = serve->options.key,
		.connections = serve->options.connections,
		.per_address = serve->options.per_address,
		.workers = WORKERS,
		.spool = serve->spool,
		.routes = routes,
		.context = serve,
		.on_answer = on_answer,
		.on_line = on_line,
	};
	return ep_http_start(&serve->http, &options, err);
}

/* Starts the thread that keeps the feed up to date, or those that follow the master. */
static enum ep_status
start_keeping(struct ep_serve *serve, struct ep_error *err)
{
	if (!serve->slave) {
		int rc = pthread_create(&serve->publisher, NULL, publisher, serve);
		serve->publishes = rc == 0;
		return rc == 0 ? EP_OK : ep_fail_errno(err, rc, "cannot start a thread");
	}
	struct ep_follow_options options = {
		.log = serve->log,
		.name = serve->options.name,
		.mirror = serve->feed_folder,
		.on_line = on_line,
		.on_news = reload_feed,
		.context = serve,
	};
	return ep_follow_start(&serve->follow, &options, err);
}

static enum ep_status
start(struct ep_serve *serve, struct ep_error *err)
{
	EP_TRY(lock_folder(serve, err));
	EP_TRY(find_role(serve, err));
	EP_TRY(make_spool(serve, err));
	if (serve->feed_folder)
		ep_feed_check_anew(serve->feed_folder);
	if (serve->feed_folder && !serve->slave)
		EP_TRY(publish(serve, 0, err));
	if (serve->feed_folder)
		reload_feed(serve);
	EP_TRY(start_http(serve, err));
	return start_keeping(serve, err);
}

enum ep_status
ep_serve_start(struct ep_serve **out, const struct ep_serve_options *options, struct ep_error *err)
{
	struct ep_serve *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&made->kick, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&made->mutex, NULL);
	pthread_mutex_init(&made->seen.mutex, NULL);
	made->options = *options;
	made->log = ep_node_log(options->node);
	made->lock_fd = -1;
	made->started = ep_clock_s();
	EP_OWNED(ep_serve_stop)
	struct ep_serve *serve = made;
	EP_TRY(start(serve, err));
	*out = EP_TAKE(serve);
	return EP_OK;
}

bool
ep_serve_is_stale(const struct ep_serve *serve)
{
	struct ep_master now;
	bool slave;
	if (ep_node_master(&slave, &now, serve->options.node, NULL) != EP_OK || !slave)
		return false;
	const struct ep_master *then = &serve->master;
	return !serve->slave || !ep_key_equal(&now.key, &then->key) ||
	       strcmp(now.url, then->url) != 0 || strcmp(now.mirror, then->mirror) != 0;
}

unsigned
ep_serve_port(const struct ep_serve *serve)
{
	return ep_http_port(serve->http);
}

void
ep_serve_stop(struct ep_serve *serve)
{
	if (!serve)
		return;
	pthread_mutex_lock(&serve->mutex);
	serve->stopping = true;
	pthread_cond_signal(&serve->kick);
	pthread_mutex_unlock(&serve->mutex);
	atomic_store(&serve->stop, true);
	/* Those who tell of news before those who are told. */
	ep_follow_stop(serve->follow);
	if (serve->publishes)
		pthread_join(serve->publisher, NULL);
	ep_http_stop(serve->http);
	if (serve->lock_fd >= 0)
		close(serve->lock_fd);
	ep_buffer_free(&serve->feed);
	free(serve->feed_folder);
	free(serve->spool);
	pthread_cond_destroy(&serve->kick);
	pthread_mutex_destroy(&serve->mutex);
	pthread_mutex_destroy(&serve->seen.mutex);
	free(serve);
}
