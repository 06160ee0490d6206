#include "base/file.h"
#include "index/collect.h"
#include "index/index.h"
#include "index/manifest.h"
#include "index/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Shards that one run makes before it merges them. */
#define SHARDS_WAITING 64

struct follow {
	struct ep_log *log;
	const struct ep_index_options *options;
	struct ep_manifest manifest;
	struct ep_builder *builder;
	uint64_t last; /* position at the end of the snapshot */
	uint64_t trimmed; /* position at which memory was last given back */
};

#define TRIM_POSITIONS 4096

/* ---- files ---- */

/* Only one process follows at a time: the lock is held while the file is open. */
static enum ep_status
lock(int *fd, const struct ep_log *log, struct ep_error *err)
{
	EP_FREE char *folder = ep_index_folder(log);
	EP_FREE char *path = folder ? ep_path_join(folder, "lock") : NULL;
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_make_folder(folder, err));
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	while (flock(*fd, LOCK_EX) != 0) {
		if (errno != EINTR)
			return ep_fail_errno(err, errno, "cannot lock %s", path);
	}
	return EP_OK;
}

static bool
is_named(const struct ep_manifest *manifest, const char *name)
{
	char *end;
	uint64_t number = strtoull(name, &end, 10);
	for (size_t i = 0; end != name && strcmp(end, ".shard") == 0 && i < manifest->count; i++) {
		if (manifest->shards[i].number == number)
			return true;
	}
	return false;
}

/* Removes shards that are not part of the index: what a crash left, and what was merged. */
static enum ep_status
sweep(const struct follow *follow, struct ep_error *err)
{
	EP_FREE char *folder = ep_index_folder(follow->log);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	DIR *names = opendir(folder);
	if (!names)
		return ep_fail_errno(err, errno, "cannot open the folder %s", folder);
	for (struct dirent *item = readdir(names); item; item = readdir(names)) {
		if (strstr(item->d_name, ".shard") && !is_named(&follow->manifest, item->d_name))
			(void)unlinkat(dirfd(names), item->d_name, 0);
	}
	closedir(names);
	return EP_OK;
}

/* A file for the next shard, under the name that it keeps: nothing reads it before the manifest
 * names it. */
