#include "base/file.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/open_node.h"
#include "cli/stdin_sound.h"
#include "format/contribution.h"
#include "format/json_text.h"
#include "node/take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OPTION_STRICT,
	OPTION_REJECTS,
	OPTION_DRY_RUN,
	OPTION_DEDUP,
	OPTION_DATE,
	OPTION_NO_INDEX,
	OPTION_SOURCE,
	OPTION_ID_FROM = OPTION_SOURCE
};

#define COMMON_OPTIONS                                                                            \
	[OPTION_STRICT] = { "strict", 0, NULL,                                                    \
		            "if a row of a file is rejected, ingest nothing from that file" },    \
	[OPTION_REJECTS] = { "rejects", 0, "FILE", "write rejected rows to FILE unchanged" },     \
	[OPTION_DRY_RUN] = { "dry-run", 0, NULL, "show what would be done, and change nothing" }, \
	[OPTION_DEDUP] = { "dedup", 0, "HOW",                                                     \
		           "link copies of songs: off, exact (same codes) or match (also "        \
		           "re-encodings)" },                                                     \
	[OPTION_DATE] = { "import-date", 0, "DATE",                                               \
		          "record DATE (YYYY-MM-DDThh:mm:ssZ) as the time of import" },           \
	[OPTION_NO_INDEX] = { "no-index", 0, NULL,                                                \
		              "leave the search index and links of copies for later" }

static const struct ep_option options[] = { COMMON_OPTIONS, { 0 } };
static const struct ep_option song_options[] = {
	COMMON_OPTIONS,
	[OPTION_ID_FROM] = { "id-from", 0, "WHAT",
	                     "derive the ids of audio files from their path or hash" },
	{ 0 },
};
static const struct ep_option master_options[] = {
	COMMON_OPTIONS,
	[OPTION_SOURCE] = { "source", 's', "SOURCE",
	                    "the slave that the files are from (required)" },
	{ 0 },
};
static const struct ep_choices choices[] = {
	{ "dedup", "off exact match" },
	{ "id-from", "path hash" },
	{ 0 },
};

struct session {
	const struct ep_call *call;
	int rejects_fd; /* -1: they are not written */
	bool opened; /* the log: there is a result */
	bool said; /* what went wrong */
	double began;
	double file_began;
	const char *file; /* that progress was last shown of */
	double shown;
	struct ep_buffer tracks; /* with -v: a line for each that is not committed yet */
	json_t *waiting; /* the same with --json, */
	json_t *track_list; /* and what is committed */
};

/* So many are listed with --json, which is one object. */
#define LISTED_MAX 100000

/* With -v: what becomes of each track, told when it is durable. */
static enum ep_status
on_track(void *context, const struct ep_ingest_track *track, struct ep_error *err)
{
	struct session *session = context;
	const char *outcome = ep_outcome_name(track->outcome);
	if (session->waiting) {
		if (json_array_size(session->track_list) + json_array_size(session->waiting) <
		    LISTED_MAX)
			json_array_append_new(session->waiting, json_pack("{s:o, s:s}", "track_id",
			                                                  ep_json_text(track->id),
			                                                  "outcome", outcome));
		return EP_OK;
	}
	EP_TRY(ep_buffer_append(&session->tracks, track->id.at, track->id.size, err));
	EP_TRY(ep_buffer_append(&session->tracks, "\t", 1, err));
	EP_TRY(ep_buffer_append(&session->tracks, outcome, strlen(outcome), err));
	return ep_buffer_append(&session->tracks, "\n", 1, err);
}

static void
print_tracks(const struct ep_buffer *lines)
{
	struct ep_text text = ep_buffer_text(lines);
	while (text.size) {
		size_t size = (size_t)((const char *)memchr(text.at, '\n', text.size) - text.at);
		const char *tab = memchr(text.at, '\t', size);
		ep_print_text((struct ep_text){ text.at, (size_t)(tab - text.at) });
		printf("%.*s\n", (int)(size - (size_t)(tab - text.at)), tab);
		text.at += size + 1;
		text.size -= size + 1;
	}
}

static void
on_committed(void *context)
{
	struct session *session = context;
	print_tracks(&session->tracks);
	session->tracks.size = 0;
	if (session->waiting) {
		json_array_extend(session->track_list, session->waiting);
		json_array_clear(session->waiting);
	}
}

