#include "backup/backup.h"
#include "cli/backup_words.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_WITHOUT_KEY };

static const struct ep_option options[] = {
	[OPTION_WITHOUT_KEY] = { "without-key", 0, NULL, "leave out the node's secret key" },
	{ 0 },
};

static enum ep_exit
print_report(const struct ep_call *call, const struct ep_backup_report *report, const char *path)
{
	if (call->json) {
		json_t *json = ep_backup_manifest_json(&report->manifest);
		if (json && (json_object_set_new(json, "bytes",
		                                 json_integer((json_int_t)report->written)) ||
		             json_object_set_new(json, "unpacked",
		                                 json_integer((json_int_t)report->copied)))) {
			json_decref(json);
			json = NULL;
		}
		return ep_print_json(json, EP_EXIT_DONE);
	}
	if (!path || call->quiet)
		return EP_EXIT_DONE;
	printf("%s: node %s at position %s, %s of %s\n", path, report->manifest.node,
	       ep_grouped(report->manifest.position), ep_bytes_text(report->written),
	       ep_bytes_text(report->copied));
	if (report->manifest.with_key)
		printf("it holds the node's secret key: keep it where nobody else can read it\n");
	return EP_EXIT_DONE;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_progress progress = { .call = call, .verb = "copied" };
	struct ep_backup_report report;
	struct ep_error err;
	if (call->argument_count != 1)
		return ep_bad_usage(call->command,
		                    "give the file for the backup, or - for standard output");
	bool stream = strcmp(call->arguments[0], "-") == 0;
	if (stream && call->json)
		return ep_bad_usage(call->command,
		                    "with --json, give a file: standard output has the result");
	if (stream && isatty(STDOUT_FILENO))
		return ep_bad_usage(call->command,
		                    "a backup is not for a terminal: give a file, or a pipe");
	struct ep_backup_options wanted = {
		.folder = call->folder,
		.path = stream ? NULL : call->arguments[0],
		.without_key = call->values[OPTION_WITHOUT_KEY] != NULL,
		.stop = call->stop,
		.on_progress = ep_on_copied,
		.context = &progress,
	};
	if (ep_backup(&report, &wanted, &err) != EP_OK)
		return ep_give_up(call, &err);
	ep_show_progress(&progress.shown, "%s", "");
	return print_report(call, &report, wanted.path);
}

const struct ep_command ep_cmd_backup = {
	.name = "backup",
	.synopsis = "[--without-key] FILE|-",
	.summary = "Copy the data folder into one file, while everything runs",
	.details = "The copy is consistent: the log as it was at one position. It has the log, the "
		   "log of\n"
		   "plays, the node's secret key and the token for ingesting. The search index and "
		   "the\n"
		   "catalogue are made again from the log. `restore` makes a data folder of it.\n",
	.options = options,
	.run = run,
};
