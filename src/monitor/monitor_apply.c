#include "monitor/monitor_internal.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a change of the streams waits for what was heard to be written, in seconds, and after
 * how long it is tried again. Nothing else is done while it waits. */
#define FLUSH_S 5
#define RETRY_S 5.0

static struct ep_channel *
find(const struct ep_monitor *monitor, const struct ep_stream_config *config)
{
	for (size_t i = 0; i < monitor->count; i++) {
		if (ep_channel_is(monitor->channels[i], config))
			return monitor->channels[i];
	}
	return NULL;
}

/* Whether a channel is as a config says. */
static bool
stays(const struct ep_channel *channel, const struct ep_monitor_config *config)
{
	const struct ep_stream_config *wanted =
		ep_monitor_config_find(config, ep_channel_name(channel));
	return wanted && ep_channel_is(channel, wanted);
}

/* Takes away channels that are not as a config says; those whose streams it does not have are
 * retired. */
static enum ep_status
remove_others(struct ep_monitor *monitor, const struct ep_monitor_config *config,
              struct ep_error *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < monitor->count; i++) {
		if (!stays(monitor->channels[i], config))
			ep_streams_stop(monitor->streams, monitor->channels[i]);
	}
	for (size_t i = 0; i < monitor->count; i++) {
		struct ep_channel *channel = monitor->channels[i];
		if (stays(channel, config)) {
			monitor->channels[kept++] = channel;
			continue;
		}
		ep_streams_remove(monitor->streams, channel);
		(void)!ep_channel_tick(channel, err);
		(void)!ep_channel_leave(channel, err);
		if (!ep_monitor_config_find(config, ep_channel_name(channel)))
			ep_channel_retire(channel);
		ep_channel_free(channel);
	}
	monitor->count = kept;
	/* A new channel of the same stream takes up what the log has. */
	return ep_recorder_flush(monitor->recorder, FLUSH_S)
	               ? EP_OK
	               : ep_fail(err, EP_IO, "the log of plays cannot be written");
}

static void
on_line(void *context, const char *line)
{
	const struct ep_monitor *monitor = context;
	monitor->options.on_line(monitor->options.context, false, line);
}

static enum ep_status
add_channel(struct ep_monitor *monitor, const struct ep_stream_config *config, struct ep_error *err)
{
	struct ep_channel_options options = { .config = config,
		                              .plays = monitor->plays,
		                              .queries = monitor->queries,
		                              .recorder = monitor->recorder,
		                              .learner = monitor->learner,
		                              .on_line = on_line,
		                              .context = monitor };
	EP_OWNED(ep_channel_free)
	struct ep_channel *channel = NULL;
	EP_TRY(ep_channel_new(&channel, &options, err));
	EP_TRY(ep_streams_add(monitor->streams, ep_channel_url(channel), channel, err));
	monitor->channels[monitor->count++] = EP_TAKE(channel);
	return EP_OK;
}

/* Adds those that are not there. What is wrong with one is told, unless that was so before, and the
 * first is kept in err: rather what may be well the next time. */
static enum ep_status
add_new(struct ep_monitor *monitor, const struct ep_monitor_config *config, struct ep_error *err)
{
	enum ep_status result = EP_OK;
	for (size_t i = 0; i < config->count; i++) {
		const struct ep_stream_config *wanted = &config->streams[i];
		struct ep_error of_one = { 0 };
		enum ep_status status =
			find(monitor, wanted) ? EP_OK : add_channel(monitor, wanted, &of_one);
		if (status == EP_OK)
			continue;
		ep_error_prefix(&of_one, "stream \"%.*s\": ", ep_text_print_size(wanted->name),
		                wanted->name.at);
		if (status == EP_BAD_INPUT && !monitor->has_rest)
			on_line(monitor, of_one.text);
		if (result == EP_OK || (result == EP_BAD_INPUT && status != EP_BAD_INPUT))
			result = ep_fail(err, status, "%s", of_one.text);
	}
	return result;
}

struct retiring {
	struct ep_monitor *monitor;
	const struct ep_monitor_config *config;
};

/* Ends what plays on a stream that a config does not have. */
static enum ep_status
retire(void *context, const struct ep_logged_stream *stream, struct ep_error *err)
{
	const struct retiring *retiring = context;
	if (stream->play == 0 || ep_monitor_config_find(retiring->config, stream->name))
		return EP_OK;
	struct ep_change change = { .kind = EP_CHANGE_END,
		                    .stream = stream->number,
		                    .at_ms = INT64_MAX };
	return ep_recorder_add(retiring->monitor->recorder, &change, err);
}

/* Of streams that were taken out of the config while no monitor ran. */
static enum ep_status
retire_others(struct ep_monitor *monitor, const struct ep_monitor_config *config,
              struct ep_error *err)
{
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	struct retiring retiring = { monitor, config };
	EP_TRY(ep_plays_read_begin(&read, monitor->plays, err));
	return ep_plays_each_stream(read, retire, &retiring, err);
}

static enum ep_status
apply(struct ep_monitor *monitor, const struct ep_monitor_config *config, struct ep_error *err)
{
	size_t most = monitor->count + config->count;
	struct ep_channel **more =
		realloc(monitor->channels, (most + 1) * sizeof(struct ep_channel *));
	if (!more)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	monitor->channels = more;
	EP_TRY(ep_learner_set(monitor->learner, config->learn, err));
	EP_TRY(remove_others(monitor, config, err));
	EP_TRY(retire_others(monitor, config, err));
	EP_TRY(ep_webhook_set(monitor->webhook, config, err));
	return add_new(monitor, config, err);
}

/* Whether a config is not applied completely, but may be later. */
static bool
is_half_done(enum ep_status status)
{
	return status != EP_OK && status != EP_BAD_INPUT;
}

/* Notes what applying the config that is kept has come to; gives whether it failed as before. */
static bool
note(struct ep_monitor *monitor, enum ep_status status, const char *why)
{
	bool same = strcmp(monitor->rest_why, why) == 0;
	monitor->has_rest = is_half_done(status);
	monitor->rest_s = ep_clock_s();
	memcpy(monitor->rest_why, why, strlen(why) + 1);
	if (!monitor->has_rest)
		ep_monitor_config_free(&monitor->rest);
	return same;
}

enum ep_status
ep_monitor_apply(struct ep_monitor *monitor, struct ep_monitor_config *config, struct ep_error *err)
{
	struct ep_error why = { 0 };
	ep_monitor_config_free(&monitor->rest);
	monitor->has_rest = false;
	monitor->rest = *config;
	*config = (struct ep_monitor_config){ 0 };
	enum ep_status status = apply(monitor, &monitor->rest, &why);
	(void)note(monitor, status, why.text);
	return status == EP_OK ? EP_OK : ep_fail(err, status, "%s", why.text);
}

void
ep_monitor_apply_rest(struct ep_monitor *monitor)
{
	struct ep_error why = { 0 };
	if (!monitor->has_rest || ep_clock_s() - monitor->rest_s < RETRY_S)
		return;
	enum ep_status status = apply(monitor, &monitor->rest, &why);
	bool same = note(monitor, status, why.text);
	/* What is wrong with a single stream may be seen only now. */
	if (status == EP_BAD_INPUT)
		on_line(monitor, why.text);
	if (!monitor->has_rest)
		on_line(monitor, "the new configuration is taken completely");
	else if (!same)
		on_line(monitor, why.text);
}
