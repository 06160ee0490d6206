#include "net/serve_internal.h"
#include "net/serve_lock.h"

#include "sync/master/inbox.h"
#include "sync/places.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKERS 2 /* of a lane */
#define INGEST_MAX ((uint64_t)64 << 20)

/* What no need is said of is for admins (access.h). */
static const struct ep_http_route routes[] = {
	{ .method = "GET", .path = "/feed.json", .need = EP_NEED_FEED, .quick = ep_route_feed },
	{ .method = "GET",
	  .path = "/packets/",
	  .tree = true,
	  .need = EP_NEED_FEED,
	  .quick = ep_route_packet },
	{ .method = "POST",
	  .path = "/contributions",
	  .need = EP_NEED_PROOF,
	  .body_max = EP_CONTRIBUTION_MAX,
	  .spooled = true,
	  .check = ep_check_contribution,
	  .work = ep_route_contribution },
	{ .method = "POST",
	  .path = "/join",
	  .need = EP_NEED_PROOF,
	  .body_max = EP_JOIN_MAX,
	  .work = ep_route_join },
	{ .method = "GET",
	  .path = "/query",
	  .need = EP_NEED_OPEN,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = ep_route_query },
	{ .method = "POST",
	  .path = "/query",
	  .need = EP_NEED_OPEN,
	  .body_max = EP_QUERY_BODY_MAX,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = ep_route_query },
	{ .method = "POST",
	  .path = "/ingest",
	  .need = EP_NEED_INGEST,
	  .body_max = INGEST_MAX,
	  .work = ep_route_ingest },
	{ .method = "GET", .path = "/healthz", .need = EP_NEED_OPEN, .quick = ep_route_health },
	/* Of these, outsiders see whether the node is well, and its version. */
	{ .method = "GET", .path = "/status", .need = EP_NEED_OPEN, .work = ep_route_status },
	{ .method = "GET", .path = "/v1/status", .need = EP_NEED_QUERY, .work = ep_route_status },
	{ .method = "GET", .path = "/v1/history", .need = EP_NEED_QUERY, .work = ep_route_history },
	{ .method = "GET", .path = "/metrics", .need = EP_NEED_OPEN, .work = ep_route_metrics },
	{ 0 },
};

static bool
admit(void *context, struct ep_http_request *request, const struct ep_http_route *route,
      struct ep_http_answer *answer)
{
	const struct ep_serve *serve = context;
	return ep_access_admit(&serve->access, request, route, answer);
}

static void
on_answer(void *context, const struct ep_http_told *told)
{
	struct ep_serve *serve = context;
	atomic_fetch_add(&serve->counts.requests, 1);
	if (told->status >= 500)
		atomic_fetch_add(&serve->counts.failed, 1);
	else if (told->status >= 400 && !told->ordinary)
		atomic_fetch_add(&serve->counts.refused, 1);
	if (told->line)
		serve->options.on_answer(serve->options.context, told);
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

/* ---- starting ---- */

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
			"a mirror serves its master's feed, but this node has not joined a master");
	const char *folder = serve->options.mirror ? EP_MIRROR_FOLDER
	                     : serve->slave        ? NULL
	                                           : EP_FEED_FOLDER;
	if (!folder)
		return EP_OK;
	serve->feed_folder = ep_path_join(ep_log_folder(serve->log), folder);
	return serve->feed_folder ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory");
}

static void
on_published(void *context, bool detail, const char *line)
{
	ep_serve_say(context, detail, "%s", line);
}

/* Publishes, before anybody can ask. */
static enum ep_status
make_publisher(struct ep_serve *serve, struct ep_error *err)
{
	struct ep_publisher_options options = {
		.node = serve->options.node,
		.name = serve->options.name,
		.folder = serve->feed_folder,
		.seen = &serve->seen,
		.on_line = on_published,
		.on_feed = reload_feed,
		.context = serve,
	};
	return ep_publisher_new(&serve->publisher, &options, err);
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
		.sets = { { routes, serve }, serve->options.console, serve->options.more },
		.tree = serve->options.tree,
		.origin = serve->options.origin,
		.context = serve,
		.admit = admit,
		.on_answer = on_answer,
		.on_line = on_line,
	};
	return ep_http_start(&serve->http, &options, err);
}

/* Whose feed is handed out, and to whom. */
static enum ep_status
set_access(struct ep_serve *serve, struct ep_error *err)
{
	struct ep_keys keys;
	EP_TRY(ep_keys_open(&keys, ep_log_folder(serve->log), err));
	serve->access = (struct ep_access){ .log = serve->log,
		                            .master = serve->slave ? serve->master.key : keys.key,
		                            .closed = serve->options.closed,
		                            .token = serve->options.token };
	sodium_memzero(&keys, sizeof keys);
	ep_access_begin(&serve->access, serve->options.listen);
	return EP_OK;
}

/* Starts the thread that keeps the feed up to date, or those that follow the master. */
static enum ep_status
start_keeping(struct ep_serve *serve, struct ep_error *err)
{
	if (!serve->slave)
		return ep_publisher_start(serve->publisher, err);
	struct ep_slave_threads_options options = {
		.log = serve->log,
		.name = serve->options.name,
		.mirror = serve->feed_folder,
		.on_line = on_line,
		.on_news = reload_feed,
		.context = serve,
	};
	return ep_slave_threads_start(&serve->slave_threads, &options, err);
}

static enum ep_status
start(struct ep_serve *serve, struct ep_error *err)
{
	EP_TRY(ep_serve_lock(&serve->lock_fd, ep_log_folder(serve->log), serve->options.listen,
	                     err));
	EP_TRY(find_role(serve, err));
	EP_TRY(set_access(serve, err));
	EP_TRY(make_spool(serve, err));
	if (serve->feed_folder)
		ep_feed_check_anew(serve->feed_folder);
	if (serve->feed_folder && !serve->slave)
		EP_TRY(make_publisher(serve, err));
	if (serve->feed_folder)
		reload_feed(serve);
	EP_TRY(ep_recall_start(&serve->recall, serve, err));
	EP_TRY(start_http(serve, err));
	return start_keeping(serve, err);
}

enum ep_status
ep_serve_start(struct ep_serve **out, const struct ep_serve_options *options, struct ep_error *err)
{
	struct ep_serve *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_mutex_init(&made->mutex, NULL);
	pthread_mutex_init(&made->seen.mutex, NULL);
	made->options = *options;
	made->log = ep_node_log(options->node);
	made->lock_fd = -1;
	made->started = ep_clock_s();
	made->started_at = ep_time_now();
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
	atomic_store(&serve->stop, true);
	/* Those who tell of news before those who are told. */
	ep_slave_threads_stop(serve->slave_threads);
	ep_publisher_stop(serve->publisher);
	ep_http_stop(serve->http);
	ep_recall_stop(serve->recall);
	ep_publisher_free(serve->publisher);
	if (serve->lock_fd >= 0)
		close(serve->lock_fd);
	ep_buffer_free(&serve->feed);
	free(serve->feed_folder);
	free(serve->spool);
	pthread_mutex_destroy(&serve->mutex);
	pthread_mutex_destroy(&serve->seen.mutex);
	free(serve);
}
