#include "backup/backup_pages.h"

#include "backup/backup_folder.h"
#include "backup/page_map.h"
#include "backup/part_file.h"
#include "backup/part_small.h"
#include "backup/parts.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACK_MANIFEST "{\"format\":1}"

struct run {
	const struct ep_backup_options *options;
	struct ep_backup_pages_report *report;
	struct ep_container_writer map;
	struct ep_container_writer pack;
	struct ep_page_file *before; /* the newest map; NULL: there is none */
	uint64_t done; /* bytes so far */
	uint64_t all;
};

/* ---- pages ---- */

/* Stores a page where it is not what it was; ref is that of the newest map, and becomes its own. */
static enum ep_status
add_page(struct run *run, struct ep_page_ref *ref, const uint8_t *bytes, size_t size,
         struct ep_error *err)
{
	uint8_t hash[EP_PAGE_HASH];
	if (!bytes) {
		*ref = (struct ep_page_ref){ 0 };
		return ep_page_ref_write(&run->map, ref, err);
	}
	run->report->pages++;
	ep_page_hash(hash, bytes, size);
	if (!ref->pack || memcmp(hash, ref->hash, sizeof hash) != 0) {
		*ref = (struct ep_page_ref){ .pack = run->report->number,
			                     .index = (uint32_t)run->report->added++ };
		memcpy(ref->hash, hash, sizeof hash);
		EP_TRY(ep_container_add(&run->pack, bytes, size, err));
	}
	return ep_page_ref_write(&run->map, ref, err);
}

/* The table of the newest map, with count 0 where it is none of the same page size. */
static enum ep_status
table_before(struct ep_page_table *table, struct run *run, const char *name, uint32_t page_size,
             struct ep_error *err)
{
	struct ep_page_table found;
	table->count = 0;
	if (!run->before)
		return EP_OK;
	enum ep_status status = ep_page_file_find(run->before, name, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_page_table_read(&found, ep_page_file_reader(run->before), err));
	if (found.page_size == page_size)
		*table = found;
	return EP_OK;
}