/* Of a file that failed, what was not committed did not come. */
static void
forget_tracks(struct session *session)
{
	session->tracks.size = 0;
	if (session->waiting)
		json_array_clear(session->waiting);
}

static enum ep_status
on_reject(void *context, const struct ep_reject *reject, struct ep_error *err)
{
	struct session *session = context;
	if (reject->what)
		ep_say("%s: %s %llu rejected: %s", reject->file, reject->what,
		       (unsigned long long)reject->number, reject->reason);
	else
		ep_say("%s: %s", reject->file, reject->reason);
	if (session->rejects_fd < 0)
		return EP_OK;
	const char *name = session->call->values[OPTION_REJECTS];
	EP_TRY(ep_write_all(session->rejects_fd, reject->raw.at, reject->raw.size, name, err));
	char last = reject->raw.size ? reject->raw.at[reject->raw.size - 1] : '\n';
	return last == '\n' || last == '\r' ? EP_OK
	                                    : ep_write_all(session->rejects_fd, "\n", 1, name, err);
}

static void
on_progress(void *context, const struct ep_ingest_progress *progress)
{
	struct session *session = context;
	if (!ep_shows_progress(session->call))
		return;
	double now = ep_clock_s();
	if (session->file != progress->file)
		session->file_began = session->file ? now : session->began;
	session->file = progress->files ? NULL : progress->file;
	if (progress->files) {
		ep_show_progress(&session->shown, "%s, %s", ep_counted(progress->files, "file"),
		                 progress->file);
		return;
	}
	double seconds = now - session->began;
	double file_seconds = now - session->file_began;
	ep_show_progress(&session->shown, "%s: %s, %s rows/s, %s/s%s", progress->file,
	                 ep_counted(progress->rows, "row"),
	                 ep_grouped((uint64_t)((double)progress->rows / seconds)),
	                 ep_bytes_text((uint64_t)((double)progress->bytes / (file_seconds + 0.01))),
	                 ep_time_left(file_seconds, progress->bytes, progress->size));
}

/* ---- the result ---- */

static json_t *
result_json(const struct ep_ingest_report *report, uint64_t position, double seconds,
            const char *error)
{
	json_t *json = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "read",
		(json_int_t)ep_ingest_read(report), "new", (json_int_t)report->counts.added,
		"updated", (json_int_t)report->counts.updated, "unchanged",
		(json_int_t)report->counts.unchanged, "duplicate", (json_int_t)report->duplicate,
		"conflict", (json_int_t)report->counts.conflict, "rejected",
		(json_int_t)report->rejected, "position", (json_int_t)position, "seconds", seconds);
	/* Only packets delete. */
	if (json && report->deleted)
		json_object_set_new(json, "deleted", json_integer((json_int_t)report->deleted));
	/* Only folders have them. */
	if (json && report->no_sound)
		json_object_set_new(json, "passed_over",
		                    json_integer((json_int_t)report->no_sound));
	if (json && error)
		json_object_set_new(json, "error", ep_json_text(ep_text_of(error)));
	return json;
}

static void
print_result(const struct ep_call *call, const struct ep_ingest_report *report, uint64_t position,
             double seconds)
{
	const struct ep_put_counts *counts = &report->counts;
	printf("%s%s: %s new, %s updated, %s unchanged",
	       call->values[OPTION_DRY_RUN] ? "dry run, nothing changed: " : "",
	       ep_counted(ep_ingest_read(report), "document"), ep_grouped(counts->added),
	       ep_grouped(counts->updated), ep_grouped(counts->unchanged));
	if (report->duplicate)
		printf(", %s of copies", ep_grouped(report->duplicate));
	printf(", %s in conflict, %s rejected; position %s, %.2f s\n", ep_grouped(counts->conflict),
	       ep_grouped(report->rejected), ep_grouped(position), seconds);
	if (report->without_codes)
		printf("%s without codes: nothing to store\n",
		       ep_counted(report->without_codes, "song"));
	if (report->files || report->files_known)
		printf("%s decoded, %s already known\n", ep_counted(report->files, "audio file"),
		       ep_grouped(report->files_known));
	if (report->no_sound)
		printf("%s without audio skipped\n", ep_counted(report->no_sound, "file"));
	if (report->deleted)
		printf("%s deleted\n", ep_counted(report->deleted, "track"));
	if (report->not_deleted)
		printf("%s not deleted: they belong to another source\n",
		       ep_counted(report->not_deleted, "track"));
	if (report->passed_over)
		printf("%s without a song skipped\n", ep_counted(report->passed_over, "object"));
}

