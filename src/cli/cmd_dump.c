#include "cli/open_node.h"
#include "dump/dump.h"
#include "node/node_name.h"

#include <stdio.h>
#include <string.h>

enum {
	OPTION_FOLDER,
	OPTION_LINES,
	OPTION_ALL,
	OPTION_SINCE,
	OPTION_DRY_RUN,
	OPTION_FORMAT,
	OPTION_COMPRESS,
	OPTION_CHECKSUMS,
	OPTION_NAME
};

#define COMMON_OPTIONS                                                                             \
	[OPTION_FOLDER] = { "output", 'o', "DIR",                                                  \
		            "folder for the files (default: .), or - for standard output" },       \
	[OPTION_LINES] = { "lines", 0, "N", "rows per file (default: 250000)" },                   \
	[OPTION_ALL] = { "all", 0, NULL, "dump everything, whatever was dumped before" },          \
	[OPTION_SINCE] = { "since", 0, "POSITION", "dump everything newer than POSITION" },        \
	[OPTION_DRY_RUN] = { "dry-run", 0, NULL, "show what would be dumped, and write nothing" }, \
	[OPTION_FORMAT] = { "format", 0, "FORMAT", "csv (default) or packet" },                    \
	[OPTION_COMPRESS] = { "compress", 0, "HOW", "none (default), bzip2 or zstd" },             \
	[OPTION_CHECKSUMS] = { "checksums", 0, NULL,                                               \
		               "show the SHA-256 of CSV files, too (packets: always)" }

static const struct ep_option master_options[] = { COMMON_OPTIONS, { 0 } };
static const struct ep_option slave_options[] = {
	COMMON_OPTIONS,
	[OPTION_NAME] = { "name", 0, "NAME",
	                  "name to use in file names (default: name of this node)" },
	{ 0 },
};
static const struct ep_choices choices[] = {
	{ "format", "csv packet" },
	{ "compress", "none bzip2 zstd" },
	{ 0 },
};

struct session {
	const struct ep_call *call;
	double began;
	double shown;
};

static void
on_progress(void *context, const struct ep_dump_progress *progress)
{
	struct session *session = context;
	if (!ep_shows_progress(session->call))
		return;
	double seconds = ep_clock_s() - session->began;
	uint64_t done = progress->position - progress->from;
	uint64_t all = progress->to - progress->from;
	ep_show_progress(&session->shown, "%s, %s rows/s, %s/s%s",
	                 ep_counted(progress->documents, "row"),
	                 ep_grouped((uint64_t)((double)progress->documents / seconds)),
	                 ep_bytes_text((uint64_t)((double)progress->bytes / seconds)),
	                 ep_time_left(seconds, done, all));
}

static void
on_completed(void *context, const char *path)
{
	(void)context;
	ep_say("completed an interrupted dump: %s", path);
}

/* ---- the result ---- */

static json_t *
result_json(const struct ep_dump_report *report)
{
	json_t *files = json_array();
	for (size_t i = 0; i < report->file_count; i++) {
		const struct ep_dump_file *file = &report->files[i];
		char sha256[EP_HASH_TEXT];
		ep_hash_print(sha256, &file->sha256);
		json_array_append_new(files, json_pack("{s:s, s:I, s:I, s:s?}", "name", file->name,
		                                       "documents", (json_int_t)file->documents,
		                                       "bytes", (json_int_t)file->bytes, "sha256",
		                                       file->has_sha256 ? sha256 : NULL));
	}
	json_t *json =
		json_pack("{s:I, s:I, s:o, s:I, s:I}", "documents", (json_int_t)report->documents,
	                  "deletions", (json_int_t)report->deletions, "files", files, "from",
	                  (json_int_t)report->from, "to", (json_int_t)report->to);
	if (json)
		json_object_set_new(json, "lastdump",
		                    report->lastdump[0] ? json_string(report->lastdump)
		                                        : json_null());
	return json;
}

static void
print_result(const struct ep_dump_report *report, const struct ep_dump_options *wanted)
{
	for (size_t i = 0; i < report->file_count; i++) {
		const struct ep_dump_file *file = &report->files[i];
		char sha256[EP_HASH_TEXT];
		ep_hash_print(sha256, &file->sha256);
		printf("%s\n  %s, %s bytes%s%s\n", file->name,
		       ep_counted(file->documents, "document"), ep_grouped(file->bytes),
		       file->has_sha256 ? ", sha256 " : "", file->has_sha256 ? sha256 : "");
	}
	if (report->documents == 0 && report->file_count == 0)
		printf("nothing new to dump since position %s\n", ep_grouped(report->from));
	else
		printf("%s%s, from position %s to %s\n",
		       wanted->dry_run ? "dry run, nothing written: " : "",
		       ep_counted(report->documents, "document"), ep_grouped(report->from),
		       ep_grouped(report->to));
	if (report->deletions && wanted->packets)
		printf("%s\n", ep_counted(report->deletions, "deletion"));
	else if (report->deletions)
		printf("%s not in the files: CSV cannot carry them\n",
		       ep_counted(report->deletions, "deletion"));
}

/* ---- running ---- */

static enum ep_status
read_name(char *name, const struct ep_call *call, struct ep_log *log, struct ep_error *err)
{
	const char *given = call->values[OPTION_NAME];
	if (given) {
		snprintf(name, EP_SOURCE_NAME_MAX + 1, "%s", given);
		return EP_OK;
	}
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	return ep_node_name(name, read, err);
}

