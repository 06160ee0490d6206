#include "cli/hangup.h"
#include "cli/logging.h"
#include "cli/monitor_watch.h"
#include "cli/open_node.h"
#include "cli/reload.h"
#include "monitor/monitor.h"
#include "node/play_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	OPTION_CONFIG,
	OPTION_CHECK,
	OPTION_EVENTS,
	OPTION_LEARN,
	OPTION_LOG_FORMAT,
	OPTION_LOG_LEVEL
};

static const struct ep_option options[] = {
	[OPTION_CONFIG] = { "config", 'c', "FILE", "streams and webhook, as this file says" },
	[OPTION_CHECK] = { "check-config", 0, NULL, "check the file, and monitor nothing" },
	[OPTION_EVENTS] = { "events", 0, "WHICH",
	                    "print plays when they have begun, ended, or both (default)" },
	[OPTION_LEARN] = { "learn", 0, NULL, "keep unknown sound that is played again, as tracks" },
	[OPTION_LOG_FORMAT] = EP_OPTION_LOG_FORMAT,
	[OPTION_LOG_LEVEL] = EP_OPTION_LOG_LEVEL,
	{ 0 },
};
static const struct ep_choices choices[] = {
	{ "events", "begun ended both" },
	EP_CHOICES_OF_LOGS,
	{ 0 },
};

struct session {
	const struct ep_call *call;
	struct ep_monitor *monitor;
	bool tells_begun;
	bool tells_ended;
};

static void
on_line(void *context, bool detail, const char *line)
{
	(void)context;
	ep_tell(detail ? EP_LEVEL_DEBUG : EP_LEVEL_INFO, "%s", line);
}

/* ---- what is printed ---- */

static void
print_words(const struct ep_logged_play *play, const struct ep_logged_stream *stream, bool begun)
{
	char moment[EP_TIME_TEXT];
	ep_play_moment(moment, play->start_ms);
	printf("%s\t", moment);
	ep_play_moment(moment, play->end_ms);
	printf("%s\t", begun ? "-" : moment);
	ep_print_text(stream->name);
	printf("\t");
	ep_print_text(play->track_id);
	printf("\t%" PRIu32 "\t", play->score);
	ep_print_text(play->artist);
	printf("\t");
	ep_print_text(play->track);
	printf("\n");
}

static enum ep_status
on_event(void *context, const struct ep_play_event *event, const struct ep_logged_play *play,
         const struct ep_logged_stream *stream, struct ep_error *err)
{
	const struct session *session = context;
	bool begun = event->kind == EP_PLAY_BEGUN;
	bool good = true;
	if (!(begun ? session->tells_begun : session->tells_ended))
		return EP_OK;
	if (session->call->json)
		good = ep_print_json(ep_play_json(play, stream,
		                                  begun ? EP_PLAY_TOLD_BEGUN : EP_PLAY_TOLD_NOW),
		                     EP_EXIT_DONE) == EP_EXIT_DONE;
	else
		print_words(play, stream, begun);
	return good && fflush(stdout) == 0 ? EP_OK
	                                   : ep_fail(err, EP_IO, "cannot write to standard output");
}

/* ---- the configuration ---- */

static enum ep_status
read_config(struct ep_monitor_config *config, const struct ep_call *call, struct ep_error *err)
{
	if (call->values[OPTION_CONFIG])
		EP_TRY(ep_monitor_config_read(config, call->values[OPTION_CONFIG], err));
	if (call->values[OPTION_LEARN])
		config->learn = true;
	for (size_t i = 0; i < call->argument_count; i++)
		EP_TRY(ep_monitor_config_add(config, call->arguments[i], err));
	return EP_OK;
}

/* Takes the streams of the file as it is now; one that is wrong changes nothing. */
static void
reload(struct session *session)
{
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	struct ep_error err;
	if (read_config(&config, session->call, &err) != EP_OK) {
		ep_tell(EP_LEVEL_ERROR, "%s", err.text);
		ep_tell(EP_LEVEL_ERROR, "the configuration stays as it was");
		return;
	}
	size_t count = config.count;
	/* What is wrong with a single stream was told. */
	enum ep_status status = ep_monitor_apply(session->monitor, &config, &err);
	if (status == EP_OK || status == EP_BAD_INPUT)
		ep_say("took the new configuration: %s", ep_counted(count, "stream"));
	else
		ep_tell(EP_LEVEL_WARNING,
		        "the new configuration is not taken completely, and is tried again: %s",
		        err.text);
}

/* Takes the settings of logs as they are now. */
static bool
reload_settings(const struct ep_call *call)
{
	EP_OWNED(ep_settings_free)
	struct ep_settings *next = NULL;
	bool taken = ep_reload(&next, call->settings);
	if (taken)
		ep_say("read the settings again");
	return taken;
}

