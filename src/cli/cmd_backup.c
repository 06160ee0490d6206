#include "backup/backup.h"
#include "backup/backup_folder.h"
#include "backup/backup_pages.h"
#include "cli/backup_words.h"
#include "cli/open_node.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_WITHOUT_KEY, OPTION_TO, OPTION_KEEP, OPTION_LIST };

static const struct ep_option options[] = {
	[OPTION_WITHOUT_KEY] = { "without-key", 0, NULL, "leave out the node's secret key" },
	[OPTION_TO] = { "to", 0, "DIR", "add a backup to a folder: only what has changed" },
	[OPTION_KEEP] = { "keep", 0, "N", "with --to: remove all but the newest N backups" },
	[OPTION_LIST] = { "list", 0, NULL, "with --to: list the backups in the folder" },
	{ 0 },
};

static struct ep_backup_options
options_of(const struct ep_call *call, struct ep_progress *progress)
{
	return (struct ep_backup_options){
		.folder = call->folder,
		.without_key = call->values[OPTION_WITHOUT_KEY] != NULL,
		.stop = call->stop,
		.on_progress = ep_on_copied,
		.context = progress,
	};
}

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

/* To a file, or standard output. */
static enum ep_exit
to_file(const struct ep_call *call)
{
	struct ep_progress progress = { .call = call, .verb = "copied" };
	struct ep_backup_report report;
	struct ep_error err;
	if (call->argument_count != 1 || call->values[OPTION_KEEP] || call->values[OPTION_LIST])
		return ep_bad_usage(call->command,
		                    "give the file for the backup, or - for standard output; "
		                    "--keep and --list go with --to DIR");
	bool stream = strcmp(call->arguments[0], "-") == 0;
	if (stream && call->json)
		return ep_bad_usage(call->command,
		                    "with --json, give a file: standard output has the result");
	if (stream && isatty(STDOUT_FILENO))
		return ep_bad_usage(call->command,
		                    "a backup is not for a terminal: give a file, or a pipe");
	struct ep_backup_options wanted = options_of(call, &progress);
	wanted.path = stream ? NULL : call->arguments[0];
	if (ep_map_size(&wanted.map_size, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (ep_backup(&report, &wanted, &err) != EP_OK)
		return ep_give_up(call, &err);
	ep_show_progress(&progress.shown, "%s", "");
	return print_report(call, &report, wanted.path);
}

/* ---- to a folder ---- */

static enum ep_exit
print_pages(const struct ep_call *call, const struct ep_backup_pages_report *report)
{
	if (call->json) {
		json_t *json = ep_backup_manifest_json(&report->manifest);
		json_t *more =
			json_pack("{s:I, s:I, s:I, s:I}", "number", (json_int_t)report->number,
		                  "pages", (json_int_t)report->pages, "added",
		                  (json_int_t)report->added, "bytes", (json_int_t)report->written);
		if (!json || json_object_update(json, more)) {
			json_decref(json);
			json = NULL;
		}
		json_decref(more);
		return ep_print_json(json, EP_EXIT_DONE);
	}
	if (!call->quiet)
		printf("backup %u: node %s at position %s, %s of %s stored in %s\n", report->number,
		       report->manifest.node, ep_grouped(report->manifest.position),
		       ep_grouped(report->added), ep_counted(report->pages, "page"),
		       ep_bytes_text(report->written));
	return EP_EXIT_DONE;
}

static enum ep_exit
to_folder(const struct ep_call *call)
{
	struct ep_progress progress = { .call = call, .verb = "read" };
	struct ep_backup_pages_report report;
	struct ep_backup_options wanted = options_of(call, &progress);
	struct ep_error err;
	uint64_t keep = 0;
	const char *kept = call->values[OPTION_KEEP];
	if (ep_map_size(&wanted.map_size, &err) != EP_OK)
		return ep_give_up(call, &err);
	wanted.path = call->values[OPTION_TO];
	if (kept && ep_option_number(&keep, "--keep", kept, 1, 1000000, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (ep_backup_pages(&report, &wanted, (size_t)keep, &err) != EP_OK)
		return ep_give_up(call, &err);
	ep_show_progress(&progress.shown, "%s", "");
	return print_pages(call, &report);
}

static enum ep_exit
list(const struct ep_call *call)
{
	EP_FREE struct ep_kept *kept = NULL;
	struct ep_error err;
	size_t count;
	if (ep_backup_folder_list(&kept, &count, call->values[OPTION_TO], &err) != EP_OK)
		return ep_give_up(call, &err);
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		if (call->json)
			json_array_append_new(
				array, json_pack("{s:I, s:I, s:s, s:I}", "number",
			                         (json_int_t)kept[i].number, "position",
			                         (json_int_t)kept[i].position, "date", kept[i].date,
			                         "bytes", (json_int_t)kept[i].bytes));
		else
			printf("%u\tposition %s\t%s\t%s\n", kept[i].number,
			       ep_grouped(kept[i].position), kept[i].date,
			       ep_bytes_text(kept[i].bytes));
	}
	if (call->json)
		return ep_print_json(json_pack("{s:o}", "backups", array), EP_EXIT_DONE);
	json_decref(array);
	return EP_EXIT_DONE;
}

static enum ep_exit
run(const struct ep_call *call)
{
	if (!call->values[OPTION_TO])
		return to_file(call);
	if (call->argument_count)
		return ep_bad_usage(call->command, "give a file, or --to DIR, but not both");
	return call->values[OPTION_LIST] ? list(call) : to_folder(call);
}

const struct ep_command ep_cmd_backup = {
	.name = "backup",
	.synopsis = "[--without-key] FILE|- | --to DIR [--keep N] [--list]",
	.summary = "Copy the data folder into a file or folder, while everything runs",
	.details = "The copy is consistent: the log as it was at one position. It has the log, the "
		   "log of\n"
		   "plays, the node's secret key and the token for ingesting. The search index and "
		   "the\n"
		   "catalogue are made again from the log. `restore` makes a data folder of it.\n"
		   "--to DIR adds a backup to a folder. It stores only the pages of the logs that "
		   "have\n"
		   "changed; each backup that is kept can be restored.\n",
	.options = options,
	.run = run,
};
