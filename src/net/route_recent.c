/* How the node did: counted once a minute, and told. */
#include "base/bytes.h"
#include "net/recent.h"
#include "net/serve_internal.h"
#include "node/standing.h"
#include "peer/contact.h"

#include <stdlib.h>
#include <time.h>

#define MINUTE_S 60

struct ep_recall {
	struct ep_serve *serve;
	struct ep_recent *recent;
	pthread_t thread;
	bool runs;
	bool stop;
	pthread_mutex_t mutex; /* of recent and stop */
	pthread_cond_t wake;
};

static void
add_histogram(struct ep_recent_counts *counts, struct ep_histogram *histogram)
{
	for (size_t i = 0; i < EP_RECENT_STEPS; i++)
		counts->queries[i] += atomic_load(&histogram->counts[i]);
	counts->microseconds += atomic_load(&histogram->microseconds);
}

/* What is known of the node at a moment. */
struct moment {
	struct ep_recent_counts counts;
	struct ep_peer *peers;
	struct ep_recent_slaves
		slaves; /* those of peers whose lag is known; their names are peers' */
};

static void
moment_done(struct moment *moment)
{
	free(moment->peers);
	free(moment->slaves.all);
}

static void
add_slaves(struct moment *moment, const struct ep_log_read *read, const char *folder)
{
	size_t count = 0;
	uint64_t position = moment->counts.position;
	if (ep_peers(&moment->peers, &count, read, NULL) != EP_OK)
		return;
	ep_contacts_of_peers(moment->peers, count, folder);
	struct ep_recent_slaves *slaves = &moment->slaves;
	slaves->all = calloc(count + 1, sizeof *slaves->all);
	for (size_t i = 0; slaves->all && i < count; i++) {
		const struct ep_peer *peer = &moment->peers[i];
		uint64_t id = ep_load64(peer->key.bytes);
		if (peer->has_key && peer->fetched_at && id != 0)
			slaves->all[slaves->count++] =
				(struct ep_recent_slave){ id, peer->name,
				                          ep_peer_behind(peer, position) };
	}
}

static void
count(struct moment *moment, struct ep_serve *serve)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state = { 0 };
	if (ep_log_read_begin(&read, serve->log, NULL) == EP_OK)
		ep_log_state(&state, read);
	moment->counts =
		(struct ep_recent_counts){ .position = state.position,
		                           .tracks = state.tracks,
		                           .documents = state.documents,
		                           .requests = atomic_load(&serve->counts.requests),
		                           .refused = atomic_load(&serve->counts.refused),
		                           .failed = atomic_load(&serve->counts.failed) };
	add_histogram(&moment->counts, &serve->counts.query_time);
	if (serve->options.identify_time)
		add_histogram(&moment->counts, serve->options.identify_time);
	if (read)
		add_slaves(moment, read, ep_log_folder(serve->log));
}

/* Gives what was counted, to be ended by moment_done(). The mutex is held. */
static struct moment
add_now(struct ep_recall *recall)
{
	struct moment moment = { 0 };
	count(&moment, recall->serve);
	ep_recent_add(recall->recent, &moment.counts, &moment.slaves, ep_time_now());
	return moment;
}

/* That there is no file costs the plots, and nothing else. */
static void
open_file(struct ep_recall *recall)
{
	struct ep_serve *serve = recall->serve;
	struct moment moment = { 0 };
	struct ep_error err;
	count(&moment, serve);
	if (ep_recent_open(&recall->recent, ep_log_folder(serve->log), &moment.counts,
	                   ep_time_now(), &err) != EP_OK)
		ep_serve_say(serve, false, "what is told by /v1/history is not kept: %s", err.text);
	moment_done(&moment);
}

static void *
run(void *context)
{
	struct ep_recall *recall = context;
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	pthread_mutex_lock(&recall->mutex);
	open_file(recall);
	while (!recall->stop && recall->recent) {
		until.tv_sec += MINUTE_S;
		int rc = 0;
		while (!recall->stop && rc == 0)
			rc = pthread_cond_timedwait(&recall->wake, &recall->mutex, &until);
		struct moment moment = add_now(recall);
		moment_done(&moment);
	}
	pthread_mutex_unlock(&recall->mutex);
	return NULL;
}

enum ep_status
ep_recall_start(struct ep_recall **out, struct ep_serve *serve, struct ep_error *err)
{
	struct ep_recall *made = calloc(1, sizeof *made);
	pthread_condattr_t monotonic;
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	made->serve = serve;
	pthread_mutex_init(&made->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&made->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	made->runs = pthread_create(&made->thread, NULL, run, made) == 0;
	if (!made->runs) {
		ep_recall_stop(made);
		return ep_fail(err, EP_NO_MEMORY, "cannot start a thread");
	}
	*out = made;
	return EP_OK;
}

void
ep_recall_stop(struct ep_recall *recall)
{
	if (!recall)
		return;
	if (recall->runs) {
		pthread_mutex_lock(&recall->mutex);
		recall->stop = true;
		pthread_cond_signal(&recall->wake);
		pthread_mutex_unlock(&recall->mutex);
		pthread_join(recall->thread, NULL);
	}
	ep_recent_close(recall->recent);
	pthread_cond_destroy(&recall->wake);
	pthread_mutex_destroy(&recall->mutex);
	free(recall);
}

static json_t *
recent_of(struct ep_recall *recall, enum ep_recent_span span, bool lags)
{
	pthread_mutex_lock(&recall->mutex);
	json_t *json = NULL;
	if (recall->recent) {
		struct moment moment = add_now(recall);
		json = ep_recent_json(recall->recent, span, lags ? &moment.slaves : NULL,
		                      ep_time_now());
		moment_done(&moment);
	}
	pthread_mutex_unlock(&recall->mutex);
	return json;
}

void
ep_route_history(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	const char *name = ep_http_parameter(request, "span");
	bool lags = false;
	enum ep_recent_span span = EP_RECENT_HOUR;
	if (name && !ep_recent_span_of(&span, name)) {
		ep_http_say(answer, 400, "the parameter span must be hour, day or month");
		return;
	}
	if (!ep_http_flag(&lags, request, "lags")) {
		ep_http_say(answer, 400, "the parameter lags must be true or false");
		return;
	}
	json_t *json = recent_of(serve->recall, span, lags);
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text || ep_buffer_append(&answer->body, text, strlen(text), NULL) != EP_OK) {
		ep_http_say(answer, 503, "how the node did is not known");
		return;
	}
	answer->status = 200;
	answer->type = "application/json";
}
