#include "backup/compact.h"
#include "cli/open_node.h"

#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

static void
print_sizes(const char *what, const struct ep_compacted *compacted)
{
	if (compacted->before)
		printf("%-12s %s before, %s after\n", what, ep_bytes_text(compacted->before),
		       ep_bytes_text(compacted->after));
}

static enum ep_status
compact(struct ep_compact_report *report, const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	return ep_compact(report, node, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_compact_report report;
	struct ep_error err;
	if (call->argument_count)
		return ep_bad_usage(call->command, "compact takes no arguments");
	if (compact(&report, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	uint64_t before = report.log.before + report.plays.before;
	uint64_t after = report.log.after + report.plays.after;
	if (call->json)
		return ep_print_json(json_pack("{s:I, s:I}", "before", (json_int_t)before, "after",
		                               (json_int_t)after),
		                     EP_EXIT_DONE);
	print_sizes("log", &report.log);
	print_sizes("log of plays", &report.plays);
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_compact = {
	.name = "compact",
	.synopsis = "",
	.summary = "Give disk back that deleted and replaced tracks have used",
	.details = "The log's file never gets smaller by itself: what becomes free in it is used "
		   "again.\n"
		   "compact writes a copy without the free pages, compares it, and puts it in its "
		   "place. It\n"
		   "needs room for the copy, and nobody else may have the data folder open: stop "
		   "`serve`\n"
		   "and `monitor` first. Commands that start meanwhile wait.\n",
	.options = options,
	.run = run,
};
