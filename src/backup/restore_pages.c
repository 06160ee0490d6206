#include "backup/restore_pages.h"

#include "backup/backup_folder.h"
#include "backup/new_folder.h"
#include "backup/page_map.h"
#include "backup/parts.h"
#include "backup/restore_finish.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
	const struct ep_restore_options *options;
	struct ep_restore_report *report;
	struct ep_kept kept; /* the backup */
	struct ep_new_folder *folder; /* NULL where the backup is only checked */
	uint8_t *needed; /* packs, a bit each */
	uint64_t all; /* bytes of all tables */
};

/* A pack that is read to its end, page by page. */
struct pack {
	struct ep_page_file *file;
	uint64_t next; /* index of the next page */
	uint32_t page_size;
	uint8_t *bytes; /* of the page before it */
};

/* ---- the backup ---- */

static enum ep_status
choose(struct run *run, struct ep_error *err)
{
	const struct ep_restore_options *options = run->options;
	EP_FREE struct ep_kept *list = NULL;
	size_t count;
	EP_TRY(ep_backup_folder_list(&list, &count, options->path, err));
	while (count && options->has_at && list[count - 1].position != options->at)
		count--;
	if (count == 0 && options->has_at)
		return ep_fail(err, EP_NOT_FOUND,
		               "no backup is at position %llu; `backup --to DIR --list` lists them",
		               (unsigned long long)options->at);
	if (count == 0)
		return ep_fail(err, EP_NOT_FOUND, "there is no backup in the folder");
	run->kept = list[count - 1];
	return EP_OK;
}

static enum ep_status
open_map(struct ep_page_file **map, const struct run *run, struct ep_error *err)
{
	EP_FREE char *path = ep_map_path(run->options->path, run->kept.name);
	return path ? ep_page_file_open(map, path, err)
	            : ep_fail(err, EP_NO_MEMORY, "out of memory");
}

/* ---- pages ---- */

/* Goes on to a page of the pack, and compares its hash. */
static enum ep_status
read_page(struct pack *pack, const struct ep_page_ref *ref, struct ep_error *err)
{
	uint8_t hash[EP_PAGE_HASH];
	if (ref->index < pack->next)
		return ep_fail(err, EP_CORRUPT, "the pages of pack %u are out of order", ref->pack);
	for (; pack->next <= ref->index; pack->next++)
		EP_TRY(ep_container_read_exact(ep_page_file_reader(pack->file), pack->bytes,
		                               pack->page_size, err));
	ep_page_hash(hash, pack->bytes, pack->page_size);
	if (memcmp(hash, ref->hash, sizeof hash) != 0)
		return ep_fail(err, EP_CORRUPT, "page %u of pack %u is damaged", ref->index,
		               ref->pack);
	return EP_OK;
}

static enum ep_status
write_page(int fd, const struct pack *pack, uint64_t number, struct ep_error *err)
{
	size_t done = 0;
	while (done < pack->page_size) {
		off_t at = (off_t)(number * pack->page_size + done);
		ssize_t count = pwrite(fd, pack->bytes + done, pack->page_size - done, at);
		if (count < 0 && errno != EINTR)
			return ep_fail_errno(err, errno, "cannot write a page");
		done += count > 0 ? (size_t)count : 0;
	}
	return EP_OK;
}

