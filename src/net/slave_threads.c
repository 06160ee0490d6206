#include "net/slave_threads.h"

#include "base/time.h"
#include "net/way.h"
#include "peer/peer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long the master is asked to wait for news (by a mirror: between the waits it looks at its
 * files), and the pause where it does not. */
#define WAIT_S 25
#define MIRROR_WAIT_S 5
#define PAUSE_S 5.0

/* A master that waits, and has nothing new after less than this, does not wait. */
#define SHORTEST_WAIT_S 0.5

/* How long the feed may take to show what the master has taken, in seconds. */
#define PATIENCE_S 60

/* What was over a limit of the master is sent again so often, in seconds. */
#define RETRY_S 3600

/* How often the log is looked at for local changes. */
#define LOOK_S 0.05

/* The first pause after a failure, and the longest. */
#define FIRST_PAUSE_S 0.25
#define LAST_PAUSE_S 60.0

/* How often that all is well is noted beside the log. */
#define NOTE_S 60.0

struct ep_slave_threads {
	struct ep_slave_threads_options options;
	atomic_bool stop;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_t threads[2];
	unsigned thread_count;
};

/* One of the two threads: what it does, and how it went. */
struct side {
	struct ep_slave_threads *slave;
	struct ep_way *way;
	enum ep_way_end end;
	unsigned failures;
	char said[sizeof((struct ep_error *)0)->text]; /* of the last failure */
	double noted;
	struct ep_feed_request request;
	uint64_t looked; /* position of the log when nothing local was left */
	uint64_t looked_at; /* position of the feed then */
	int64_t retried; /* when what was over a limit was sent again */
};

/* Sleeps; less, when it is to stop. */
static void
rest(struct ep_slave_threads *slave, double seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t nanoseconds = until.tv_nsec + (int64_t)(seconds * 1e9);
	until.tv_sec += (time_t)(nanoseconds / 1000000000);
	until.tv_nsec = (long)(nanoseconds % 1000000000);
	pthread_mutex_lock(&slave->mutex);
	int rc = 0;
	while (!atomic_load(&slave->stop) && rc == 0)
		rc = pthread_cond_timedwait(&slave->wake, &slave->mutex, &until);
	pthread_mutex_unlock(&slave->mutex);
}

/* Between half and one and a half of seconds. */
static double
jitter(double seconds)
{
	return seconds * (0.5 + (double)randombytes_uniform(1000) / 1000);
}

static void say(const struct side *side, const char *fmt, ...) EP_PRINTF(2, 3);

static void
say(const struct side *side, const char *fmt, ...)
{
	char line[600];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	side->slave->options.on_line(side->slave->options.context, line);
}

/* Takes note of how it went; gives how long to pause after a failure, else 0. */
static double
settle(struct side *side, enum ep_status status, const struct ep_error *err)
{
	struct ep_log *log = side->slave->options.log;
	if (status == EP_INTERRUPTED)
		return 0;
	double now = ep_clock_s();
	if (status == EP_OK) {
		if (side->failures > 0)
			say(side, "the master can be reached again");
		if (side->failures > 0 || now - side->noted > NOTE_S) {
			ep_sync_note(log, EP_OK, NULL);
			side->noted = now;
		}
		side->failures = 0;
		side->said[0] = '\0';
		return 0;
	}
	if (strcmp(side->said, err->text) != 0) {
		say(side, "%s", err->text);
		memcpy(side->said, err->text, sizeof side->said);
		ep_sync_note(log, status, err);
	}
	double pause = FIRST_PAUSE_S;
	for (unsigned i = 0; i < side->failures && pause < LAST_PAUSE_S; i++)
		pause *= 2;
	side->failures++;
	return jitter(pause < LAST_PAUSE_S ? pause : LAST_PAUSE_S);
}

/* ---- fetching ---- */

/* One round; gives how long to pause. */
static double
fetch(struct side *side)
{
	const struct ep_slave_threads_options *given = &side->slave->options;
	struct ep_sync_report report = { 0 };
	struct ep_error err = { 0 };
	struct ep_sync_options options = {
		.patience_s = PATIENCE_S,
		.name = given->name,
		.mirror = given->mirror,
		.request = &side->request,
		.stop = &side->slave->stop,
	};
	bool known = side->request.tag[0] != '\0';
	double asked = ep_clock_s();
	/* After a failure, what is wrong is asked for at once. */
	side->request.wait_s = side->failures ? 0 : given->mirror ? MIRROR_WAIT_S : WAIT_S;
	enum ep_status status =
		ep_fetch(&report, given->log, ep_way_transport(side->way), &options, &err);
	if (report.packets)
		say(side,
		    "fetched position %" PRIu64 " to %" PRIu64 ": %" PRIu64 " bytes, %" PRIu64
		    " documents changed, %" PRIu64 " tracks deleted%s",
		    report.from, report.to, report.bytes, report.documents, report.deleted,
		    report.proof == EP_PROOF_EQUAL ? ", equal" : "");
	if (status == EP_OK && side->request.changed && given->mirror && given->on_news)
		given->on_news(given->context);
	double pause = settle(side, status, &err);
	bool hasty = known && report.packets == 0 && ep_clock_s() - asked < SHORTEST_WAIT_S;
	return pause > 0 || (side->request.waits && !hasty) ? pause : jitter(PAUSE_S);
}

