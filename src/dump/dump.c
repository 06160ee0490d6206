#include "dump/dump.h"

#include "base/direct.h"
#include "base/file.h"
#include "dump/dump_stream.h"
#include "dump/publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Pieces from this size on are hashed by a thread of their own while they are written. */
#define HASHED_BESIDE ((size_t)1 << 20)

#define LOCK_WAIT_MS 50

struct dump {
	struct ep_log *log;
	const struct ep_dump_options *options;
	struct ep_dump_report *report;
	struct ep_publication *publication;
	char *base; /* of the files' names: all before the number */
	char id[2 * EP_NODE_ID_SIZE + 1];
	bool open; /* a file is at hand */
	struct ep_direct *file; /* which it is; NULL: standard output */
	bool hashes; /* the files */
	struct ep_sha256 sha;
	uint64_t file_bytes;
	uint64_t file_documents;
};

static const struct ep_publication_names names_of[] = {
	[EP_DUMP_MASTER] = { EP_MASTER_NOTE_VALUE, EP_MASTER_DUMP_VALUE, EP_MASTER_LASTDUMP_VALUE },
	[EP_DUMP_SLAVE] = { EP_SLAVE_NOTE_VALUE, EP_SLAVE_DUMP_VALUE, EP_SLAVE_LASTDUMP_VALUE },
};

const char *
ep_dump_watermark_name(enum ep_dump_kind kind)
{
	return names_of[kind].watermark;
}

const char *
ep_dump_lastdump_name(enum ep_dump_kind kind)
{
	return names_of[kind].lastdump;
}

void
ep_dump_report_free(struct ep_dump_report *report)
{
	for (size_t i = 0; i < report->file_count; i++)
		free(report->files[i].name);
	free(report->files);
	*report = (struct ep_dump_report){ 0 };
}

/* ---- one dump at a time ---- */

/* Waits until no other process dumps from this data folder. */
static enum ep_status
lock(int *fd, const struct dump *dump, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(ep_log_folder(dump->log), "dump.lock");
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	while (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return ep_fail_errno(err, errno, "cannot lock %s", path);
		if (dump->options->stop && atomic_load(dump->options->stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_WAIT_MS * 1000000L }, NULL);
	}
	return EP_OK;
}

/* ---- files ---- */

/* Removes what a killed dump of this node left under part names: nobody else writes those while the
 * lock is held, and what a note speaks of has been renamed. */
static enum ep_status
remove_leftovers(const struct dump *dump, struct ep_error *err)
{
	char suffix[64];
	size_t suffix_size = (size_t)snprintf(suffix, sizeof suffix, ".%s.part", dump->id);
	DIR *folder = opendir(dump->options->folder);
	if (!folder)
		return ep_fail_errno(err, errno, "cannot open the folder %s",
		                     dump->options->folder);
	struct dirent *item;
	while ((item = readdir(folder)) != NULL) {
		size_t size = strlen(item->d_name);
		if (strncmp(item->d_name, ".echoprint-", 11) == 0 && size > suffix_size &&
		    strcmp(item->d_name + size - suffix_size, suffix) == 0)
			(void)unlinkat(dirfd(folder), item->d_name, 0);
	}
	closedir(folder);
	return EP_OK;
}

static char *
final_name(const struct dump *dump, uint64_t number)
{
	char *name = NULL;
	if (asprintf(&name, "%s-%llu%s%s", dump->base, (unsigned long long)number,
	             dump->options->packets ? ".packet" : ".csv",
	             ep_compression_suffix(dump->options->compression)) < 0)
		return NULL;
	return name;
}

/* Finds the time that goes into the names: now; but later than that of the last dump, and such that
 * no file has the name, so that names never repeat whatever the clock does. */
static enum ep_status
choose_base(struct dump *dump, const char *lastdump, struct ep_error *err)
{
	int64_t moment = ep_time_now();
	int64_t last;
	if (ep_time_parse(&last, ep_text_of(lastdump)) && last >= moment)
		moment = last + 1;
	for (;; moment++) {
		char date[EP_TIME_TEXT];
		ep_time_print(date, moment);
		free(dump->base);
		dump->base = NULL;
		int size = dump->options->kind == EP_DUMP_MASTER
		                   ? asprintf(&dump->base, "echoprint-replication-out-%s", date)
		                   : asprintf(&dump->base, "echoprint-slave-%s-%s",
		                              dump->options->name, date);
		if (size < 0)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		EP_FREE char *name = final_name(dump, 1);
		EP_FREE char *path = name ? ep_path_join(dump->publication->folder, name) : NULL;
		if (!path)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		if (eaccess(path, F_OK) != 0) {
			memcpy(dump->publication->lastdump, date, sizeof date);
			return EP_OK;
		}
	}
}

