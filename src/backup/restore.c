#include "backup/restore.h"

#include "backup/container.h"
#include "backup/restore_finish.h"
#include "backup/restore_pages.h"
#include "base/file.h"
#include "format/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct run {
	const struct ep_restore_options *options;
	struct ep_container_reader *reader;
	struct ep_new_folder *folder; /* NULL where the backup is only checked */
	uint64_t all; /* bytes of the file; 0: not known */
	uint64_t bytes; /* of parts so far */
};

static enum ep_status
on_step(const struct run *run, struct ep_error *err)
{
	const struct ep_restore_options *options = run->options;
	if (options->stop && atomic_load(options->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (options->on_progress)
		options->on_progress(options->context, ep_container_read_bytes(run->reader),
		                     run->all);
	return EP_OK;
}

/* Reads a part to its end, and writes it into a file where fd is one. */
static enum ep_status
copy_part(struct run *run, int fd, const char *name, struct ep_error *err)
{
	struct ep_bytes bytes = { .size = 1 };
	while (bytes.size) {
		EP_TRY(ep_container_read(&bytes, run->reader, err));
		if (fd >= 0)
			EP_TRY(ep_write_all(fd, bytes.at, bytes.size, name, err));
		run->bytes += bytes.size;
		EP_TRY(on_step(run, err));
	}
	return EP_OK;
}

static enum ep_status
restore_part(struct run *run, const char *name, struct ep_error *err)
{
	EP_FD int fd = -1;
	if (run->folder) {
		enum ep_status status = ep_new_folder_file(&fd, run->folder, name, err);
		if (status == EP_BAD_INPUT)
			return ep_fail(err, EP_CORRUPT,
			               "the backup is damaged: its part \"%s\" is not known, or "
			               "there twice",
			               name);
		EP_TRY(status);
	}
	EP_TRY(copy_part(run, fd, name, err));
	if (fd >= 0 && fsync(fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", name);
	return EP_OK;
}

/* Reads all parts; on EP_OK the file was whole and unchanged. */
static enum ep_status
restore_parts(struct run *run, struct ep_error *err)
{
	const char *name;
	for (;;) {
		enum ep_status status = ep_container_next(&name, run->reader, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		EP_TRY(restore_part(run, name, err));
	}
}

static enum ep_status
restore_from(struct ep_restore_report *report, struct run *run, struct ep_error *err)
{
	EP_TRY(ep_backup_manifest_read(&report->manifest, ep_container_manifest(run->reader), err));
	EP_OWNED(ep_new_folder_close)
	struct ep_new_folder *folder = NULL;
	if (!run->options->check)
		EP_TRY(ep_new_folder_make(&folder, run->options->folder, err));
	run->folder = folder;
	EP_TRY(restore_parts(run, err));
	report->bytes = run->bytes;
	if (!folder)
		return EP_OK;
	EP_TRY(ep_restore_finish(&report->published, folder, &report->manifest,
	                         run->options->map_size, err));
	return ep_new_folder_publish(folder, err);
}

static enum ep_status
open_file(int *fd, uint64_t *size, const char *path, struct ep_error *err)
{
	struct stat info;
	*fd = path ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (*fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path ? path : "standard input");
	*size = fstat(*fd, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
	return EP_OK;
}

enum ep_status
ep_restore(struct ep_restore_report *report, const struct ep_restore_options *options,
           struct ep_error *err)
{
	struct ep_restore_report made = { 0 };
	struct run run = { .options = options };
	EP_FD int fd = -1;
	EP_OWNED(ep_container_close)
	struct ep_container_reader *reader = NULL;
	struct stat info;
	if (options->path && stat(options->path, &info) == 0 && S_ISDIR(info.st_mode))
		return ep_restore_pages(report, options, err);
	if (options->has_at)
		return ep_fail(
			err, EP_BAD_INPUT,
			"a position chooses one of a folder of backups, but this is one file");
	EP_TRY(open_file(&fd, &run.all, options->path, err));
	enum ep_status status = ep_container_open(&reader, ep_source_of_fd(&fd), err);
	run.reader = reader;
	if (status == EP_OK)
		status = restore_from(&made, &run, err);
	if (status == EP_OK)
		*report = made;
	return status;
}