static enum ep_status
make_file(int *fd, char **path, struct follow *follow, struct ep_error *err)
{
	*path = ep_shard_path(follow->log, follow->manifest.next_number);
	if (!*path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*fd = open(*path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return *fd < 0 ? ep_fail_errno(err, errno, "cannot create %s", *path) : EP_OK;
}

static enum ep_status
make_durable(int fd, const char *path, const struct follow *follow, struct ep_error *err)
{
	EP_FREE char *folder = ep_index_folder(follow->log);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (fdatasync(fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", path);
	return ep_sync_folder(folder, err);
}

/* ---- steps ---- */

/* Puts what was merged or built in the place of the shards from first on, and makes it so in the
 * log. made has no tracks: they are just taken out. */
static enum ep_status
replace(struct follow *follow, size_t first, struct ep_merged made, int fd, uint64_t watermark,
        struct ep_error *err)
{
	struct ep_manifest *manifest = &follow->manifest;
	struct ep_manifest next = *manifest;
	if (first == EP_MANIFEST_SHARDS_MAX)
		return ep_fail(err, EP_NO_SPACE, "the index has %zu shards, which is the maximum",
		               first);
	next.count = first;
	next.watermark = watermark;
	if (made.track_count)
		next.shards[next.count++] = (struct ep_manifest_shard){
			.number = next.next_number++,
			.track_count = made.track_count,
			.posting_count = made.posting_count,
			.slot_count = made.slot_count,
			.bytes = (uint64_t)lseek(fd, 0, SEEK_END),
		};
	EP_TRY(ep_manifest_store(&next, follow->log, err));
	for (size_t i = first; i < manifest->count; i++) {
		EP_FREE char *old = ep_shard_path(follow->log, manifest->shards[i].number);
		if (old)
			(void)unlink(old);
	}
	*manifest = next;
	return EP_OK;
}

/* Opens the shards from first on. */
static enum ep_status
open_shards(struct ep_shard *shards, const struct follow *follow, size_t first,
            struct ep_error *err)
{
	for (size_t i = first; i < follow->manifest.count; i++) {
		enum ep_status status = ep_manifest_open_shard(
			&shards[i - first], &follow->manifest.shards[i], follow->log, err);
		if (status == EP_NOT_FOUND)
			return ep_fail(err, EP_CORRUPT, "a file of the index is missing");
		EP_TRY(status);
	}
	return EP_OK;
}

/* Whether the files are there and look as they should. EP_CORRUPT. */
static enum ep_status
check_shards(const struct follow *follow, struct ep_error *err)
{
	struct ep_shard shards[EP_MANIFEST_SHARDS_MAX] = { 0 };
	enum ep_status status = open_shards(shards, follow, 0, err);
	for (size_t i = 0; i < follow->manifest.count; i++)
		ep_shard_close(&shards[i]);
	return status;
}

static enum ep_status
merge_from(struct follow *follow, size_t first, struct ep_error *err)
{
	struct ep_shard shards[EP_MANIFEST_SHARDS_MAX] = { 0 };
	struct ep_merged merged = { 0 };
	EP_FREE char *path = NULL;
	EP_FD int fd = -1;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	size_t count = follow->manifest.count - first;
	EP_TRY(ep_log_read_begin(&read, follow->log, err));
	EP_TRY(make_file(&fd, &path, follow, err));
	enum ep_status status = open_shards(shards, follow, first, err);
	if (status == EP_OK)
		status = ep_shards_merge(&merged, fd, path, shards, count, follow->log, read,
		                         follow->options->stop, err);
	for (size_t i = 0; i < count; i++)
		ep_shard_close(&shards[i]);
	if (status == EP_OK)
		status = make_durable(fd, path, follow, err);
	return status == EP_OK ? replace(follow, first, merged, fd, follow->manifest.watermark, err)
	                       : status;
}

/* Where merging begins: the shards from this one to the last become one, so that each shard has
 * more than EP_INDEX_GROWTH times the postings of all after it, or cannot be merged with them
 * because the result would be too long. The number of shards if there is nothing to merge. */
static size_t
first_to_merge(const struct ep_manifest *manifest)
{
	uint64_t postings = 0;
	uint64_t slots = 0;
	size_t first = manifest->count;
	for (size_t i = manifest->count; i-- > 0;) {
		const struct ep_manifest_shard *shard = &manifest->shards[i];
		slots += shard->slot_count;
		if (slots > EP_SHARD_SLOTS_MAX)
			break;
		if (i + 1 < manifest->count && shard->posting_count <= EP_INDEX_GROWTH * postings)
			first = i;
		postings += shard->posting_count;
	}
	return first;
}

static enum ep_status
merge_some(struct follow *follow, struct ep_error *err)
{
	size_t first = first_to_merge(&follow->manifest);
	return first < follow->manifest.count ? merge_from(follow, first, err) : EP_OK;
}

/* Writes what the builder holds as the next shard, and moves the watermark. */
static enum ep_status
write_shard(void *context, uint64_t position, struct ep_error *err)
{
	struct follow *follow = context;
	struct ep_merged made = { .track_count = ep_builder_track_count(follow->builder),
		                  .slot_count = ep_builder_slot_count(follow->builder) };
	EP_FREE char *path = NULL;
	EP_FD int fd = -1;
	if (made.track_count) {
		EP_TRY(make_file(&fd, &path, follow, err));
		EP_TRY(ep_builder_write(&made.posting_count, follow->builder, fd, path, err));
		EP_TRY(make_durable(fd, path, follow, err));
	}
	EP_TRY(replace(follow, follow->manifest.count, made, fd, position, err));
	return follow->manifest.count >= SHARDS_WAITING ? merge_some(follow, err) : EP_OK;
}

static enum ep_status
on_step(void *context, uint64_t position, struct ep_error *err)
{
	struct follow *follow = context;
	const struct ep_index_options *options = follow->options;
	if (options->on_progress)
		options->on_progress(options->context, position, follow->last);
	if (position - follow->trimmed >= TRIM_POSITIONS) {
		ep_log_trim(follow->log);
		follow->trimmed = position;
	}
	if (options->stop && atomic_load(options->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	return EP_OK;
}

static enum ep_status
catch_up(struct follow *follow, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_builder_free)
	struct ep_builder *builder = NULL;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, follow->log, err));
	EP_TRY(ep_builder_new(&builder, err));
	ep_log_state(&state, read);
	if (state.position == follow->manifest.watermark)
		return merge_some(follow, err);
	follow->builder = builder;
	follow->last = state.position;
	struct ep_collect collect = {
		.read = read,
		.log = follow->log,
		.after = follow->manifest.watermark,
		.builder = builder,
		.on_full = write_shard,
		.on_step = on_step,
		.context = follow,
	};
	EP_TRY(ep_collect_postings(&collect, err));
	EP_TRY(write_shard(follow, state.position, err));
	return merge_some(follow, err);
}

/* ---- whole runs ---- */

/* Forgets the index: the log's value first, then the files. */
static enum ep_status
forget(struct follow *follow, struct ep_error *err)
{
	follow->manifest.watermark = 0;
	follow->manifest.count = 0;
	EP_TRY(ep_manifest_store(&follow->manifest, follow->log, err));
	return sweep(follow, err);
}

static enum ep_status
load(struct follow *follow, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, follow->log, err));
	return ep_manifest_load(&follow->manifest, read, err);
}

static enum ep_status
run(struct ep_log *log, const struct ep_index_options *options, bool anew, struct ep_error *err)
{
	EP_FD int fd = -1;
	EP_FREE struct follow *follow = calloc(1, sizeof *follow);
	if (!follow)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	follow->log = log;
	follow->options = options;
	EP_TRY(lock(&fd, log, err));
	enum ep_status status = load(follow, err);
	if (status == EP_OK && !anew)
		status = check_shards(follow, err);
	bool unreadable = status == EP_CORRUPT || (status == EP_NEWER && anew);
	if (status != EP_OK && !unreadable)
		return status;
	anew |= unreadable;
	if (anew)
		EP_TRY(forget(follow, err));
	else
		EP_TRY(sweep(follow, err));
	status = catch_up(follow, err);
	if (status != EP_CORRUPT || anew)
		return status;
	/* A damaged shard: the log has all that it held. */
	EP_TRY(forget(follow, err));
	return catch_up(follow, err);
}

enum ep_status
ep_index_follow(struct ep_log *log, const struct ep_index_options *options, struct ep_error *err)
{
	return run(log, options, false, err);
}

enum ep_status
ep_index_rebuild(struct ep_log *log, const struct ep_index_options *options, struct ep_error *err)
{
	return run(log, options, true, err);
}
