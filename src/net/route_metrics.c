/* How the node is doing, for Prometheus: docs/metrics.md has the names. */
#include "net/histogram.h"
#include "net/metrics.h"
#include "net/serve_internal.h"
#include "node/facts.h"

#include <inttypes.h>

/* One number of each slave, by the source that it is; what is 0 is not known. */
static void
slave_metric(struct ep_buffer *out, const struct ep_standing *standing, const char *name,
             const char *help, int64_t (*value)(const struct ep_peer *peer, uint64_t position))
{
	bool told = false;
	for (size_t i = 0; i < standing->peer_count; i++) {
		const struct ep_peer *peer = &standing->peers[i];
		int64_t number = value(peer, standing->position);
		if (number < 0)
			continue;
		if (!told)
			ep_metrics_append(out,
			                  "# HELP echoprint_source_%s %s\n"
			                  "# TYPE echoprint_source_%s gauge\n",
			                  name, help, name);
		told = true;
		ep_metrics_append(out, "echoprint_source_%s{source=\"%s\"} %" PRId64 "\n", name,
		                  peer->name, number);
	}
}

static int64_t
contact_of(const struct ep_peer *peer, uint64_t position)
{
	(void)position;
	return peer->contact ? peer->contact : -1;
}

static int64_t
position_of(const struct ep_peer *peer, uint64_t position)
{
	(void)position;
	return peer->position ? (int64_t)peer->position : -1;
}

static int64_t
lag_of(const struct ep_peer *peer, uint64_t position)
{
	return peer->fetched_at ? (int64_t)ep_peer_behind(peer, position) : -1;
}

static void
slave_metrics(struct ep_buffer *out, const struct ep_standing *standing)
{
	slave_metric(out, standing, "contact_seconds", "When the source was last heard from.",
	             contact_of);
	slave_metric(out, standing, "position",
	             "Position of this log after the source's last contribution.", position_of);
	slave_metric(out, standing, "lag", "Changes that the source has not fetched.", lag_of);
}

static void
follower_metrics(struct ep_buffer *out, const struct ep_follower *followers, size_t count)
{
	if (count == 0)
		return;
	ep_metrics_append(out, "# HELP echoprint_follower_position Position up to which another "
	                       "system has this log.\n"
	                       "# TYPE echoprint_follower_position gauge\n");
	for (size_t i = 0; i < count; i++)
		ep_metrics_append(out, "echoprint_follower_position{follower=\"%s\"} %" PRIu64 "\n",
		                  followers[i].name, followers[i].watermark);
	ep_metrics_append(out, "# HELP echoprint_follower_lag Changes that it does not have yet.\n"
	                       "# TYPE echoprint_follower_lag gauge\n");
	for (size_t i = 0; i < count; i++)
		ep_metrics_append(out, "echoprint_follower_lag{follower=\"%s\"} %" PRIu64 "\n",
		                  followers[i].name, followers[i].waiting);
}

static void
master_metrics(struct ep_buffer *out, const struct ep_master *master,
               const struct ep_pending *pending)
{
	ep_metric(out, "feed_position", "gauge", "Position up to which the feed was applied.",
	          master->position);
	ep_metric(out, "feed_lag", "gauge",
	          "Positions of the feed that were seen but not applied yet.",
	          ep_master_seen(master) - master->position);
	ep_metric(out, "pending_tracks", "gauge", "Local changes that the feed does not have yet.",
	          pending->unsent + pending->sent);
	ep_metric(out, "refused_tracks", "gauge",
	          "Local changes that the master refused or has no room for.",
	          pending->refused + pending->full);
	if (master->contact)
		ep_metric(out, "master_contact_seconds", "gauge",
		          "When the master was last reached.", (uint64_t)master->contact);
	ep_metric(out, "master_failing", "gauge", "Whether the last attempt failed.",
	          master->error[0] != 0);
}