static enum ep_status
on_step(struct run *run, size_t size, struct ep_error *err)
{
	const struct ep_restore_options *options = run->options;
	run->report->bytes += size;
	if (options->stop && atomic_load(options->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (options->on_progress)
		options->on_progress(options->context, run->report->bytes, run->all);
	return EP_OK;
}

/* Writes the pages of a table that are in one pack. */
static enum ep_status
copy_from(struct run *run, struct pack *pack, uint32_t number, int fd, const char *name,
          struct ep_error *err)
{
	EP_OWNED(ep_page_file_close)
	struct ep_page_file *map = NULL;
	struct ep_page_table table;
	EP_TRY(open_map(&map, run, err));
	EP_TRY(ep_page_file_find(map, name, err));
	EP_TRY(ep_page_table_read(&table, ep_page_file_reader(map), err));
	for (uint64_t page = 0; page < table.count; page++) {
		struct ep_page_ref ref;
		EP_TRY(ep_page_ref_read(&ref, ep_page_file_reader(map), err));
		if (ref.pack != number)
			continue;
		EP_TRY(read_page(pack, &ref, err));
		if (fd >= 0)
			EP_TRY(write_page(fd, pack, page, err));
		EP_TRY(on_step(run, table.page_size, err));
	}
	return EP_OK;
}

static enum ep_status
copy_pack(struct run *run, uint32_t number, uint32_t page_size, int fd, const char *name,
          struct ep_error *err)
{
	EP_FREE char *path = ep_pack_path(run->options->path, number);
	EP_FREE uint8_t *bytes = malloc(page_size);
	EP_OWNED(ep_page_file_close)
	struct ep_page_file *file = NULL;
	if (!path || !bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_page_file_open(&file, path, err));
	enum ep_status status = ep_page_file_find(file, "pages", err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_CORRUPT, "%s has no pages", path);
	EP_TRY(status);
	struct pack pack = { .file = file, .page_size = page_size, .bytes = bytes };
	status = copy_from(run, &pack, number, fd, name, err);
	if (status == EP_CORRUPT)
		ep_error_prefix(err, "%s: ", path);
	return status;
}

/* Makes the file of a table: what is free is a hole. */
static enum ep_status
copy_table(struct run *run, const struct ep_page_table *table, const char *name,
           struct ep_error *err)
{
	EP_FD int fd = -1;
	if (run->folder)
		EP_TRY(ep_new_folder_file(&fd, run->folder, name, err));
	if (fd >= 0 && ftruncate(fd, (off_t)(table->count * table->page_size)) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", name);
	for (uint32_t number = 1; number <= run->kept.number; number++) {
		if (run->needed[number / 8] >> number % 8 & 1)
			EP_TRY(copy_pack(run, number, table->page_size, fd, name, err));
	}
	if (fd >= 0 && fsync(fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", name);
	return EP_OK;
}

/* ---- parts ---- */

static enum ep_status
copy_small(const struct run *run, struct ep_container_reader *reader, const char *name,
           struct ep_error *err)
{
	struct ep_bytes bytes = { .size = 1 };
	EP_FD int fd = -1;
	if (run->folder)
		EP_TRY(ep_new_folder_file(&fd, run->folder, name, err));
	while (bytes.size) {
		EP_TRY(ep_container_read(&bytes, reader, err));
		if (fd >= 0)
			EP_TRY(ep_write_all(fd, bytes.at, bytes.size, name, err));
	}
	if (fd >= 0 && fsync(fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", name);
	return EP_OK;
}

static enum ep_status
copy_parts(struct run *run, struct ep_page_file *map, struct ep_error *err)
{
	struct ep_container_reader *reader = ep_page_file_reader(map);
	for (;;) {
		const char *name;
		struct ep_page_table table;
		enum ep_status status = ep_container_next(&name, reader, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		bool paged = strcmp(name, EP_PART_LOG) == 0 || strcmp(name, EP_PART_PLAYS) == 0;
		if (!paged) {
			EP_TRY(copy_small(run, reader, name, err));
			continue;
		}
		EP_TRY(ep_page_table_read(&table, reader, err));
		run->all += table.count * table.page_size;
		EP_TRY(copy_table(run, &table, name, err));
	}
}

static enum ep_status
restore(struct run *run, struct ep_error *err)
{
	const struct ep_restore_options *options = run->options;
	struct ep_restore_report *report = run->report;
	EP_OWNED(ep_page_file_close)
	struct ep_page_file *map = NULL;
	EP_OWNED(ep_new_folder_close)
	struct ep_new_folder *folder = NULL;
	EP_TRY(choose(run, err));
	/* The whole map is read first: its hash is compared before anything follows it. */
	EP_TRY(ep_packs_needed(run->needed, options->path, run->kept.name, err));
	EP_TRY(open_map(&map, run, err));
	EP_TRY(ep_backup_manifest_read(&report->manifest,
	                               ep_container_manifest(ep_page_file_reader(map)), err));
	if (!options->check)
		EP_TRY(ep_new_folder_make(&folder, options->folder, err));
	run->folder = folder;
	EP_TRY(copy_parts(run, map, err));
	if (!folder)
		return EP_OK;
	EP_TRY(ep_restore_finish(&report->published, folder, &report->manifest, options->map_size,
	                         err));
	return ep_new_folder_publish(folder, err);
}

enum ep_status
ep_restore_pages(struct ep_restore_report *report, const struct ep_restore_options *options,
                 struct ep_error *err)
{
	struct ep_restore_report made = { 0 };
	EP_FREE uint8_t *needed = calloc(1, EP_BACKUP_NUMBER_MAX / 8 + 1);
	struct run run = { .options = options, .report = &made, .needed = needed };
	if (!needed)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(restore(&run, err));
	*report = made;
	return EP_OK;
}
