#include "backup/backup.h"

#include "backup/container.h"
#include "backup/part_file.h"
#include "backup/part_small.h"
#include "backup/parts.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)1 << 20)

struct run {
	const struct ep_backup_options *options;
	struct ep_backup_report *report;
	struct ep_container_writer writer;
	uint64_t most; /* bytes that there are to be copied */
};

/* ---- parts ---- */

/* Bytes of a file of the data folder; 0: there is none. */
static uint64_t
size_of(const char *folder, const char *name)
{
	struct stat info;
	EP_FREE char *path = ep_path_join(folder, name);
	return path && stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static enum ep_status
on_step(const struct run *run, struct ep_error *err)
{
	const struct ep_backup_options *options = run->options;
	if (options->stop && atomic_load(options->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (options->on_progress)
		options->on_progress(options->context, run->report->copied, run->most);
	return EP_OK;
}

/* Adds all that a copy gives as the part of that name. */
static enum ep_status
add_copy(struct run *run, const char *name, struct ep_env_copy *copy, struct ep_error *err)
{
	EP_FREE uint8_t *bytes = malloc(READ_SIZE);
	if (!bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_container_part(&run->writer, name, err));
	for (size_t got = 1; got;) {
		EP_TRY(ep_env_copy_read(&got, copy, bytes, READ_SIZE, err));
		EP_TRY(ep_container_add(&run->writer, bytes, got, err));
		run->report->copied += got;
		EP_TRY(on_step(run, err));
	}
	return EP_OK;
}

/* Adds a small file of the data folder, where it is there. */
static enum ep_status
add_small(struct run *run, const char *name, struct ep_error *err)
{
	return ep_part_add_small(&run->report->copied, &run->writer, run->options->folder, name,
	                         err);
}

static enum ep_status
add_plays(struct run *run, struct ep_error *err)
{
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = NULL;
	EP_OWNED(ep_env_copy_close)
	struct ep_env_copy *copy = NULL;
	enum ep_status status =
		ep_plays_open(&plays, run->options->folder, false, run->options->map_size, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_plays_copy_open(&copy, plays, err));
	return add_copy(run, EP_PART_PLAYS, copy, err);
}

/* ---- the whole ---- */

static enum ep_status
begin(struct run *run, int fd, const char *name, struct ep_error *err)
{
	EP_FREE char *text = NULL;
	EP_TRY(ep_backup_manifest_text(&text, &run->report->manifest, err));
	return ep_container_begin(&run->writer, fd, name, ep_text_of(text), err);
}

/* Writes the parts. The log comes first, so that whatever else is there is at least as new. */
static enum ep_status
write_parts(struct run *run, int fd, const char *name, struct ep_error *err)
{
	const struct ep_backup_options *options = run->options;
	struct ep_backup_manifest *manifest = &run->report->manifest;
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_env_copy_close)
	struct ep_env_copy *copy = NULL;
	EP_TRY(ep_log_open_within(&log, options->folder, EP_LOG_READ, options->map_size, err));
	EP_TRY(ep_log_copy_open(&copy, &read, log, err));
	EP_TRY(ep_backup_manifest_of(manifest, read, options->folder, err));
	manifest->with_key = *manifest->key && !options->without_key;
	ep_log_read_end(EP_TAKE(read));
	run->most = size_of(options->folder, EP_PART_LOG) + size_of(options->folder, EP_PART_PLAYS);
	EP_TRY(begin(run, fd, name, err));
	if (manifest->with_key)
		EP_TRY(add_small(run, EP_PART_KEY, err));
	EP_TRY(add_copy(run, EP_PART_LOG, copy, err));
	EP_TRY(add_plays(run, err));
	EP_TRY(add_small(run, EP_PART_TOKEN, err));
	EP_TRY(ep_container_end(&run->writer, err));
	run->report->written = run->writer.written;
	return EP_OK;
}

static enum ep_status
write_file(struct run *run, struct ep_error *err)
{
	EP_OWNED(ep_part_file_close)
	struct ep_part_file *part = NULL;
	EP_TRY(ep_part_file_open(&part, run->options->path, EP_CONTAINER_MAGIC,
	                         EP_CONTAINER_MAGIC_SIZE, "a backup", err));
	EP_TRY(write_parts(run, ep_part_file_fd(part), run->options->path, err));
	return ep_part_file_publish(part, err);
}

enum ep_status
ep_backup(struct ep_backup_report *report, const struct ep_backup_options *options,
          struct ep_error *err)
{
	struct ep_backup_report made = { 0 };
	struct run run = { .options = options, .report = &made };
	enum ep_status status = options->path
	                                ? write_file(&run, err)
	                                : write_parts(&run, STDOUT_FILENO, "standard output", err);
	ep_container_done(&run.writer);
	if (status == EP_OK)
		*report = made;
	return status;
}