static enum ep_status
read_options(struct ep_dump_options *wanted, const struct ep_call *call, struct ep_error *err)
{
	const char *const *values = call->values;
	wanted->lines = EP_DUMP_LINES;
	wanted->folder = values[OPTION_FOLDER] ? values[OPTION_FOLDER] : ".";
	if (strcmp(wanted->folder, "-") == 0)
		wanted->folder = NULL;
	if (!wanted->folder && (call->json || values[OPTION_LINES]))
		return ep_fail(
			err, EP_USAGE,
			"-o - writes one stream and cannot be combined with --json or --lines");
	if (call->argument_count)
		return ep_fail(err, EP_USAGE, "%s takes no arguments; use -o DIR for the folder",
		               call->command->name);
	if (values[OPTION_LINES])
		EP_TRY(ep_option_number(&wanted->lines, "--lines", values[OPTION_LINES], 1,
		                        INT64_MAX, err));
	if (!wanted->folder)
		wanted->lines = UINT64_MAX;
	if (values[OPTION_ALL] && values[OPTION_SINCE])
		return ep_fail(err, EP_USAGE, "--all and --since exclude each other");
	wanted->since_given = values[OPTION_ALL] || values[OPTION_SINCE];
	if (values[OPTION_SINCE])
		EP_TRY(ep_option_number(&wanted->since, "--since", values[OPTION_SINCE], 0,
		                        INT64_MAX, err));
	const char *format = values[OPTION_FORMAT] ? values[OPTION_FORMAT] : "csv";
	wanted->packets = strcmp(format, "packet") == 0;
	if (!wanted->packets && strcmp(format, "csv") != 0)
		return ep_fail(err, EP_USAGE, "--format is \"%s\", but must be csv or packet",
		               format);
	if (values[OPTION_COMPRESS] &&
	    ep_compression_parse(&wanted->compression, ep_text_of(values[OPTION_COMPRESS]), err) !=
	            EP_OK) {
		ep_error_prefix(err, "--compress: ");
		return EP_USAGE;
	}
	if (wanted->packets && wanted->compression != EP_COMPRESS_NONE)
		return ep_fail(
			err, EP_USAGE,
			"packets are already compressed: use --compress with --format csv only");
	if (values[OPTION_NAME] && !ep_slave_name_ok(ep_text_of(values[OPTION_NAME])))
		return ep_fail(err, EP_USAGE,
		               "--name is \"%s\", but must have 1 to %d of A-Z a-z 0-9 . _ - and "
		               "not be local or master",
		               values[OPTION_NAME], EP_SOURCE_NAME_MAX);
	wanted->checksums = values[OPTION_CHECKSUMS] != NULL;
	wanted->dry_run = values[OPTION_DRY_RUN] != NULL;
	wanted->stop = call->stop;
	return EP_OK;
}

static enum ep_status
dump(struct ep_dump_report *report, struct ep_dump_options *wanted, const struct ep_call *call,
     struct ep_error *err)
{
	bool reading = wanted->dry_run || !wanted->folder;
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_TRY(ep_open_log(&log, call, reading ? EP_LOG_READ : EP_LOG_WRITE, err));
	char name[EP_SOURCE_NAME_MAX + 1];
	EP_TRY(read_name(name, call, log, err));
	wanted->name = name;
	return ep_dump(report, log, wanted, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct session session = { .call = call, .began = ep_clock_s() };
	struct ep_dump_options wanted = {
		.kind = call->command == &ep_cmd_master_dump ? EP_DUMP_MASTER : EP_DUMP_SLAVE,
		.on_progress = on_progress,
		.on_completed = on_completed,
		.context = &session,
	};
	struct ep_error err = { 0 };
	struct ep_dump_report report = { 0 };
	if (read_options(&wanted, call, &err) != EP_OK)
		return ep_bad_usage(call->command, "%s", err.text);
	enum ep_status status = dump(&report, &wanted, call, &err);
	enum ep_exit exit = EP_EXIT_DONE;
	ep_show_progress(&session.shown, "%s", "");
	if (status == EP_INTERRUPTED)
		(void)ep_fail(&err, status,
		              "interrupted: no file was written, and the next dump will begin "
		              "where this one did");
	if (status == EP_USAGE) {
		exit = ep_bad_usage(call->command, "%s", err.text);
	} else if (status != EP_OK) {
		exit = ep_give_up(call, &err);
	} else if (call->json) {
		exit = ep_print_json(result_json(&report), EP_EXIT_DONE);
	} else if (wanted.folder || wanted.dry_run) {
		print_result(&report, &wanted);
	}
	ep_dump_report_free(&report);
	return exit;
}

#define DUMP_DETAILS                                                                               \
	"Documents that were dumped before are left out. The files are the original's CSV, or\n"   \
	"packets. They get their names when they are complete; only then does the dump count as\n" \
	"done. A dump with --all, --since or -o - does not affect later dumps: the next regular\n" \
	"dump begins where the last regular one ended.\n"

const struct ep_command ep_cmd_master_dump = {
	.name = "master-dump",
	.old_name = "master_dump",
	.synopsis = "[-o DIR] [OPTIONS]",
	.summary = "On the master: write all documents newer than the last dump, for the slaves",
	.details = DUMP_DETAILS,
	.options = master_options,
	.choices = choices,
	.run = run,
};

const struct ep_command ep_cmd_slave_dump = {
	.name = "slave-dump",
	.old_name = "slave_dump",
	.synopsis = "[-o DIR] [OPTIONS]",
	.summary = "On a slave: write its own documents newer than the last dump, for the master",
	.details = DUMP_DETAILS,
	.options = slave_options,
	.choices = choices,
	.run = run,
};