static enum ep_status
on_step(struct run *run, uint64_t number, size_t size, struct ep_error *err)
{
	const struct ep_backup_options *options = run->options;
	run->done += size;
	if (number % 256)
		return EP_OK;
	if (options->stop && atomic_load(options->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (options->on_progress)
		options->on_progress(options->context, run->done, run->all);
	return EP_OK;
}

static enum ep_status
add_pages(struct run *run, const char *name, struct ep_env_pages *pages, struct ep_error *err)
{
	struct ep_page_table before = { 0 };
	struct ep_page_table table = { .page_size = ep_env_page_size(pages),
		                       .count = ep_env_page_count(pages) };
	run->all += table.count * table.page_size;
	EP_TRY(table_before(&before, run, name, table.page_size, err));
	EP_TRY(ep_page_table_write(&run->map, name, &table, err));
	for (uint64_t number = 0; number < table.count; number++) {
		struct ep_page_ref ref = { 0 };
		const uint8_t *bytes;
		if (number < before.count)
			EP_TRY(ep_page_ref_read(&ref, ep_page_file_reader(run->before), err));
		EP_TRY(ep_env_page(&bytes, pages, number, err));
		EP_TRY(add_page(run, &ref, bytes, table.page_size, err));
		EP_TRY(on_step(run, number, table.page_size, err));
	}
	return EP_OK;
}

static enum ep_status
add_plays(struct run *run, struct ep_error *err)
{
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = NULL;
	EP_OWNED(ep_env_pages_close)
	struct ep_env_pages *pages = NULL;
	enum ep_status status =
		ep_plays_open(&plays, run->options->folder, false, run->options->map_size, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_plays_pages_open(&pages, plays, err));
	return add_pages(run, EP_PART_PLAYS, pages, err);
}

/* ---- the newest map ---- */

static enum ep_status
open_before(struct run *run, struct ep_error *err)
{
	const char *folder = run->options->path;
	struct ep_backup_manifest manifest;
	EP_FREE struct ep_kept *list = NULL;
	size_t count;
	EP_TRY(ep_backup_folder_list(&list, &count, folder, err));
	const struct ep_kept *newest = count ? &list[count - 1] : NULL;
	run->report->number = newest ? newest->number + 1 : 1;
	if (run->report->number > EP_BACKUP_NUMBER_MAX)
		return ep_fail(err, EP_BAD_INPUT, "%s is full; begin a new folder", folder);
	if (!newest)
		return EP_OK;
	EP_FREE char *path = ep_map_path(folder, newest->name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_page_file_open(&run->before, path, err));
	EP_TRY(ep_backup_manifest_read(
		&manifest, ep_container_manifest(ep_page_file_reader(run->before)), err));
	if (strcmp(manifest.id, run->report->manifest.id) != 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "%s has backups of another log, of node %s; give a folder of its "
		               "own",
		               folder, manifest.node);
	return EP_OK;
}

/* ---- the whole ---- */

static enum ep_status
begin_map(struct run *run, struct ep_part_file *part, const char *path, struct ep_error *err)
{
	EP_FREE char *text = NULL;
	EP_TRY(ep_backup_manifest_text(&text, &run->report->manifest, err));
	return ep_container_begin(&run->map, ep_part_file_fd(part), path, ep_text_of(text), err);
}

/* Writes both files to their ends. */
static enum ep_status
write_parts(struct run *run, struct ep_env_pages *pages, struct ep_error *err)
{
	const char *folder = run->options->folder;
	uint64_t small = 0;
	EP_TRY(ep_container_part(&run->pack, "pages", err));
	if (run->report->manifest.with_key)
		EP_TRY(ep_part_add_small(&small, &run->map, folder, EP_PART_KEY, err));
	EP_TRY(add_pages(run, EP_PART_LOG, pages, err));
	EP_TRY(add_plays(run, err));
	EP_TRY(ep_part_add_small(&small, &run->map, folder, EP_PART_TOKEN, err));
	EP_TRY(ep_container_end(&run->pack, err));
	return ep_container_end(&run->map, err);
}

/* Data first, what points to it last. */
static enum ep_status
write_files(struct run *run, struct ep_env_pages *pages, struct ep_error *err)
{
	const char *folder = run->options->path;
	struct ep_backup_pages_report *report = run->report;
	char name[EP_KEPT_NAME];
	ep_map_name(name, report->number, report->manifest.position, report->manifest.time);
	EP_FREE char *map_path = ep_map_path(folder, name);
	EP_FREE char *pack_path = ep_pack_path(folder, report->number);
	EP_OWNED(ep_part_file_close)
	struct ep_part_file *map = NULL;
	EP_OWNED(ep_part_file_close)
	struct ep_part_file *pack = NULL;
	if (!map_path || !pack_path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_part_file_open(&map, map_path, EP_CONTAINER_MAGIC, EP_CONTAINER_MAGIC_SIZE,
	                         "a backup", err));
	EP_TRY(ep_part_file_open(&pack, pack_path, EP_CONTAINER_MAGIC, EP_CONTAINER_MAGIC_SIZE,
	                         "a backup", err));
	EP_TRY(ep_container_begin(&run->pack, ep_part_file_fd(pack), pack_path,
	                          ep_text_of(PACK_MANIFEST), err));
	EP_TRY(begin_map(run, map, map_path, err));
	EP_TRY(write_parts(run, pages, err));
	report->written = run->map.written + (report->added ? run->pack.written : 0);
	if (report->added)
		EP_TRY(ep_part_file_publish(pack, err));
	return ep_part_file_publish(map, err);
}

static enum ep_status
run_backup(struct run *run, size_t keep, struct ep_error *err)
{
	const struct ep_backup_options *options = run->options;
	struct ep_backup_manifest *manifest = &run->report->manifest;
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_env_pages_close)
	struct ep_env_pages *pages = NULL;
	EP_FD int lock = -1;
	EP_TRY(ep_log_open_within(&log, options->folder, EP_LOG_READ, options->map_size, err));
	EP_TRY(ep_backup_folder_lock(&lock, options->path, err));
	EP_TRY(ep_log_pages_open(&pages, &read, log, err));
	EP_TRY(ep_backup_manifest_of(manifest, read, options->folder, err));
	manifest->with_key = *manifest->key && !options->without_key;
	ep_log_read_end(EP_TAKE(read));
	EP_TRY(ep_backup_folder_sweep(options->path, 0, err)); /* of a run that was killed */
	EP_TRY(open_before(run, err));
	EP_TRY(write_files(run, pages, err));
	return keep ? ep_backup_folder_sweep(options->path, keep, err) : EP_OK;
}

enum ep_status
ep_backup_pages(struct ep_backup_pages_report *report, const struct ep_backup_options *options,
                size_t keep, struct ep_error *err)
{
	struct ep_backup_pages_report made = { 0 };
	struct run run = { .options = options, .report = &made };
	enum ep_status status = run_backup(&run, keep, err);
	ep_page_file_close(run.before);
	ep_container_done(&run.map);
	ep_container_done(&run.pack);
	if (status == EP_OK)
		*report = made;
	return status;
}
