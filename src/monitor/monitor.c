#include "monitor/monitor_internal.h"

#include "base/file.h"
#include "base/time.h"
#include "node/streams_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* How often it is noted until when streams were heard. */
#define NOTE_S 5.0

static void
on_line(void *context, const char *line)
{
	const struct ep_monitor *monitor = context;
	monitor->options.on_line(monitor->options.context, false, line);
}

static void
on_detail(void *context, bool detail, const char *line)
{
	const struct ep_monitor *monitor = context;
	monitor->options.on_line(monitor->options.context, detail, line);
}

static void
on_events(void *context)
{
	struct ep_monitor *monitor = context;
	atomic_store(&monitor->events, true);
	ep_webhook_kick(monitor->webhook);
}

/* ---- how all is ---- */

static const char *
folder_of(const struct ep_monitor *monitor)
{
	return ep_node_options(monitor->options.node)->folder;
}

static json_t *
state_json(struct ep_monitor *monitor)
{
	char now[EP_TIME_TEXT];
	ep_time_print(now, ep_time_now());
	json_t *list = json_array();
	for (size_t i = 0; i < monitor->count; i++)
		json_array_append_new(list,
		                      ep_channel_json(monitor->channels[i], monitor->streams));
	return json_pack("{s:s, s:o, s:o}", "time", now, "webhook",
	                 ep_webhook_json(monitor->webhook), "streams", list);
}

/* Leaves the state for others. That it cannot be written, they see by its age. */
static void
write_state(struct ep_monitor *monitor, bool running)
{
	json_t *json = state_json(monitor);
	if (json)
		json_object_set_new(json, "running", json_boolean(running));
	(void)!ep_streams_file_write(folder_of(monitor), json, NULL);
	json_decref(json);
}

static enum ep_status
note(struct ep_monitor *monitor, struct ep_error *err)
{
	for (size_t i = 0; i < monitor->count; i++)
		EP_TRY(ep_channel_tick(monitor->channels[i], err));
	write_state(monitor, true);
	ep_plays_check_readers(monitor->plays);
	monitor->noted_s = ep_clock_s();
	return EP_OK;
}

enum ep_status
ep_monitor_tick(struct ep_monitor *monitor, struct ep_error *err)
{
	ep_monitor_apply_rest(monitor);
	return ep_clock_s() - monitor->noted_s >= NOTE_S ? note(monitor, err) : EP_OK;
}

bool
ep_monitor_done(struct ep_monitor *monitor)
{
	for (size_t i = 0; i < monitor->count; i++) {
		if (!ep_channel_ended(monitor->channels[i]))
			return false;
	}
	return ep_learner_flush(monitor->learner, 1) && ep_recorder_flush(monitor->recorder, 1);
}

/* ---- events ---- */

static enum ep_status
tell_next(struct ep_monitor *monitor, const struct ep_plays_read *read, ep_monitor_sink *sink,
          void *context, struct ep_error *err)
{
	struct ep_play_event event;
	struct ep_logged_play play;
	struct ep_logged_stream stream;
	EP_TRY(ep_plays_next_event(&event, read, monitor->told, err));
	EP_TRY(ep_plays_play(&play, read, event.play, err));
	EP_TRY(ep_plays_stream(&stream, read, play.stream, err));
	EP_TRY(sink(context, &event, &play, &stream, err));
	monitor->told = event.position;
	return EP_OK;
}

