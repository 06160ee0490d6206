#include "cli/cli.h"
#include "cli/open_node.h"
#include "net/slave.h"
#include "net/slave_threads.h"
#include "net/way.h"
#include "node/node_name.h"
#include "node/settle.h"

#include <inttypes.h>
#include <stdio.h>

enum { OPTION_WATCH, OPTION_RESTART, OPTION_KEEP };

static const struct ep_option options[] = {
	[OPTION_WATCH] = { "watch", 'w', NULL, "continue until interrupted" },
	[OPTION_RESTART] = { "restart", 0, NULL,
	                     "read the master's feed from its beginning, keeping what is local" },
	[OPTION_KEEP] = { "keep-lost", 0, NULL, "no effect (accepted for old scripts)" },
	{ 0 },
};

struct session {
	const struct ep_call *call;
	double shown;
};

static void
on_progress(void *context, const struct ep_sync_progress *progress)
{
	struct session *session = context;
	if (ep_shows_progress(session->call))
		ep_show_progress(&session->shown, "%s of %s fetched, %s applied",
		                 ep_bytes_text(progress->bytes), ep_bytes_text(progress->size),
		                 ep_counted(progress->documents, "document"));
}

static json_t *
report_json(const struct ep_sync_report *report)
{
	json_t *outcomes = json_object();
	for (int i = 0; i < EP_OUTCOME_COUNT; i++)
		json_object_set_new(outcomes, ep_outcome_name((enum ep_outcome)i),
		                    json_integer((json_int_t)report->outcomes[i]));
	return json_pack(
		"{s:I, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "contributed",
		(json_int_t)report->contributed, "outcomes", outcomes, "waits", report->waits,
		"from", (json_int_t)report->from, "to", (json_int_t)report->to, "packets",
		(json_int_t)report->packets, "bytes", (json_int_t)report->bytes, "documents",
		(json_int_t)report->documents, "deleted", (json_int_t)report->deleted, "equal",
		report->proof == EP_PROOF_EQUAL, "local_only", (json_int_t)report->local_only);
}

static void
print_words(const struct ep_sync_report *report)
{
	if (report->contributed) {
		printf("contributed  %s:", ep_counted(report->contributed, "track"));
		const char *comma = "";
		for (int i = 0; i < EP_OUTCOME_COUNT; i++) {
			if (report->outcomes[i])
				printf("%s %s %s", comma, ep_grouped(report->outcomes[i]),
				       ep_outcome_name((enum ep_outcome)i));
			comma = report->outcomes[i] ? "," : comma;
		}
		putchar('\n');
	}
	if (report->waits)
		printf("contributed  waiting in the master's folder until it publishes\n");
	if (report->packets)
		printf("fetched      position %s to %s: %s of %s, %s changed, %s deleted\n",
		       ep_grouped(report->from), ep_grouped(report->to),
		       ep_counted(report->packets, "packet"), ep_bytes_text(report->bytes),
		       ep_counted(report->documents, "document"),
		       ep_counted(report->deleted, "track"));
	if (!report->packets && !report->contributed && !report->waits)
		printf("nothing new at position %s\n", ep_grouped(report->to));
	if (report->proof == EP_PROOF_EQUAL && report->local_only)
		printf("equal        except for %s that only this node has\n",
		       ep_counted(report->local_only, "track"));
	else if (report->proof == EP_PROOF_EQUAL)
		printf("equal        this copy equals the master's\n");
}

static void
warn(const struct ep_sync_report *report)
{
	if (report->age_s > EP_STALE_S)
		ep_say("warning: the feed is %" PRId64
		       " hours old: the master or a mirror has stopped, or a clock is wrong",
		       report->age_s / 3600);
	uint64_t refused = report->outcomes[EP_OUTCOME_CONFLICT] +
	                   report->outcomes[EP_OUTCOME_REJECTED] +
	                   report->outcomes[EP_OUTCOME_REFUSED];
	if (refused)
		ep_say("the master did not accept %s: in conflict with other changes, refused or "
		       "rejected",
		       ep_counted(refused, "track"));
	if (report->outcomes[EP_OUTCOME_FULL])
		ep_say("%s exceed the master's limit for this node; they stay here and are sent "
		       "again",
		       ep_counted(report->outcomes[EP_OUTCOME_FULL], "track"));
}

static enum ep_status
sync_master(struct ep_sync_report *report, const struct ep_call *call, struct ep_error *err)
{
	struct session session = { .call = call };
	struct ep_feed_request request = { 0 };
	struct ep_sync_options wanted = {
		.restart = call->values[OPTION_RESTART] != NULL,
		.retry = true,
		.request = &request,
		.stop = call->stop,
		.on_progress = on_progress,
		.context = &session,
	};
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	enum ep_status status = ep_slave_sync(report, ep_node_log(node), &wanted, err);
	ep_show_progress(&session.shown, "%s", "");
	struct ep_copies_report copies;
	return status == EP_OK ? ep_node_settle(&copies, node, err) : status;
}

/* ---- going on ---- */

static void
on_line(void *context, const char *line)
{
	(void)context;
	ep_say("%s", line);
}

static enum ep_status
watch(const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_slave_threads_stop)
	struct ep_slave_threads *threads = NULL;
	char name[EP_SOURCE_NAME_MAX + 1];
	struct ep_slave_threads_options wanted = { .name = name, .on_line = on_line };
	EP_TRY(ep_open_log(&log, call, EP_LOG_WRITE, err));
	EP_TRY(ep_log_node_name(name, log, err));
	EP_OWNED(ep_way_close)
	struct ep_way *way = NULL;
	EP_TRY(ep_way_of_master(&way, EP_WAY_MASTER, log, call->stop, err)); /* or hear why not */
	wanted.log = log;
	EP_TRY(ep_slave_threads_start(&threads, &wanted, err));
	while (ep_rest(call))
		continue;
	ep_slave_threads_stop(EP_TAKE(threads)); /* before the log is closed */
	return EP_OK;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_sync_report report = { 0 };
	struct ep_error err;
	if (call->argument_count)
		return ep_bad_usage(call->command,
		                    "sync takes no arguments; `join` names the master");
	if (call->values[OPTION_WATCH] && call->values[OPTION_RESTART])
		return ep_bad_usage(call->command, "run --restart first, then --watch");
	if (call->values[OPTION_KEEP] && !call->values[OPTION_RESTART])
		return ep_bad_usage(call->command, "--keep-lost needs --restart");
	if (call->values[OPTION_WATCH])
		return watch(call, &err) == EP_OK ? EP_EXIT_DONE : ep_give_up(call, &err);
	enum ep_status status = sync_master(&report, call, &err);
	if (status != EP_OK)
		return ep_give_up(call, &err);
	warn(&report);
	enum ep_exit exit = report.outcomes[EP_OUTCOME_REJECTED] ? EP_EXIT_PARTLY : EP_EXIT_DONE;
	if (call->json)
		return ep_print_json(report_json(&report), exit);
	print_words(&report);
	return exit;
}

const struct ep_command ep_cmd_sync = {
	.name = "sync",
	.synopsis = "[--watch] [--restart]",
	.summary = "On a slave: send local changes to the master, and fetch what is new",
	.details =
		"If interrupted, the next sync continues. Exit status: 4 the master cannot be "
		"reached;\n"
		"5 its history differs from the one this node followed, so this node must restart\n"
		"(--restart); 6 it is newer than this program; 7 wrongly signed, or damaged on the "
		"way.\n",
	.options = options,
	.run = run,
};