static enum ep_status
add_file(struct dump *dump, struct ep_error *err)
{
	struct ep_publication *publication = dump->publication;
	struct ep_dump_report *report = dump->report;
	size_t count = publication->count + 1;
	struct ep_part *parts = realloc(publication->parts, count * sizeof *parts);
	if (parts)
		publication->parts = parts;
	struct ep_dump_file *files = realloc(report->files, count * sizeof *files);
	if (files)
		report->files = files;
	if (!parts || !files)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of files");
	struct ep_part *part = &parts[publication->count];
	*part = (struct ep_part){ .final = final_name(dump, count) };
	if (part->final && asprintf(&part->part, ".%s.%s.part", part->final, dump->id) < 0)
		part->part = NULL;
	publication->count += part->part != NULL;
	if (!part->part) {
		free(part->final);
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of files");
	}
	return EP_OK;
}

static enum ep_status
open_file(struct dump *dump, struct ep_error *err)
{
	ep_sha256_init(&dump->sha);
	dump->file_bytes = 0;
	dump->file_documents = 0;
	dump->open = true;
	if (!dump->options->folder)
		return EP_OK;
	EP_TRY(add_file(dump, err));
	const struct ep_part *part = &dump->publication->parts[dump->publication->count - 1];
	EP_FREE char *path = ep_path_join(dump->publication->folder, part->part);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	return ep_direct_create(&dump->file, path, part->final, err);
}

static enum ep_status
close_file(struct dump *dump, struct ep_error *err)
{
	dump->open = false;
	if (!dump->file)
		return EP_OK;
	EP_OWNED(ep_direct_close)
	struct ep_direct *done = EP_TAKE(dump->file);
	struct ep_part *part = &dump->publication->parts[dump->publication->count - 1];
	/* Sync before the rename, or a power cut may leave an empty file under the final name. */
	EP_TRY(ep_direct_finish(done, err));
	part->bytes = dump->file_bytes;
	struct ep_dump_file *file = &dump->report->files[dump->report->file_count];
	*file = (struct ep_dump_file){ .documents = dump->file_documents,
		                       .bytes = dump->file_bytes,
		                       .has_sha256 = dump->hashes };
	if (dump->hashes)
		ep_sha256_done(&file->sha256, &dump->sha);
	dump->report->file_count++;
	return EP_OK;
}

struct hashing {
	struct ep_sha256 *sha;
	const struct ep_dump_piece *piece;
};

static void *
hash_piece(void *context)
{
	const struct hashing *hashing = context;
	ep_sha256_add(hashing->sha, hashing->piece->bytes, hashing->piece->size);
	return NULL;
}

static enum ep_status
write_bytes(struct dump *dump, const struct ep_dump_piece *piece, struct ep_error *err)
{
	if (dump->file)
		return ep_direct_write(dump->file, piece->bytes, piece->size, err);
	return ep_write_all(STDOUT_FILENO, piece->bytes, piece->size, "standard output", err);
}

/* Writes a piece, and hashes it where that is wanted: at once, as both take about as long, and all
 * pieces go through this one thread. */
static enum ep_status
write_and_hash(struct dump *dump, const struct ep_dump_piece *piece, struct ep_error *err)
{
	struct hashing hashing = { &dump->sha, piece };
	pthread_t thread;
	bool beside = dump->hashes && piece->size >= HASHED_BESIDE &&
	              pthread_create(&thread, NULL, hash_piece, &hashing) == 0;
	if (dump->hashes && !beside)
		(void)hash_piece(&hashing);
	enum ep_status status = write_bytes(dump, piece, err);
	if (beside)
		pthread_join(thread, NULL);
	return status;
}

/* Takes the next piece of the stream of rows. */
static enum ep_status
write_piece(void *context, const struct ep_dump_piece *piece, struct ep_error *err)
{
	struct dump *dump = context;
	if (!dump->open)
		EP_TRY(open_file(dump, err));
	EP_TRY(write_and_hash(dump, piece, err));
	dump->file_bytes += piece->size;
	dump->file_documents += piece->documents;
	dump->report->documents += piece->documents;
	return piece->ends_file ? close_file(dump, err) : EP_OK;
}

/* Removes the files of a dump that failed. */
static void
remove_parts(const struct ep_publication *publication)
{
	for (size_t i = 0; i < publication->count; i++) {
		EP_FREE char *path = ep_path_join(publication->folder, publication->parts[i].part);
		if (path)
			(void)unlink(path);
	}
}

/* ---- the steps ---- */

/* Completes what killed dumps of either kind left undone: only then are other parts leftovers. */
static enum ep_status
complete_last(struct dump *dump, struct ep_error *err)
{
	for (int kind = EP_DUMP_MASTER; kind <= EP_DUMP_SLAVE; kind++) {
		EP_PUBLICATION struct ep_publication rest = { 0 };
		EP_TRY(ep_publish_rest(&rest, dump->log, &names_of[kind], err));
		for (size_t i = 0; i < rest.count && dump->options->on_completed; i++) {
			EP_FREE char *path = ep_path_join(rest.folder, rest.parts[i].final);
			if (path)
				dump->options->on_completed(dump->options->context, path);
		}
	}
	return EP_OK;
}