static enum ep_exit
check_config(const struct ep_call *call)
{
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	struct ep_error err;
	if (read_config(&config, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(json_pack("{s:I, s:b}", "streams", (json_int_t)config.count,
		                               "webhook", config.webhook != NULL),
		                     EP_EXIT_DONE);
	printf("%s; %s\n", ep_counted(config.count, "stream"),
	       !config.webhook      ? "no webhook"
	       : config.secret.size ? "a webhook, signed"
	                            : "a webhook, not signed");
	return EP_EXIT_DONE;
}

/* ---- from start to end ---- */

static enum ep_status
turn(struct session *session, struct ep_error *err)
{
	EP_TRY(ep_monitor_tick(session->monitor, err));
	return ep_monitor_news(session->monitor, on_event, session, err);
}

static enum ep_status
monitor(struct session *session, struct ep_error *err)
{
	const struct ep_call *call = session->call;
	const char *file = call->values[OPTION_CONFIG];
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_OWNED(ep_monitor_stop)
	struct ep_monitor *monitor = NULL;
	struct ep_watch watch;
	ep_watch_start(&watch, file);
	ep_hangup_catch();
	EP_TRY(read_config(&config, call, err));
	EP_TRY(ep_open_node(&node, call, EP_LOG_MAKE, false, err));
	struct ep_monitor_options wanted = { .node = node, .on_line = on_line, .context = session };
	EP_TRY(ep_monitor_start(&monitor, &wanted, err));
	session->monitor = monitor;
	size_t count = config.count;
	EP_TRY(ep_monitor_apply(monitor, &config, err));
	ep_say("monitoring %s", ep_counted(count, "stream"));
	bool done = false;
	while (!done && ep_rest(call)) {
		bool asked = ep_hangup_came() && reload_settings(call);
		if (asked)
			ep_watch_start(&watch, file); /* it is read now */
		if (ep_watch_changed(&watch) || (asked && file))
			reload(session);
		done = !file && ep_monitor_done(monitor);
		EP_TRY(turn(session, err));
	}
	return ep_monitor_news(monitor, on_event, session, err);
}

static bool
read_events(struct session *session)
{
	const char *which = session->call->values[OPTION_EVENTS];
	bool both = !which || strcmp(which, "both") == 0;
	session->tells_begun = both || strcmp(which, "begun") == 0;
	session->tells_ended = both || strcmp(which, "ended") == 0;
	return session->tells_begun || session->tells_ended;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct session session = { .call = call };
	struct ep_error err = { 0 };
	if (!call->values[OPTION_CONFIG] && call->argument_count == 0)
		return ep_bad_usage(call->command, "give the URL of a stream, or --config FILE");
	if (!read_events(&session))
		return ep_bad_usage(call->command,
		                    "--events is \"%s\", but must be begun, ended or both",
		                    call->values[OPTION_EVENTS]);
	if (call->values[OPTION_CHECK])
		return check_config(call);
	if (ep_logging_begin(call->settings, &err) != EP_OK)
		return ep_bad_usage(call->command, "%s", err.text);
	enum ep_status status = monitor(&session, &err);
	/* Ctrl-C is how it ends. */
	return status == EP_OK || status == EP_INTERRUPTED ? EP_EXIT_DONE : ep_give_up(call, &err);
}

const struct ep_command ep_cmd_monitor = {
	.name = "monitor",
	.synopsis = "[--config FILE] [--learn] [[NAME=]URL...]",
	.summary = "Name what streams play, and keep a log of it",
	.details =
		"URL is http:// or https:// (Icecast, SHOUTcast, HLS, or a playlist that names "
		"one),\n"
		"a file, a named pipe, - for standard input, or raw:PATH for samples alone (mono, "
		"16 "
		"bit\n"
		"little-endian, 11025 Hz). NAME stands for it in all that is told; without it, the "
		"URL does.\n\n"
		"FILE has a section for each stream:\n\n"
		"    [radio one]\n"
		"    url = http://example.org/one.mp3\n"
		"    country = FR\n\n"
		"Keys other than url are tags, which are told with each play. [monitor] is for "
		"what "
		"is\n"
		"not of one stream: webhook (a URL to which plays are sent by POST) and\n"
		"webhook-secret-file (what they are signed with), and learn = yes, which is "
		"--learn. "
		"When\n"
		"FILE changes, or at SIGHUP, streams are added, changed and removed; the others go "
		"on\n"
		"undisturbed.\n\n"
		"A song is named 20 to 60 s after it begins: one line when it was recognised, and "
		"one "
		"when\n"
		"it has ended, with tabs between start, end (- at first), stream, track id, score, "
		"artist\n"
		"and track. With --json, each line is an object. All plays are in the log of "
		"plays, "
		"which\n"
		"`plays` prints; so are the times in which a stream was not heard. `status` shows "
		"how "
		"the\n"
		"streams are. With --learn, unknown sound that is played again, such as "
		"advertisements,\n"
		"becomes a track named unknown_..., whose plays are logged from then on.\n\n"
		"It runs until Ctrl-C, or until all URLs are at their end.\n",
	.options = options,
	.choices = choices,
	.arguments = "FILE",
	.has_settings = true,
	.once = "check-config",
	.live = "log-format log-level verbose",
	.run = run,
};