/* ---- running ---- */

static enum ep_status
read_options(struct ep_ingest_options *wanted, const struct ep_call *call, struct ep_error *err)
{
	const char *date = call->values[OPTION_DATE];
	const char *dedup = call->values[OPTION_DEDUP];
	const char *source = call->values[OPTION_SOURCE];
	bool from_slave = call->command == &ep_cmd_master_ingest;
	wanted->import_date = ep_time_now();
	wanted->date_given = date != NULL;
	if (date && !ep_time_parse(&wanted->import_date, ep_text_of(date)))
		return ep_fail(
			err, EP_USAGE,
			"--import-date is \"%s\", but must have the form 2026-01-31T23:59:59Z",
			date);
	if (dedup && strcmp(dedup, "off") != 0 && strcmp(dedup, "exact") != 0 &&
	    strcmp(dedup, "match") != 0)
		return ep_fail(err, EP_USAGE, "--dedup is \"%s\", but must be off, exact or match",
		               dedup);
	if (call->argument_count == 0)
		return ep_fail(err, EP_USAGE, "give at least one file, or - for standard input");
	if (from_slave && !source)
		return ep_fail(err, EP_USAGE,
		               "-s SOURCE is missing: name the slave that the files are from");
	if (from_slave && (!ep_source_name_ok(ep_text_of(source)) || strcmp(source, "local") == 0 ||
	                   strcmp(source, "master") == 0))
		return ep_fail(err, EP_USAGE,
		               "\"%s\" is not a valid SOURCE: it must have 1 to %d of A-Z a-z 0-9 "
		               ". _ - and not be local or master",
		               source, EP_SOURCE_NAME_MAX);
	const char *from = from_slave ? NULL : call->values[OPTION_ID_FROM];
	if (from && strcmp(from, "path") != 0 && strcmp(from, "hash") != 0)
		return ep_fail(err, EP_USAGE, "--id-from is \"%s\", but must be path or hash",
		               from);
	wanted->id_from = !from                       ? EP_ID_MADE
	                  : strcmp(from, "path") == 0 ? EP_ID_FROM_PATH
	                                              : EP_ID_FROM_HASH;
	wanted->kind = call->command == &ep_cmd_ingest ? EP_INGEST_CODEGEN : EP_INGEST_DUMP;
	wanted->source = ep_text_of(from_slave                        ? source
	                            : call->command == &ep_cmd_ingest ? "local"
	                                                              : "master");
	wanted->strict = call->values[OPTION_STRICT] != NULL;
	wanted->dry_run = call->values[OPTION_DRY_RUN] != NULL;
	wanted->stop = call->stop;
	return EP_OK;
}

/* Refuses to write rejected rows over a file that is to be read. */
static enum ep_status
check_rejects(const struct ep_call *call, struct ep_error *err)
{
	const char *path = call->values[OPTION_REJECTS];
	struct stat rejects;
	struct stat input;
	if (path && strcmp(path, "-") == 0)
		return ep_fail(err, EP_USAGE, "--rejects needs the name of a file, not -");
	if (!path || stat(path, &rejects) != 0)
		return EP_OK;
	for (size_t i = 0; i < call->argument_count; i++) {
		if (stat(call->arguments[i], &input) == 0 && input.st_dev == rejects.st_dev &&
		    input.st_ino == rejects.st_ino)
			return ep_fail(err, EP_USAGE, "--rejects %s would overwrite an input file",
			               path);
	}
	return EP_OK;
}

static enum ep_status
open_rejects(struct session *session, struct ep_error *err)
{
	const char *path = session->call->values[OPTION_REJECTS];
	if (!path)
		return EP_OK;
	session->rejects_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return session->rejects_fd < 0 ? ep_fail_errno(err, errno, "cannot create %s", path)
	                               : EP_OK;
}

/* Makes the name of the file durable too. */
static enum ep_status
sync_rejects_name(const char *path, struct ep_error *err)
{
	EP_FREE char *folder = strdup(path);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	return ep_sync_folder(slash ? folder : ".", err);
}

