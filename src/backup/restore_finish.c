#include "backup/restore_finish.h"

#include "backup/parts.h"

/* The index and the catalogue were not copied: without their names they are made anew. */
static enum ep_status
forget_files(struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_remove_value(write, EP_INDEX_VALUE, err));
	EP_TRY(ep_log_remove_value(write, EP_CATALOGUE_VALUE, err));
	return ep_log_commit(&write, err);
}

static enum ep_status
check_log(bool *published, struct ep_log *log, const struct ep_backup_manifest *manifest,
          struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	*published = ep_log_has_marks(read);
	return ep_backup_manifest_check(manifest, read, err);
}

static enum ep_status
check_plays(const char *folder, size_t map_size, struct ep_error *err)
{
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = NULL;
	enum ep_status status = ep_plays_open(&plays, folder, false, map_size, err);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

enum ep_status
ep_restore_finish(bool *published, const struct ep_new_folder *folder,
                  const struct ep_backup_manifest *manifest, size_t map_size, struct ep_error *err)
{
	const char *path = ep_new_folder_path(folder);
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	enum ep_status status = ep_log_open_within(&log, path, EP_LOG_WRITE, map_size, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_CORRUPT, "the backup has no log");
	EP_TRY(status);
	EP_TRY(check_log(published, log, manifest, err));
	EP_TRY(forget_files(log, err));
	return check_plays(path, map_size, err);
}
