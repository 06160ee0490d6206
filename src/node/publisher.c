#include "node/publisher.h"

#include "base/time.h"
#include "sync/feed_files.h"
#include "sync/master/feed_writer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often the log is looked at for changes that other processes make. */
#define LOOK_MS 50

/* A feed to which nothing happens gets a new time once an hour. */
#define REFRESH_S 3600

/* How often what slaves say of themselves is noted beside the log. */
#define NOTE_S 2.0

/* How often hashes of packets are looked at, and the least pause between two times. */
#define CHECK_S 600.0
#define CHECK_PAUSE_S 1.0

/* The pause after a failure. */
#define RETRY_S 5

struct ep_publisher {
	struct ep_publisher_options options;
	struct ep_log *log;
	atomic_bool stop; /* for a publication under way */
	atomic_uint_fast64_t count; /* of those that wrote something */

	atomic_bool doubted; /* somebody got a damaged packet, or none */
	double check_from; /* when packets may be looked at again */
	double check_at; /* and when they are unasked */

	pthread_t thread;
	bool runs;
	pthread_mutex_t mutex; /* of what follows */
	char error[EP_PUBLISHER_ERROR]; /* of the last publication; empty: none */
	pthread_cond_t kick; /* there may be something to publish */
	bool kicked;
	bool stopping;
};

static void say(struct ep_publisher *publisher, bool detail, const char *fmt, ...) EP_PRINTF(3, 4);

static void
say(struct ep_publisher *publisher, bool detail, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	publisher->options.on_line(publisher->options.context, detail, line);
}

/* ---- publishing ---- */

static void
on_damage(void *context, const char *file, const char *what)
{
	say(context, false, "%s %s", file, what);
}

/* How many bytes of packets are to be hashed now: some, from the start until all were once, then
 * now and then; and when somebody got a damaged one, or none. */
static uint64_t
bytes_to_check(const struct ep_publisher *publisher)
{
	double now = ep_clock_s();
	bool due = now >= publisher->check_at ||
	           (now >= publisher->check_from && atomic_load(&publisher->doubted));
	return due ? EP_FEED_CHECK_BYTES : 0;
}

/* Nobody can have it spend more than a twentieth of its time so. */
static void
note_check(struct ep_publisher *publisher, double began, bool ended)
{
	double now = ep_clock_s();
	double pause = 20 * (now - began);
	publisher->check_from = now + (pause > CHECK_PAUSE_S ? pause : CHECK_PAUSE_S);
	publisher->check_at = ended ? now + CHECK_S + pause : publisher->check_from;
}

static enum ep_status
publish(struct ep_publisher *publisher, uint64_t check_bytes, struct ep_error *err)
{
	struct ep_feed_report report;
	struct ep_feed_options options = { .name = publisher->options.name,
		                           .refresh_s = REFRESH_S,
		                           .stop = &publisher->stop,
		                           .check_bytes = check_bytes,
		                           .on_damage = on_damage,
		                           .context = publisher };
	double began = ep_clock_s();
	if (check_bytes)
		atomic_store(&publisher->doubted, false);
	enum ep_status status =
		ep_feed_publish(&report, publisher->log, publisher->options.folder, &options, err);
	if (check_bytes)
		note_check(publisher, began, report.checked);
	if (status == EP_OK && report.written)
		atomic_fetch_add(&publisher->count, 1);
	/* Also where it failed behind feed.json: what it names is there. */
	if (report.written)
		publisher->options.on_feed(publisher->options.context);
	if (status == EP_OK && report.packets)
		say(publisher, true,
		    "published position %" PRIu64 ": %zu packets, %" PRIu64 " bytes",
		    report.position, report.packets, report.bytes);
	return status;
}

/* Whether the log has positions that were not published, or the feed is old. */
static bool
is_due(struct ep_publisher *publisher, uint64_t *published, double *checked)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	if (ep_log_read_begin(&read, publisher->log, NULL) != EP_OK)
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
note_failure(struct ep_publisher *publisher, const struct ep_error *err)
{
	pthread_mutex_lock(&publisher->mutex);
	bool same = strcmp(publisher->error, err->text) == 0;
	snprintf(publisher->error, sizeof publisher->error, "%.255s", err->text);
	pthread_mutex_unlock(&publisher->mutex);
	if (!same)
		say(publisher, false, "cannot publish: %s", err->text);
}

