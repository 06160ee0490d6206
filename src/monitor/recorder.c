#include "monitor/recorder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_S 1

/* A change that waits, and its texts. */
struct item {
	struct item *next;
	struct ep_change change;
	char text[];
};

struct ep_recorder {
	struct ep_recorder_options options;
	pthread_t thread;
	bool started;
	char said[sizeof((struct ep_error *)0)->text]; /* by the thread: the last failure */
	bool said_dropped; /* by the thread: and that changes are dropped */

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t wake;
	struct item *first;
	struct item **end;
	size_t heard; /* those that wait and only say until when something was heard */
	size_t dropped; /* of these, since the log could be written */
	bool busy; /* the thread writes what it took */
	pthread_cond_t rest; /* nothing waits, and nothing is written */
	bool stop;
};

/* ---- adding ---- */

static void
free_items(struct item *item)
{
	while (item) {
		struct item *next = item->next;
		free(item);
		item = next;
	}
}

/* Whether a change only says until when something was heard. */
static bool
is_heard(const struct item *item)
{
	return item->change.kind == EP_CHANGE_HEAR || item->change.kind == EP_CHANGE_HEARD;
}

/* Drops the oldest of these where there are too many: half of them, so that it is seldom done. With
 * the mutex. */
static void
drop_oldest(struct ep_recorder *recorder)
{
	struct item **at = &recorder->first;
	if (recorder->heard <= EP_RECORDER_HEARD_MAX)
		return;
	while (recorder->heard > EP_RECORDER_HEARD_MAX / 2) {
		struct item *item = *at;
		if (!is_heard(item)) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		if (!*at)
			recorder->end = at;
		free(item);
		recorder->heard--;
		recorder->dropped++;
	}
}

/* The texts of a change, all of them. */
#define TEXTS 6
static void
texts_of(struct ep_text *texts[TEXTS], struct ep_change *change)
{
	struct ep_logged_play *play = &change->play;
	struct ep_text *const all[TEXTS] = { &change->reason, &play->track_id, &play->artist,
		                             &play->release,  &play->track,    &play->fields };
	memcpy(texts, all, sizeof all);
}

static struct item *
copy_change(const struct ep_change *change)
{
	struct ep_change copy = *change;
	struct ep_text *texts[TEXTS];
	size_t size = 0;
	texts_of(texts, &copy);
	for (size_t i = 0; i < TEXTS; i++)
		size += texts[i]->size;
	struct item *item = malloc(sizeof *item + size);
	if (!item)
		return NULL;
	char *to = item->text;
	for (size_t i = 0; i < TEXTS; i++) {
		if (texts[i]->size)
			memcpy(to, texts[i]->at, texts[i]->size);
		texts[i]->at = to;
		to += texts[i]->size;
	}
	item->next = NULL;
	item->change = copy;
	return item;
}

enum ep_status
ep_recorder_add(struct ep_recorder *recorder, const struct ep_change *change, struct ep_error *err)
{
	struct item *item = copy_change(change);
	if (!item)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the log of plays");
	pthread_mutex_lock(&recorder->mutex);
	*recorder->end = item;
	recorder->end = &item->next;
	recorder->heard += is_heard(item);
	drop_oldest(recorder);
	pthread_cond_signal(&recorder->wake);
	pthread_mutex_unlock(&recorder->mutex);
	return EP_OK;
}

/* ---- writing ---- */

static enum ep_status
write_change(struct ep_plays_write *write, const struct ep_change *change, struct ep_error *err)
{
	switch (change->kind) {
	case EP_CHANGE_BEGIN:
		return ep_plays_begin(write, &change->play, err);
	case EP_CHANGE_PLAYED:
		return ep_plays_add(write, &change->play, err);
	case EP_CHANGE_HEAR:
		return ep_plays_hear(write, change->stream, change->at_ms, err);
	case EP_CHANGE_END:
		return ep_plays_end(write, change->stream, change->at_ms, err);
	case EP_CHANGE_HEARD:
		return ep_plays_heard(write, change->stream, change->at_ms, err);
	case EP_CHANGE_LOSE:
		return ep_plays_lose(write, change->stream, change->at_ms, change->reason, err);
	case EP_CHANGE_REGAIN:
		return ep_plays_regain(write, change->stream, change->at_ms, err);
	}
	return EP_OK;
}

static enum ep_status
write_items(bool *events, struct ep_recorder *recorder, const struct item *item,
            struct ep_error *err)
{
	EP_OWNED(ep_plays_abort)
	struct ep_plays_write *write = NULL;
	uint64_t before;
	uint64_t after;
	EP_TRY(ep_plays_write_begin(&write, recorder->options.plays, err));
	EP_TRY(ep_plays_position(&before, ep_plays_inside(write), err));
	for (; item; item = item->next)
		EP_TRY(write_change(write, &item->change, err));
	EP_TRY(ep_plays_position(&after, ep_plays_inside(write), err));
	EP_TRY(ep_plays_commit(EP_TAKE(write), err));
	*events = after > before;
	return EP_OK;
}