enum ep_status
ep_monitor_news(struct ep_monitor *monitor, ep_monitor_sink *sink, void *context,
                struct ep_error *err)
{
	if (!atomic_exchange(&monitor->events, false))
		return EP_OK;
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	EP_TRY(ep_plays_read_begin(&read, monitor->plays, err));
	enum ep_status status;
	do
		status = tell_next(monitor, read, sink, context, err);
	while (status == EP_OK);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static enum ep_status
skip_events(struct ep_monitor *monitor, struct ep_error *err)
{
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	EP_TRY(ep_plays_read_begin(&read, monitor->plays, err));
	return ep_plays_position(&monitor->told, read, err);
}

/* ---- from start to stop ---- */

static enum ep_status
lock_folder(struct ep_monitor *monitor, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder_of(monitor), "monitor.lock");
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	monitor->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (monitor->lock_fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	if (flock(monitor->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "another `monitor` is running on the data folder %s; add streams to "
		               "its configuration, or use another data folder",
		               folder_of(monitor));
	return EP_OK;
}

static enum ep_status
wait_for_index(struct ep_monitor *monitor, struct ep_error *err)
{
	const atomic_bool *stop = ep_node_options(monitor->options.node)->stop;
	while (!ep_query_service_ready(monitor->queries)) {
		if (stop && atomic_load(stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return EP_OK;
}

static enum ep_status
start(struct ep_monitor *monitor, struct ep_error *err)
{
	struct ep_recorder_options recorder = { .on_line = on_line,
		                                .on_events = on_events,
		                                .context = monitor };
	struct ep_learning_options learner = { .node = monitor->options.node,
		                               .on_line = on_line,
		                               .context = monitor };
	EP_TRY(lock_folder(monitor, err));
	EP_TRY(ep_plays_open(&monitor->plays, folder_of(monitor), true,
	                     ep_node_options(monitor->options.node)->map_size, err));
	EP_TRY(skip_events(monitor, err));
	EP_TRY(ep_query_service_start(&monitor->queries, monitor->options.node, on_detail, monitor,
	                              err));
	EP_TRY(wait_for_index(monitor, err));
	EP_TRY(ep_webhook_start(&monitor->webhook, monitor->plays, on_line, monitor, err));
	recorder.plays = monitor->plays;
	EP_TRY(ep_recorder_start(&monitor->recorder, &recorder, err));
	learner.queries = monitor->queries;
	learner.recorder = monitor->recorder;
	EP_TRY(ep_learner_new(&monitor->learner, &learner, err));
	return ep_streams_open(&monitor->streams, &ep_channel_calls, err);
}

enum ep_status
ep_monitor_start(struct ep_monitor **out, const struct ep_monitor_options *options,
                 struct ep_error *err)
{
	EP_OWNED(ep_monitor_stop)
	struct ep_monitor *monitor = calloc(1, sizeof *monitor);
	if (!monitor)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	monitor->options = *options;
	monitor->lock_fd = -1;
	EP_TRY(start(monitor, err));
	*out = EP_TAKE(monitor);
	return EP_OK;
}

/* Ends the streams, and writes what they have heard. */
static void
stop_streams(struct ep_monitor *monitor)
{
	if (!monitor->streams)
		return;
	write_state(monitor, false);
	for (size_t i = 0; i < monitor->count; i++)
		ep_streams_stop(monitor->streams, monitor->channels[i]);
	for (size_t i = 0; i < monitor->count; i++)
		ep_streams_remove(monitor->streams, monitor->channels[i]);
	for (size_t i = 0; i < monitor->count; i++) {
		(void)!ep_channel_tick(monitor->channels[i], NULL);
		(void)!ep_channel_leave(monitor->channels[i], NULL);
	}
	ep_streams_close(monitor->streams);
}

void
ep_monitor_stop(struct ep_monitor *monitor)
{
	if (!monitor)
		return;
	stop_streams(monitor);
	ep_learner_free(monitor->learner);
	ep_recorder_stop(monitor->recorder);
	ep_webhook_stop(monitor->webhook);
	for (size_t i = 0; i < monitor->count; i++)
		ep_channel_free(monitor->channels[i]);
	free(monitor->channels);
	ep_monitor_config_free(&monitor->rest);
	ep_query_service_stop(monitor->queries);
	ep_plays_close(monitor->plays);
	if (monitor->lock_fd >= 0)
		close(monitor->lock_fd);
	free(monitor);
}