static enum ep_status
close_rejects(struct session *session, struct ep_error *err)
{
	const char *path = session->call->values[OPTION_REJECTS];
	int fd = session->rejects_fd;
	session->rejects_fd = -1;
	if (fd < 0)
		return EP_OK;
	/* A pipe cannot be synced, which is no failure. */
	int failed = fsync(fd) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;
	if (close(fd) != 0 && !failed)
		failed = errno;
	return failed ? ep_fail_errno(err, failed, "cannot write %s", path)
	              : sync_rejects_name(path, err);
}

/* Says which files are not there; fails where none is, before anything is made. */
static enum ep_status
check_files(const struct ep_call *call, struct ep_error *err)
{
	for (size_t i = 0; i < call->argument_count; i++) {
		const char *path = call->arguments[i];
		if (strcmp(path, "-") == 0 || eaccess(path, F_OK) == 0)
			return EP_OK;
	}
	return ep_fail(err, EP_NOT_FOUND, "there is no file %s%s", call->arguments[0],
	               call->argument_count > 1 ? ", nor any of the others" : "");
}

/* What --dedup says. */
static enum ep_dedup
how_to_dedup(const struct ep_call *call)
{
	const char *dedup = call->values[OPTION_DEDUP];
	if (!dedup)
		return EP_DEDUP_BY_ROLE;
	if (strcmp(dedup, "off") == 0)
		return EP_DEDUP_OFF;
	return strcmp(dedup, "exact") == 0 ? EP_DEDUP_EXACT : EP_DEDUP_MATCH;
}

/* Says at once what is wrong with a file. */
static void
on_failed(void *context, enum ep_status status, const char *text)
{
	struct session *session = context;
	if (status == EP_INTERRUPTED)
		ep_say("interrupted; what is counted below was kept; ingest the same "
		       "files again to continue");
	else
		ep_say("%s", text);
	session->said = true;
	forget_tracks(session);
}

/* A source that is mistyped would be made without a word: the first one is as expected, others are
 * said. */
static enum ep_status
tell_new_source(struct ep_log *log, const struct ep_call *call, struct ep_text name,
                struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	size_t others = 0;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	for (size_t i = 0; i < count; i++) {
		if (ep_text_equal(ep_text_of(sources[i].name), name))
			return EP_OK;
		others += ep_slave_name_ok(ep_text_of(sources[i].name));
	}
	if (others && ep_slave_name_ok(name) && !call->quiet)
		ep_say("%s is a new source; `echoprint status` lists those that there are",
		       call->values[OPTION_SOURCE]);
	return EP_OK;
}

/* "-" becomes the file that it is, where it is audio: *sound is its name, for free(). */
static enum ep_status
check_stdin(char **sound, const struct ep_call *call, struct ep_error *err)
{
	for (size_t i = 0; i < call->argument_count && !*sound; i++) {
		if (strcmp(call->arguments[i], "-") != 0)
			continue;
		EP_TRY(ep_stdin_sound(sound, false, call, err));
		if (*sound)
			call->arguments[i] = *sound;
	}
	return EP_OK;
}

