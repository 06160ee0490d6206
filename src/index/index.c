#include "index/index.h"

#include "base/file.h"
#include "index/collect.h"
#include "index/manifest.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* How often the index is opened again when a merge has replaced its files meanwhile. */
#define TRIES 100

_Static_assert((uint64_t)EP_INDEX_TAIL_MAX *(EP_SKETCH_TIME_END / EP_SLOT_TIMES) <=
                       EP_SHARD_SLOTS_MAX,
               "a tail fits into a shard");

struct ep_index {
	pthread_mutex_t lock; /* of read: one thread at a time */
	struct ep_log_read *read;
	struct ep_manifest manifest;
	struct ep_shard shards[EP_MANIFEST_SHARDS_MAX + 1]; /* the last may be of the tail */
	size_t count;
};

void
ep_index_close(struct ep_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->count; i++)
		ep_shard_close(&index->shards[i]);
	ep_log_read_end(index->read);
	pthread_mutex_destroy(&index->lock);
	free(index);
}

/* EP_NOT_FOUND: a file is not there. */
static enum ep_status
open_files(struct ep_index *index, const struct ep_log *log, struct ep_error *err)
{
	for (size_t i = 0; i < index->manifest.count; i++) {
		EP_TRY(ep_manifest_open_shard(&index->shards[i], &index->manifest.shards[i], log,
		                              err));
		index->count++;
	}
	return EP_OK;
}

/* Builds a shard of the tail, in a file that has no name. */
static enum ep_status
build_tail(struct ep_index *index, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_builder_free)
	struct ep_builder *builder = NULL;
	EP_FD int fd = -1;
	uint64_t postings;
	EP_TRY(ep_builder_new(&builder, err));
	struct ep_collect collect = { .read = index->read,
		                      .log = log,
		                      .after = index->manifest.watermark,
		                      .builder = builder };
	EP_TRY(ep_collect_postings(&collect, err));
	if (ep_builder_track_count(builder) == 0)
		return EP_OK;
	fd = memfd_create("echoprint-tail", MFD_CLOEXEC);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot allocate memory for the index");
	EP_TRY(ep_builder_write(&postings, builder, fd, "the end of the index", err));
	EP_TRY(ep_shard_open(&index->shards[index->count], fd, "the end of the index", err));
	index->count++;
	return EP_OK;
}

/* EP_NOT_FOUND without a text: a file has gone. */
static enum ep_status
open_once(struct ep_index **out, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_index_close)
	struct ep_index *index = calloc(1, sizeof *index);
	struct ep_log_state state;
	if (!index)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	pthread_mutex_init(&index->lock, NULL);
	EP_TRY(ep_log_read_begin(&index->read, log, err));
	EP_TRY(ep_manifest_load(&index->manifest, index->read, err));
	ep_log_state(&state, index->read);
	uint64_t tail = state.position - index->manifest.watermark;
	EP_TRY(open_files(index, log, err));
	if (tail && tail <= EP_INDEX_TAIL_MAX)
		EP_TRY(build_tail(index, log, err));
	*out = EP_TAKE(index);
	return EP_OK;
}

/* Whether both name the same shards and position. */
static bool
same_manifest(const struct ep_manifest *one, const struct ep_manifest *other)
{
	bool same = one->watermark == other->watermark && one->count == other->count;
	for (size_t i = 0; same && i < one->count; i++)
		same = one->shards[i].number == other->shards[i].number;
	return same;
}

bool
ep_index_is_old(const struct ep_index *index)
{
	return ep_log_read_is_old(index->read);
}

enum ep_status
ep_index_renew(struct ep_index *index, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_manifest *manifest = malloc(sizeof *manifest);
	struct ep_log_state then;
	struct ep_log_state now;
	if (!manifest)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_manifest_load(manifest, read, err));
	ep_log_state(&then, index->read);
	ep_log_state(&now, read);
	if (now.position != then.position || !same_manifest(manifest, &index->manifest))
		return ep_fail(err, EP_NOT_FOUND, "the index has changed");
	struct ep_log_read *old = index->read;
	index->read = EP_TAKE(read);
	ep_log_read_end(old);
	return EP_OK;
}

/* Adds to the story of damage what helps. */
static enum ep_status
hint(enum ep_status status, struct ep_error *err)
{
	if (status == EP_CORRUPT && err) {
		size_t size = strlen(err->text);
		snprintf(err->text + size, sizeof err->text - size,
		         "; rebuild the index with `verify --rebuild-index`");
	}
	return status;
}

enum ep_status
ep_index_open(struct ep_index **out, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_index_close)
	struct ep_index *index = NULL;
	enum ep_status status = EP_NOT_FOUND;
	ep_log_expect_lookups(log);
	for (int i = 0; i < TRIES && status == EP_NOT_FOUND; i++)
		status = open_once(&index, log, err);
	if (status == EP_NOT_FOUND)
		status = ep_fail(err, EP_CORRUPT, "files of the index are missing");
	EP_TRY(hint(status, err));
	struct ep_log_state state;
	ep_log_state(&state, index->read);
	uint64_t tail = state.position - index->manifest.watermark;
	if (tail > EP_INDEX_TAIL_MAX)
		return ep_fail(err, EP_NOT_FOUND, "the index is %llu changes behind the log",
		               (unsigned long long)tail);
	*out = EP_TAKE(index);
	return EP_OK;
}

enum ep_status
ep_index_state(struct ep_index_state *state, const struct ep_log_read *read, struct ep_error *err)
{
	EP_FREE struct ep_manifest *manifest = malloc(sizeof *manifest);
	struct ep_log_state log;
	if (!manifest)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	EP_TRY(ep_manifest_load(manifest, read, err));
	ep_log_state(&log, read);
	*state = (struct ep_index_state){ .watermark = manifest->watermark,
		                          .tail = log.position - manifest->watermark,
		                          .shards = manifest->count };
	for (size_t i = 0; i < manifest->count; i++) {
		state->tracks += manifest->shards[i].track_count;
		state->postings += manifest->shards[i].posting_count;
		state->bytes += manifest->shards[i].bytes;
	}
	return EP_OK;
}

enum ep_status
ep_index_entry_at(struct ep_entry *entry, struct ep_index *index, uint64_t position,
                  struct ep_error *err)
{
	pthread_mutex_lock(&index->lock);
	bool copy = false;
	enum ep_status status = ep_log_entry_at(entry, index->read, position, err);
	if (status == EP_OK)
		status = ep_log_is_copy(&copy, index->read, entry, err);
	pthread_mutex_unlock(&index->lock);
	/* It became a copy when it was in the index already. */
	return copy ? ep_fail(err, EP_NOT_FOUND, "the track at position %llu is a copy",
	                      (unsigned long long)position)
	            : status;
}

const struct ep_shard *
ep_index_shards(const struct ep_index *index, size_t *count)
{
	*count = index->count;
	return index->shards;
}

uint64_t
ep_index_track_count(const struct ep_index *index)
{
	uint64_t count = 0;
	for (size_t i = 0; i < index->count; i++)
		count += index->shards[i].track_count;
	return count;
}

enum ep_status
ep_index_check(const struct ep_index *index, struct ep_error *err)
{
	enum ep_status status = EP_OK;
	for (size_t i = 0; status == EP_OK && i < index->count; i++)
		status = ep_shard_check(&index->shards[i], "a shard of the index", err);
	return hint(status, err);
}
