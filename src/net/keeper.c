#include "net/keeper.h"

#include "base/time.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often the log is looked at, and how long a failure is waited for, at least and at most. */
#define LOOK_S 0.2
#define WAIT_MIN_S 0.25
#define WAIT_MAX_S 60.0

struct ep_keeper {
	struct ep_keeper_options options;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	struct ep_error said; /* the failure that was told last; its text is empty while all is well
	                       */
};

static void
say(const struct ep_keeper *keeper, const char *text)
{
	char line[sizeof keeper->said.text + EP_SOURCE_NAME_MAX];
	snprintf(line, sizeof line, "%s: %s", keeper->options.name, text);
	keeper->options.on_line(keeper->options.line_context, false, line);
}

/* Tells what has changed since the last push. */
static void
tell(struct ep_keeper *keeper, enum ep_status status, const struct ep_error *err)
{
	const char *text = status == EP_OK ? "" : err->text;
	if (status == EP_INTERRUPTED || strcmp(keeper->said.text, text) == 0)
		return;
	say(keeper, status == EP_OK ? "in step again" : text);
	snprintf(keeper->said.text, sizeof keeper->said.text, "%s", text);
}

static void
rest(const struct ep_keeper *keeper, double seconds)
{
	double until = ep_clock_s() + seconds;
	while (!atomic_load(&keeper->stop) && ep_clock_s() < until)
		nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000000L }, NULL);
}

/* Pushes if the log is not at *pushed, which becomes the position that it was at. */
static enum ep_status
push(struct ep_keeper *keeper, uint64_t *pushed, struct ep_error *err)
{
	uint64_t position;
	EP_TRY(ep_log_position(&position, keeper->options.log, err));
	if (position == *pushed)
		return EP_OK;
	EP_TRY(keeper->options.push(keeper->options.context, &keeper->stop, err));
	*pushed = position;
	return EP_OK;
}

static void *
run(void *context)
{
	struct ep_keeper *keeper = context;
	uint64_t pushed = UINT64_MAX;
	double wait = WAIT_MIN_S;
	while (!atomic_load(&keeper->stop)) {
		struct ep_error err = { 0 };
		enum ep_status status = push(keeper, &pushed, &err);
		tell(keeper, status, &err);
		rest(keeper, status == EP_OK ? LOOK_S : wait);
		wait = status == EP_OK ? WAIT_MIN_S : 2 * wait < WAIT_MAX_S ? 2 * wait : WAIT_MAX_S;
	}
	return NULL;
}

enum ep_status
ep_keeper_start(struct ep_keeper **out, const struct ep_keeper_options *options,
                struct ep_error *err)
{
	EP_OWNED(ep_keeper_stop)
	struct ep_keeper *keeper = calloc(1, sizeof *keeper);
	if (!keeper)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	keeper->options = *options;
	int rc = pthread_create(&keeper->thread, NULL, run, keeper);
	if (rc != 0)
		return ep_fail_errno(err, rc, "cannot start a thread");
	keeper->started = true;
	*out = EP_TAKE(keeper);
	return EP_OK;
}

void
ep_keeper_stop(struct ep_keeper *keeper)
{
	if (!keeper)
		return;
	atomic_store(&keeper->stop, true);
	if (keeper->started)
		pthread_join(keeper->thread, NULL);
	free(keeper);
}