/* Tells a failure that is another than the last. */
static void
say(struct ep_recorder *recorder, const char *text)
{
	if (strcmp(recorder->said, text) == 0)
		return;
	recorder->options.on_line(recorder->options.context,
	                          *text ? text : "the log of plays can be written again");
	memcpy(recorder->said, text, strlen(text) + 1);
}

/* Tells that changes are dropped, when that begins, and when it is over how many they were. */
static void
say_dropped(struct ep_recorder *recorder, bool over)
{
	char line[128] = "too much waits for the log of plays: the oldest notes of until when "
			 "streams were heard are dropped";
	pthread_mutex_lock(&recorder->mutex);
	size_t dropped = recorder->dropped;
	if (over)
		recorder->dropped = 0;
	pthread_mutex_unlock(&recorder->mutex);
	if (over)
		snprintf(line, sizeof line,
		         "%zu notes of until when streams were heard were dropped", dropped);
	if (dropped > 0 && (over || !recorder->said_dropped))
		recorder->options.on_line(recorder->options.context, line);
	recorder->said_dropped = dropped > 0 && !over;
}

/* Takes what waits, once something does; NULL at the end. */
static struct item *
take_items(struct ep_recorder *recorder)
{
	pthread_mutex_lock(&recorder->mutex);
	recorder->busy = false;
	if (!recorder->first)
		pthread_cond_broadcast(&recorder->rest);
	while (!recorder->first && !recorder->stop)
		pthread_cond_wait(&recorder->wake, &recorder->mutex);
	struct item *items = EP_TAKE(recorder->first);
	recorder->end = &recorder->first;
	recorder->heard = 0;
	recorder->busy = true;
	pthread_mutex_unlock(&recorder->mutex);
	return items;
}

/* Puts back what could not be written, before what has come since, and waits. False where the end
 * has come: then it is lost. */
static bool
put_back(struct ep_recorder *recorder, struct item *items)
{
	struct item **last = &items;
	size_t heard = 0;
	for (; *last; last = &(*last)->next)
		heard += is_heard(*last);
	pthread_mutex_lock(&recorder->mutex);
	*last = recorder->first;
	if (!recorder->first)
		recorder->end = last;
	recorder->first = items;
	recorder->heard += heard;
	drop_oldest(recorder);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RETRY_S;
	int rc = 0;
	while (!recorder->stop && rc == 0)
		rc = pthread_cond_timedwait(&recorder->wake, &recorder->mutex, &until);
	bool go_on = !recorder->stop;
	pthread_mutex_unlock(&recorder->mutex);
	return go_on;
}

bool
ep_recorder_flush(struct ep_recorder *recorder, int seconds)
{
	struct timespec until;
	int rc = 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&recorder->mutex);
	while (rc == 0 && (recorder->first || recorder->busy))
		rc = pthread_cond_timedwait(&recorder->rest, &recorder->mutex, &until);
	pthread_mutex_unlock(&recorder->mutex);
	return rc == 0;
}

static void *
run(void *context)
{
	struct ep_recorder *recorder = context;
	struct item *items;
	while ((items = take_items(recorder)) != NULL) {
		struct ep_error err = { 0 };
		bool events = false;
		enum ep_status status = write_items(&events, recorder, items, &err);
		say(recorder, status == EP_OK ? "" : err.text);
		say_dropped(recorder, status == EP_OK);
		if (status == EP_OK)
			free_items(items);
		else if (!put_back(recorder, items))
			break;
		if (events)
			recorder->options.on_events(recorder->options.context);
	}
	say_dropped(recorder, true);
	return NULL;
}

/* ---- from start to stop ---- */

enum ep_status
ep_recorder_start(struct ep_recorder **out, const struct ep_recorder_options *options,
                  struct ep_error *err)
{
	struct ep_recorder *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	made->options = *options;
	made->end = &made->first;
	pthread_mutex_init(&made->mutex, NULL);
	pthread_cond_init(&made->wake, NULL);
	pthread_cond_init(&made->rest, NULL);
	EP_OWNED(ep_recorder_stop)
	struct ep_recorder *recorder = made;
	int rc = pthread_create(&recorder->thread, NULL, run, recorder);
	if (rc != 0)
		return ep_fail_errno(err, rc, "cannot start a thread");
	recorder->started = true;
	*out = EP_TAKE(recorder);
	return EP_OK;
}

void
ep_recorder_stop(struct ep_recorder *recorder)
{
	if (!recorder)
		return;
	pthread_mutex_lock(&recorder->mutex);
	recorder->stop = true;
	pthread_cond_signal(&recorder->wake);
	pthread_mutex_unlock(&recorder->mutex);
	if (recorder->started)
		pthread_join(recorder->thread, NULL);
	free_items(recorder->first);
	pthread_mutex_destroy(&recorder->mutex);
	pthread_cond_destroy(&recorder->wake);
	pthread_cond_destroy(&recorder->rest);
	free(recorder);
}