/* Waits until it is kicked or it is time to look; false when it is to stop. */
static bool
wait_for_kick(struct ep_publisher *publisher, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t nanoseconds = until.tv_nsec + ms * 1000000;
	until.tv_sec += (time_t)(nanoseconds / 1000000000);
	until.tv_nsec = (long)(nanoseconds % 1000000000);
	pthread_mutex_lock(&publisher->mutex);
	int rc = 0;
	while (!publisher->stopping && !publisher->kicked && rc == 0)
		rc = pthread_cond_timedwait(&publisher->kick, &publisher->mutex, &until);
	publisher->kicked = false;
	bool goes_on = !publisher->stopping;
	pthread_mutex_unlock(&publisher->mutex);
	return goes_on;
}

static void *
run(void *context)
{
	struct ep_publisher *publisher = context;
	uint64_t published = UINT64_MAX;
	double checked = 0;
	double noted = ep_clock_s();
	int64_t pause_ms = LOOK_MS;
	while (wait_for_kick(publisher, pause_ms)) {
		struct ep_error err = { 0 };
		pause_ms = LOOK_MS;
		if (ep_clock_s() - noted > NOTE_S) {
			ep_seen_note(publisher->options.seen, publisher->log);
			noted = ep_clock_s();
		}
		uint64_t check_bytes = bytes_to_check(publisher);
		if (!is_due(publisher, &published, &checked) && check_bytes == 0)
			continue;
		enum ep_status status = publish(publisher, check_bytes, &err);
		if (status == EP_OK) {
			pthread_mutex_lock(&publisher->mutex);
			publisher->error[0] = '\0';
			pthread_mutex_unlock(&publisher->mutex);
		} else if (status != EP_INTERRUPTED) {
			note_failure(publisher, &err);
			published = UINT64_MAX;
			pause_ms = RETRY_S * 1000;
		}
	}
	return NULL;
}

/* ---- from start to stop ---- */

enum ep_status
ep_publisher_new(struct ep_publisher **out, const struct ep_publisher_options *options,
                 struct ep_error *err)
{
	struct ep_publisher *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&made->kick, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&made->mutex, NULL);
	made->options = *options;
	made->log = ep_node_log(options->node);
	EP_OWNED(ep_publisher_free)
	struct ep_publisher *publisher = made;
	EP_TRY(publish(publisher, 0, err));
	*out = EP_TAKE(publisher);
	return EP_OK;
}

enum ep_status
ep_publisher_start(struct ep_publisher *publisher, struct ep_error *err)
{
	int rc = pthread_create(&publisher->thread, NULL, run, publisher);
	publisher->runs = rc == 0;
	return rc == 0 ? EP_OK : ep_fail_errno(err, rc, "cannot start a thread");
}

void
ep_publisher_stop(struct ep_publisher *publisher)
{
	if (!publisher)
		return;
	pthread_mutex_lock(&publisher->mutex);
	publisher->stopping = true;
	pthread_cond_signal(&publisher->kick);
	pthread_mutex_unlock(&publisher->mutex);
	atomic_store(&publisher->stop, true);
	if (publisher->runs)
		pthread_join(publisher->thread, NULL);
	publisher->runs = false;
}

void
ep_publisher_free(struct ep_publisher *publisher)
{
	if (!publisher)
		return;
	ep_publisher_stop(publisher);
	pthread_cond_destroy(&publisher->kick);
	pthread_mutex_destroy(&publisher->mutex);
	free(publisher);
}

/* ---- from any thread ---- */

void
ep_publisher_kick(struct ep_publisher *publisher)
{
	if (!publisher)
		return;
	pthread_mutex_lock(&publisher->mutex);
	publisher->kicked = true;
	pthread_cond_signal(&publisher->kick);
	pthread_mutex_unlock(&publisher->mutex);
}

void
ep_publisher_doubt(struct ep_publisher *publisher)
{
	if (publisher)
		atomic_store(&publisher->doubted, true);
}

void
ep_publisher_error(char error[EP_PUBLISHER_ERROR], struct ep_publisher *publisher)
{
	error[0] = '\0';
	if (!publisher)
		return;
	pthread_mutex_lock(&publisher->mutex);
	memcpy(error, publisher->error, EP_PUBLISHER_ERROR);
	pthread_mutex_unlock(&publisher->mutex);
}

uint64_t
ep_publisher_count(const struct ep_publisher *publisher)
{
	return publisher ? atomic_load(&publisher->count) : 0;
}
