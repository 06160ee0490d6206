#include "backup/restore.h"
#include "cli/backup_words.h"
#include "cli/open_node.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_CHECK, OPTION_AT };

static const struct ep_option options[] = {
	[OPTION_CHECK] = { "check", 0, NULL, "read the backup and check it, but write nothing" },
	[OPTION_AT] = { "at", 0, "POSITION",
	                "of a folder of backups: the one at this position (default: the newest)" },
	{ 0 },
};

/* What the user has to know, and to do, before the node is used. */
static void
print_advice(const struct ep_backup_manifest *manifest, bool published)
{
	bool slave = *manifest->master != '\0';
	ep_say("the search index and the catalogue are made again when they are first needed");
	if (!manifest->with_key)
		ep_say("the backup had no secret key, so this node has a new one%s",
		       slave ? ": it must join its master again (`source add` there, `join` here)"
		             : "; slaves that follow the old key do not follow this one: each has "
		               "to join again");
	if (slave)
		ep_say("this node is a slave: `sync` fetches what is newer at the master");
	else if (published)
		ep_say("if slaves or a feed may have seen changes behind position %s, begin a new "
		       "epoch, once: `serve --new-epoch` or `publish --new-epoch DIR`, then `sync "
		       "--restart` on each slave",
		       ep_grouped(manifest->position));
}

static enum ep_exit
print_report(const struct ep_call *call, const struct ep_restore_report *report, bool check)
{
	const struct ep_backup_manifest *manifest = &report->manifest;
	char time[EP_TIME_TEXT];
	ep_time_print(time, manifest->time);
	if (!check && !call->quiet)
		print_advice(manifest, report->published);
	if (call->json) {
		json_t *json = ep_backup_manifest_json(manifest);
		if (json && (json_object_set_new(json, "unpacked",
		                                 json_integer((json_int_t)report->bytes)) ||
		             json_object_set_new(json, "restored", json_boolean(!check)))) {
			json_decref(json);
			json = NULL;
		}
		return ep_print_json(json, EP_EXIT_DONE);
	}
	printf("node         %s\nmade         %s by echoprint ", manifest->node, time);
	ep_print_text(ep_text_of(manifest->program));
	printf("\nposition     %s\ndigest       %s\ndocuments    %s in %s\nkey          %s\n",
	       ep_grouped(manifest->position), manifest->digest,
	       ep_counted(manifest->documents, "document"), ep_counted(manifest->tracks, "track"),
	       manifest->with_key ? manifest->key : "not in the backup");
	if (check)
		printf("the backup is whole and unchanged\n");
	else
		printf("restored     %s\n", call->folder);
	return EP_EXIT_DONE;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_progress progress = { .call = call, .verb = "read" };
	struct ep_restore_report report;
	struct ep_error err;
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give the backup, or - for standard input");
	struct ep_restore_options wanted = {
		.folder = call->folder,
		.path = strcmp(call->arguments[0], "-") == 0 ? NULL : call->arguments[0],
		.check = call->values[OPTION_CHECK] != NULL,
		.stop = call->stop,
		.on_progress = ep_on_copied,
		.context = &progress,
	};
	if (ep_map_size(&wanted.map_size, &err) != EP_OK)
		return ep_give_up(call, &err);
	const char *at = call->values[OPTION_AT];
	wanted.has_at = at != NULL;
	if (at && ep_option_number(&wanted.at, "--at", at, 0, INT64_MAX, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (ep_restore(&report, &wanted, &err) != EP_OK) {
		ep_error_prefix(&err, "%s: ", call->arguments[0]);
		return ep_give_up(call, &err);
	}
	ep_show_progress(&progress.shown, "%s", "");
	return print_report(call, &report, wanted.check);
}

const struct ep_command ep_cmd_restore = {
	.name = "restore",
	.synopsis = "[--check] [--at POSITION] FILE|DIR|-",
	.summary = "Make a data folder of a backup",
	.details =
		"The data folder must be absent or empty; it appears when it is complete. The "
		"hash over\n"
		"the backup, and the position and digest of its log, are compared first. Restore "
		"only\n"
		"backups that you trust, as you would a data folder.\n",
	.options = options,
	.run = run,
};