/* ---- contributing ---- */

/* Whether the log has changed since nothing local was left, and something local is there now. */
static enum ep_status
anything_local(struct side *side, bool *any, bool *retry, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	struct ep_master master;
	struct ep_pending pending;
	*any = false;
	*retry = false;
	EP_TRY(ep_log_read_begin(&read, side->slave->options.log, err));
	ep_log_state(&state, read);
	EP_TRY(ep_master_load(&master, read, err));
	if (state.position == side->looked && master.position == side->looked_at && !master.shows &&
	    ep_time_now() - side->retried < RETRY_S)
		return EP_OK;
	EP_TRY(ep_sync_pending(&pending, read, err));
	*retry = pending.full > 0 && ep_time_now() - side->retried >= RETRY_S;
	*any = pending.unsent > 0 || master.shows || *retry;
	if (!*any)
		side->looked = state.position;
	side->looked_at = master.position;
	return EP_OK;
}

static double
contribute(struct side *side)
{
	const struct ep_slave_threads_options *given = &side->slave->options;
	struct ep_sync_report report = { 0 };
	struct ep_error err = { 0 };
	struct ep_sync_options options = { .name = given->name, .stop = &side->slave->stop };
	bool any;
	enum ep_status status = anything_local(side, &any, &options.retry, &err);
	if (options.retry)
		side->retried = ep_time_now();
	if (status == EP_OK && any)
		status = ep_contribute(&report, given->log, ep_way_transport(side->way), &options,
		                       &err);
	if (report.contributed)
		say(side,
		    "contributed %" PRIu64 " tracks: %" PRIu64 " new, %" PRIu64 " updated, %" PRIu64
		    " in conflict, %" PRIu64 " rejected",
		    report.contributed, report.outcomes[EP_OUTCOME_NEW],
		    report.outcomes[EP_OUTCOME_UPDATED], report.outcomes[EP_OUTCOME_CONFLICT],
		    report.outcomes[EP_OUTCOME_REJECTED]);
	double pause = status == EP_OK && !any ? 0 : settle(side, status, &err);
	return pause > 0 ? pause : report.waits ? jitter(PAUSE_S) : LOOK_S;
}

/* ---- the threads ---- */

static void
run(struct ep_slave_threads *slave, enum ep_way_end end, double (*round)(struct side *side))
{
	struct side side = { .slave = slave, .end = end };
	while (!atomic_load(&slave->stop)) {
		struct ep_error err = { 0 };
		enum ep_status status = EP_OK;
		if (!side.way)
			status = ep_way_of_master(&side.way, end, slave->options.log, &slave->stop,
			                          &err);
		rest(slave, status == EP_OK ? round(&side) : settle(&side, status, &err));
	}
	ep_way_close(side.way);
}

static void *
fetch_thread(void *context)
{
	run(context, EP_WAY_FEED, fetch);
	return NULL;
}

static void *
contribute_thread(void *context)
{
	run(context, EP_WAY_MASTER, contribute);
	return NULL;
}

enum ep_status
ep_slave_threads_start(struct ep_slave_threads **out,
                       const struct ep_slave_threads_options *options, struct ep_error *err)
{
	static void *(*const bodies[])(void *) = { fetch_thread, contribute_thread };
	struct ep_slave_threads *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&made->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&made->mutex, NULL);
	made->options = *options;
	EP_OWNED(ep_slave_threads_stop)
	struct ep_slave_threads *slave = made;
	while (slave->thread_count < 2) {
		int rc = pthread_create(&slave->threads[slave->thread_count], NULL,
		                        bodies[slave->thread_count], slave);
		if (rc != 0)
			return ep_fail_errno(err, rc, "cannot start a thread");
		slave->thread_count++;
	}
	*out = EP_TAKE(slave);
	return EP_OK;
}

void
ep_slave_threads_stop(struct ep_slave_threads *slave)
{
	if (!slave)
		return;
	pthread_mutex_lock(&slave->mutex);
	atomic_store(&slave->stop, true);
	pthread_cond_broadcast(&slave->wake);
	pthread_mutex_unlock(&slave->mutex);
	for (unsigned i = 0; i < slave->thread_count; i++)
		pthread_join(slave->threads[i], NULL);
	pthread_cond_destroy(&slave->wake);
	pthread_mutex_destroy(&slave->mutex);
	free(slave);
}