/* Reads the snapshot's facts: where the dump begins and ends, the time of the last one, the node.
 */
static enum ep_status
read_facts(struct dump *dump, const struct ep_log_read *read, struct ep_error *err)
{
	const struct ep_publication_names *names = &names_of[dump->options->kind];
	struct ep_dump_report *report = dump->report;
	struct ep_log_state state;
	ep_log_state(&state, read);
	EP_TRY(ep_log_number(&report->from, read, names->watermark, err));
	report->to = state.position;
	if (dump->options->since_given)
		report->from =
			dump->options->since < report->to ? dump->options->since : report->to;
	struct ep_bytes value;
	enum ep_status status = ep_log_value(&value, read, names->lastdump, err);
	if (status == EP_OK && value.size < sizeof report->lastdump)
		memcpy(report->lastdump, value.at, value.size);
	else if (status != EP_NOT_FOUND)
		return status == EP_OK ? ep_fail(err, EP_CORRUPT, "the log's %s is damaged",
		                                 names->lastdump)
		                       : status;
	uint8_t id[EP_NODE_ID_SIZE];
	EP_TRY(ep_log_node_id(id, read, err));
	for (size_t i = 0; i < EP_NODE_ID_SIZE; i++)
		snprintf(dump->id + 2 * i, 3, "%02x", id[i]);
	return EP_OK;
}

static enum ep_status
write_files(struct dump *dump, const struct ep_log_read *read, struct ep_error *err)
{
	const struct ep_dump_options *options = dump->options;
	struct ep_dump_stream stream = {
		.log = dump->log,
		.read = read,
		.after = dump->report->from,
		.source = options->kind == EP_DUMP_MASTER ? EP_SOURCE_ANY : EP_SOURCE_LOCAL,
		.lines = options->lines,
		.compression = options->compression,
		.node_name = options->name,
		.count_only = options->dry_run,
		.stop = options->stop,
		.on_progress = options->on_progress,
		.take = write_piece,
		.context = dump,
		.progress_context = options->context,
	};
	EP_TRY(options->packets ? ep_dump_packets(&stream, err) : ep_dump_rows(&stream, err));
	dump->report->deletions = stream.deletions;
	if (options->dry_run)
		dump->report->documents = stream.documents;
	return EP_OK;
}

static enum ep_status
dump_into_folder(struct dump *dump, struct ep_error *err)
{
	struct ep_publication *publication = dump->publication;
	publication->folder = realpath(dump->options->folder, NULL);
	if (!publication->folder)
		return ep_fail_errno(err, errno, "cannot open the folder %s",
		                     dump->options->folder);
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, dump->log, err));
	EP_TRY(read_facts(dump, read, err));
	EP_TRY(remove_leftovers(dump, err));
	EP_TRY(choose_base(dump, dump->report->lastdump, err));
	enum ep_status status = write_files(dump, read, err);
	ep_direct_close(EP_TAKE(dump->file));
	ep_log_read_end(EP_TAKE(read)); /* a write must not wait behind our own snapshot */
	if (status != EP_OK) {
		remove_parts(publication);
		return status;
	}
	if (publication->count == 0)
		return EP_OK;
	publication->moves = !dump->options->since_given;
	publication->watermark = dump->report->to;
	status = ep_publish(publication, dump->log, &names_of[dump->options->kind], err);
	if (status != EP_OK) {
		if (!publication->noted)
			remove_parts(publication);
		return status;
	}
	memcpy(dump->report->lastdump, publication->lastdump, EP_TIME_TEXT);
	for (size_t i = 0; i < publication->count; i++)
		dump->report->files[i].name = EP_TAKE(publication->parts[i].final);
	return EP_OK;
}

static enum ep_status
dump_without_files(struct dump *dump, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, dump->log, err));
	EP_TRY(read_facts(dump, read, err));
	return write_files(dump, read, err);
}

enum ep_status
ep_dump(struct ep_dump_report *report, struct ep_log *log, const struct ep_dump_options *options,
        struct ep_error *err)
{
	*report = (struct ep_dump_report){ 0 };
	EP_PUBLICATION struct ep_publication publication = { 0 };
	struct dump dump = {
		.log = log,
		.options = options,
		.report = report,
		.publication = &publication,
		.hashes = options->folder && (options->checksums || options->packets),
	};
	if (options->dry_run || !options->folder)
		return dump_without_files(&dump, err);
	EP_FD int fd = -1;
	EP_TRY(lock(&fd, &dump, err));
	EP_TRY(complete_last(&dump, err));
	enum ep_status status = dump_into_folder(&dump, err);
	free(dump.base);
	return status;
}
