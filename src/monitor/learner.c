#include "monitor/learner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Of the thread: the lowest there is. */
#define NICE 19

/* A piece that waits. */
struct item {
	struct item *next;
	struct ep_text stream;
	uint32_t number;
	struct ep_unknown_piece piece;
	int16_t *samples;
	char name[];
};

struct ep_learner {
	struct ep_learning_options options;
	struct ep_learning *learning; /* NULL before it was on */
	char said[sizeof((struct ep_error *)0)->text]; /* by the thread: the last failure */
	pthread_t thread;
	bool started;
	atomic_bool on;

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t wake;
	pthread_cond_t rest; /* nothing waits, and nothing is at hand */
	struct item *first;
	struct item **end;
	size_t waiting;
	bool busy;
	bool full; /* a piece was lost, and nothing was taken since */
	bool stop;
};

/* ---- the thread ---- */

static void
free_item(struct item *item)
{
	free(item->samples);
	free(item);
}

/* Takes the next piece, once there is one; NULL at the end. */
static struct item *
take_item(struct ep_learner *learner)
{
	pthread_mutex_lock(&learner->mutex);
	learner->busy = false;
	if (!learner->first)
		pthread_cond_broadcast(&learner->rest);
	while (!learner->first && !learner->stop)
		pthread_cond_wait(&learner->wake, &learner->mutex);
	struct item *item = learner->first;
	if (item) {
		learner->first = item->next;
		if (!learner->first)
			learner->end = &learner->first;
		learner->waiting--;
		learner->busy = true;
		learner->full = false;
	}
	pthread_mutex_unlock(&learner->mutex);
	return item;
}

/* Tells a failure that is another than the last. */
static void
say_failure(struct ep_learner *learner, const char *text)
{
	char line[sizeof learner->said + 32];
	if (strcmp(learner->said, text) == 0)
		return;
	memcpy(learner->said, text, strlen(text) + 1);
	snprintf(line, sizeof line, "cannot learn: %s", text);
	if (*text)
		learner->options.on_line(learner->options.context, line);
}

static void *
run(void *context)
{
	struct ep_learner *learner = context;
	struct item *item;
	/* On Linux this is of the thread. Without it, the thread is merely not so polite. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	while ((item = take_item(learner)) != NULL) {
		struct ep_error err = { 0 };
		enum ep_status status = ep_learning_take(learner->learning, item->stream,
		                                         item->number, &item->piece, &err);
		say_failure(learner, status == EP_OK ? "" : err.text);
		free_item(item);
	}
	return NULL;
}

/* ---- adding ---- */

static struct item *
copy_piece(struct ep_text stream, uint32_t number, const struct ep_unknown_piece *piece)
{
	struct item *item = calloc(1, sizeof *item + stream.size);
	int16_t *samples = malloc(piece->count * sizeof *samples + 1);
	if (!item || !samples) {
		free(item);
		free(samples);
		return NULL;
	}
	if (stream.size)
		memcpy(item->name, stream.at, stream.size);
	memcpy(samples, piece->samples, piece->count * sizeof *samples);
	item->stream = (struct ep_text){ item->name, stream.size };
	item->number = number;
	item->piece = *piece;
	item->piece.samples = samples;
	item->samples = samples;
	return item;
}

/* Puts an item behind those that wait; false where there are too many. *told says whether that was
 * so for the last one, too. */
static bool
push(bool *told, struct ep_learner *learner, struct item *item)
{
	pthread_mutex_lock(&learner->mutex);
	bool room = learner->waiting < EP_LEARNER_WAITING;
	*told = learner->full;
	learner->full = !room;
	if (room) {
		*learner->end = item;
		learner->end = &item->next;
		learner->waiting++;
		pthread_cond_signal(&learner->wake);
	}
	pthread_mutex_unlock(&learner->mutex);
	return room;
}

enum ep_status
ep_learner_add(struct ep_learner *learner, struct ep_text stream, uint32_t number,
               const struct ep_unknown_piece *piece, struct ep_error *err)
{
	bool told;
	if (!ep_learner_is_on(learner))
		return EP_OK;
	struct item *item = copy_piece(stream, number, piece);
	if (!item)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for unknown sound");
	if (push(&told, learner, item))
		return EP_OK;
	free_item(item);
	if (!told)
		learner->options.on_line(learner->options.context,
		                         "this machine is too slow to learn from all streams: "
		                         "some unknown sound was passed over");
	return EP_OK;
}

bool
ep_learner_flush(struct ep_learner *learner, int seconds)
{
	struct timespec until;
	int rc = 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&learner->mutex);
	while (rc == 0 && (learner->first || learner->busy))
		rc = pthread_cond_timedwait(&learner->rest, &learner->mutex, &until);
	pthread_mutex_unlock(&learner->mutex);
	return rc == 0;
}

/* ---- from start to stop ---- */

bool
ep_learner_is_on(const struct ep_learner *learner)
{
	return atomic_load(&learner->on);
}

static enum ep_status
start(struct ep_learner *learner, struct ep_error *err)
{
	if (!learner->learning)
		EP_TRY(ep_learning_open(&learner->learning, &learner->options, err));
	int rc = pthread_create(&learner->thread, NULL, run, learner);
	if (rc != 0)
		return ep_fail_errno(err, rc, "cannot start a thread");
	learner->started = true;
	return EP_OK;
}

enum ep_status
ep_learner_set(struct ep_learner *learner, bool on, struct ep_error *err)
{
	if (on && !learner->started)
		EP_TRY(start(learner, err));
	atomic_store(&learner->on, on);
	return EP_OK;
}

enum ep_status
ep_learner_new(struct ep_learner **out, const struct ep_learning_options *options,
               struct ep_error *err)
{
	struct ep_learner *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	made->options = *options;
	made->end = &made->first;
	pthread_mutex_init(&made->mutex, NULL);
	pthread_cond_init(&made->wake, NULL);
	pthread_cond_init(&made->rest, NULL);
	*out = made;
	return EP_OK;
}

void
ep_learner_free(struct ep_learner *learner)
{
	if (!learner)
		return;
	pthread_mutex_lock(&learner->mutex);
	learner->stop = true;
	pthread_cond_signal(&learner->wake);
	pthread_mutex_unlock(&learner->mutex);
	if (learner->started)
		pthread_join(learner->thread, NULL);
	ep_learning_close(learner->learning);
	pthread_mutex_destroy(&learner->mutex);
	pthread_cond_destroy(&learner->wake);
	pthread_cond_destroy(&learner->rest);
	free(learner);
}