static enum ep_status
ingest_files(struct ep_ingest_report *report, uint64_t *position, struct session *session,
             const struct ep_ingest_options *wanted, struct ep_error *err)
{
	const struct ep_call *call = session->call;
	bool dry = call->values[OPTION_DRY_RUN] != NULL;
	struct ep_take_options take = { .ingest = wanted,
		                        .paths = call->arguments,
		                        .count = call->argument_count,
		                        .how = how_to_dedup(call),
		                        .no_index = call->values[OPTION_NO_INDEX] != NULL,
		                        .on_failed = on_failed,
		                        .context = session };
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(check_files(call, err));
	EP_TRY(open_rejects(session, err));
	EP_TRY(ep_open_node(&node, call, dry ? EP_LOG_WRITE : EP_LOG_MAKE, dry, err));
	if (wanted->kind == EP_INGEST_DUMP)
		EP_TRY(tell_new_source(ep_node_log(node), call, wanted->source, err));
	session->opened = true;
	return ep_node_take(report, position, node, &take, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct session session = { .call = call, .rejects_fd = -1, .began = ep_clock_s() };
	struct ep_ingest_options wanted = { .on_reject = on_reject,
		                            .on_progress = on_progress,
		                            .context = &session };
	struct ep_ingest_report report = { 0 };
	struct ep_error err = { 0 };
	uint64_t position = 0;
	EP_FREE char *sound = NULL;
	if (read_options(&wanted, call, &err) != EP_OK || check_rejects(call, &err) != EP_OK)
		return ep_bad_usage(call->command, "%s", err.text);
	if (wanted.kind == EP_INGEST_CODEGEN && check_stdin(&sound, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->verbose) {
		wanted.on_track = on_track;
		wanted.on_committed = on_committed;
		session.waiting = call->json ? json_array() : NULL;
		session.track_list = call->json ? json_array() : NULL;
	}
	enum ep_status status = ingest_files(&report, &position, &session, &wanted, &err);
	if (status == EP_OK)
		status = close_rejects(&session, &err);
	else
		(void)close_rejects(&session, NULL);
	ep_show_progress(&session.shown, "%s", "");
	if (!session.opened)
		return ep_give_up(call, &err);
	double seconds = ep_clock_s() - session.began;
	enum ep_exit exit = ep_exit_of(status);
	if (status != EP_OK && !session.said)
		ep_say("%s", err.text);
	if (status == EP_OK && report.rejected)
		exit = EP_EXIT_PARTLY;
	if (status == EP_OK && report.unknown)
		exit = EP_EXIT_FAILED;
	json_decref(session.waiting);
	ep_buffer_free(&session.tracks);
	if (call->json) {
		json_t *json =
			result_json(&report, position, seconds, status == EP_OK ? NULL : err.text);
		if (json && session.track_list)
			json_object_set_new(json, "tracks", session.track_list);
		return ep_print_json(json, exit);
	}
	print_result(call, &report, position, seconds);
	return exit;
}

#define ROWS_DETAILS                                                                          \
	"Files are CSV dumps or packets, plain or compressed with bzip2, gzip, zstd or xz.\n" \
	"- is standard input. Rows that exist already change nothing, so a file may be\n"     \
	"ingested again. A bad row is rejected and reported, and the others are ingested\n"   \
	"(exit status 3).\n"

const struct ep_command ep_cmd_ingest = {
	.name = "ingest",
	.old_name = "fastingest",
	.synopsis = "[OPTIONS] FILE...|FOLDER...|-",
	.summary = "Ingest this node's own songs: audio files, or JSON of the code generator",
	.details =
		"Each song is cut into documents of one minute and becomes a track of source "
		"local.\n"
		"Any audio that ffmpeg can read is accepted. Folders are searched recursively for\n"
		"audio. Artist, release and title come from the tags; a missing title is taken "
		"from\n"
		"the file name. A file that has not changed since it was ingested is not decoded\n"
		"again. A file that cannot be decoded is reported, and the others are ingested "
		"(exit\n"
		"status 3). JSON may have any size and be compressed with bzip2, gzip, zstd or "
		"xz.\n"
		"- is standard input. A song that exists already changes nothing.\n",
	.options = song_options,
	.choices = choices,
	.arguments = "FILE",
	.run = run,
};

const struct ep_command ep_cmd_slave_ingest = {
	.name = "slave-ingest",
	.old_name = "slave_ingest",
	.synopsis = "[OPTIONS] FILE...|-",
	.summary = "On a slave: ingest files that the master dumped",
	.details = ROWS_DETAILS,
	.options = options,
	.choices = choices,
	.arguments = "FILE",
	.run = run,
};

const struct ep_command ep_cmd_master_ingest = {
	.name = "master-ingest",
	.old_name = "master_ingest",
	.synopsis = "-s SOURCE [OPTIONS] FILE...|-",
	.summary = "On the master: ingest files that the slave SOURCE dumped",
	.details = ROWS_DETAILS
	"A source may change only its own tracks, and only states that it knew; other changes\n"
	"are conflicts, which are counted and set aside. A song that another source brought\n"
	"under another id, also as a re-encoding, is linked to that source's track (see\n"
	"duplicates). --dedup match also links re-encodings within one source.\n",
	.options = master_options,
	.choices = choices,
	.arguments = "FILE",
	.run = run,
};
