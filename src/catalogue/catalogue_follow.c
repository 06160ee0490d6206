#include "base/file.h"
#include "catalogue/catalogue_internal.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Entries of one transaction. */
#define BATCH 20000

/* So many stale rows are always welcome. */
#define STALE_MIN 65536

/* Removes files but the marked one, which begin with its tag. */
static enum ep_status
sweep(const char *folder, const struct ep_catalogue_mark *mark, struct ep_error *err)
{
	char keep[2 * EP_CATALOGUE_TAG_SIZE + 1];
	sodium_bin2hex(keep, sizeof keep, mark->tag, sizeof mark->tag);
	DIR *names = opendir(folder);
	if (!names)
		return ep_fail_errno(err, errno, "cannot open the folder %s", folder);
	for (struct dirent *item = readdir(names); item; item = readdir(names)) {
		if (strstr(item->d_name, ".db") && strncmp(item->d_name, keep, strlen(keep)) != 0)
			(void)unlinkat(dirfd(names), item->d_name, 0);
	}
	closedir(names);
	return EP_OK;
}

/* A new file, which counts once it is marked; those that are not go. */
static enum ep_status
begin_anew(struct ep_catalogue *catalogue, struct ep_catalogue_mark *mark, const char *folder,
           struct ep_error *err)
{
	*mark = (struct ep_catalogue_mark){ .is_there = true };
	randombytes_buf(mark->tag, sizeof mark->tag);
	EP_TRY(ep_catalogue_open_file(catalogue, mark->tag, true, err));
	EP_TRY(ep_catalogue_mark_store(mark, catalogue->log, err));
	return sweep(folder, mark, err);
}

/* Whether the marked file can be gone on with; it is open then. */
static enum ep_status
is_usable(bool *usable, struct ep_catalogue *catalogue, const struct ep_catalogue_mark *mark,
          const struct ep_log_state *state, struct ep_error *err)
{
	uint64_t watermark;
	uint64_t rows;
	*usable = false;
	if (!mark->is_there)
		return EP_OK;
	enum ep_status status = ep_catalogue_open_file(catalogue, mark->tag, false, err);
	if (status == EP_OK)
		status = ep_catalogue_db_about(&watermark, &rows, catalogue->file, err);
	if (status == EP_NOT_FOUND || status == EP_CORRUPT)
		return EP_OK;
	EP_TRY(status);
	*usable = watermark == mark->watermark && watermark <= state->position &&
	          rows <= 2 * state->tracks + STALE_MIN;
	return EP_OK;
}

static enum ep_status
look(struct ep_log_state *state, struct ep_catalogue_mark *mark, struct ep_log *log,
     struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	ep_log_state(state, read);
	return ep_catalogue_mark_load(mark, read, err);
}

static enum ep_status
add_batch(struct ep_catalogue *catalogue, struct ep_catalogue_mark *mark, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, catalogue->log, err));
	EP_TRY(ep_catalogue_add(catalogue->file, &mark->watermark, catalogue->log, read, BATCH,
	                        err));
	ep_log_read_end(EP_TAKE(read));
	return ep_catalogue_mark_store(mark, catalogue->log, err);
}

static enum ep_status
follow(struct ep_catalogue *catalogue, const struct ep_catalogue_options *options,
       const char *folder, struct ep_error *err)
{
	struct ep_log_state state;
	struct ep_catalogue_mark mark;
	bool usable;
	EP_TRY(look(&state, &mark, catalogue->log, err));
	EP_TRY(is_usable(&usable, catalogue, &mark, &state, err));
	if (!usable)
		EP_TRY(begin_anew(catalogue, &mark, folder, err));
	if (state.position - mark.watermark <= EP_CATALOGUE_TAIL)
		return EP_OK;
	while (mark.watermark < state.position) {
		if (options->stop && atomic_load(options->stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		if (options->on_progress)
			options->on_progress(options->context, mark.watermark, state.position);
		EP_TRY(add_batch(catalogue, &mark, err));
	}
	return EP_OK;
}

/* Whether there is no file, and need not be one: memory is enough. */
static enum ep_status
needs_none(bool *none, const struct ep_catalogue *catalogue, struct ep_error *err)
{
	struct ep_log_state state;
	struct ep_catalogue_mark mark;
	EP_TRY(look(&state, &mark, catalogue->log, err));
	*none = !mark.is_there && state.position <= EP_CATALOGUE_TAIL;
	return EP_OK;
}

enum ep_status
ep_catalogue_follow(struct ep_catalogue *catalogue, const struct ep_catalogue_options *options,
                    struct ep_error *err)
{
	EP_FD int fd = -1;
	bool none;
	EP_FREE char *folder = ep_path_join(ep_log_folder(catalogue->log), EP_CATALOGUE_FOLDER);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(needs_none(&none, catalogue, err));
	if (none)
		return EP_OK;
	EP_TRY(ep_make_folder(folder, err));
	pthread_mutex_lock(&catalogue->mutex);
	enum ep_status status = ep_lock_file(&fd, folder, "lock", err);
	if (status == EP_OK)
		status = follow(catalogue, options, folder, err);
	/* Damage that shows only now: once more, with a new file. */
	if (ep_catalogue_close_file(catalogue) && status != EP_OK)
		status = follow(catalogue, options, folder, err);
	(void)ep_catalogue_close_file(catalogue);
	pthread_mutex_unlock(&catalogue->mutex);
	return status;
}

enum ep_status
ep_catalogue_check(struct ep_catalogue *catalogue, struct ep_error *err)
{
	struct ep_log_state state;
	struct ep_catalogue_mark mark;
	EP_TRY(look(&state, &mark, catalogue->log, err));
	if (!mark.is_there)
		return EP_OK;
	pthread_mutex_lock(&catalogue->mutex);
	enum ep_status status = ep_catalogue_open_file(catalogue, mark.tag, false, err);
	if (status == EP_OK)
		status = ep_catalogue_db_check(catalogue->file, err);
	(void)ep_catalogue_close_file(catalogue);
	pthread_mutex_unlock(&catalogue->mutex);
	return status == EP_NOT_FOUND ? EP_OK : status;
}