static void
log_metrics(struct ep_buffer *out, struct ep_serve *serve)
{
	struct ep_facts facts;
	if (ep_facts_read(&facts, serve->log, false, NULL) != EP_OK)
		return;
	const struct ep_log_state *state = &facts.state;
	const struct ep_standing *standing = &facts.standing;
	ep_metric(out, "position", "gauge", "Position of the log.", state->position);
	ep_metric(out, "tracks", "gauge", "Live tracks.", state->tracks);
	ep_metric(out, "documents", "gauge", "Documents of live tracks.", state->documents);
	ep_metric(out, "conflicts", "gauge", "Versions of tracks that were set aside.",
	          state->conflicts);
	ep_metric(out, "index_lag", "gauge", "Changes that the index on disk does not have yet.",
	          facts.index.tail);
	ep_metric(out, "data_bytes", "gauge", "Size of the data folder on disk.", facts.bytes);
	if (standing->has_published && !serve->slave)
		ep_metric(out, "published_position", "gauge", "Position of this node's feed.",
		          standing->published);
	slave_metrics(out, standing);
	follower_metrics(out, facts.followers, facts.follower_count);
	if (standing->has_master)
		master_metrics(out, &standing->master, &standing->pending);
	ep_facts_done(&facts);
}

static void
program_metrics(struct ep_buffer *out, struct ep_serve *serve)
{
	ep_metric(out, "healthy", "gauge", "Whether the node can publish its feed.",
	          ep_serve_is_well(serve));
	ep_metrics_append(out, "# HELP echoprint_build_info The program.\n"
	                       "# TYPE echoprint_build_info gauge\n"
	                       "echoprint_build_info{version=\"" EP_VERSION "\"} 1\n");
}

/* Those of /query, and those of /v1/identify. */
static uint64_t
query_count(struct ep_serve *serve)
{
	const atomic_uint_fast64_t *others = serve->options.identify_count;
	return atomic_load(&serve->counts.queries) + (others ? atomic_load(others) : 0);
}

static void
server_metrics(struct ep_buffer *out, struct ep_serve *serve)
{
	struct ep_serve_counts *counts = &serve->counts;
	uint64_t open;
	uint64_t waiting;
	ep_http_counts(serve->http, &open, &waiting);
	ep_metric(out, "start_time_seconds", "gauge", "When the server was started.",
	          (uint64_t)serve->started_at);
	ep_metric(out, "connections", "gauge", "Open connections.", open);
	ep_metric(out, "waiting", "gauge", "Requests that are waiting for news.", waiting);
	ep_metric(out, "requests_total", "counter", "Answers.", atomic_load(&counts->requests));
	ep_metric(out, "refused_total", "counter", "Answers with a 4xx status.",
	          atomic_load(&counts->refused));
	ep_metric(out, "failed_total", "counter", "Answers with a 5xx status.",
	          atomic_load(&counts->failed));
	ep_metric(out, "ingested_tracks_total", "counter", "Tracks ingested over HTTP.",
	          atomic_load(&counts->ingested));
	ep_metric(out, "queries_total", "counter", "Queries by codes or sound.",
	          query_count(serve));
	ep_histogram_append(out, "query_duration_seconds", "Time of a query by codes.",
	                    &counts->query_time);
	if (serve->options.identify_time)
		ep_histogram_append(out, "identify_duration_seconds",
		                    "Time of a request to identify something.",
		                    serve->options.identify_time);
	if (serve->slave)
		return;
	ep_metric(out, "contributions_total", "counter", "Contributions accepted.",
	          atomic_load(&counts->contributions));
	ep_metric(out, "contributed_tracks_total", "counter", "Tracks in accepted contributions.",
	          atomic_load(&counts->tracks));
	ep_histogram_append(out, "contribution_duration_seconds", "Time to take a contribution in.",
	                    &counts->contribution_time);
	ep_metric(out, "publications_total", "counter", "Times the feed was written.",
	          ep_publisher_count(serve->publisher));
}

void
ep_route_metrics(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	struct ep_buffer *out = &answer->body;
	program_metrics(out, serve);
	if (!ep_is_outsider(request)) {
		log_metrics(out, serve);
		ep_monitor_metrics(out, ep_log_folder(serve->log));
		server_metrics(out, serve);
	}
	answer->status = 200;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
}
