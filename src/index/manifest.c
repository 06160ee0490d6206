#include "index/manifest.h"

#include "base/bytes.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define VERSION 3

static void
read_shard(struct ep_manifest_shard *shard, struct ep_reader *reader)
{
	shard->number = ep_read_varint(reader);
	shard->track_count = ep_read_varint(reader);
	shard->posting_count = ep_read_varint(reader);
	shard->slot_count = ep_read_varint(reader);
	shard->bytes = ep_read_varint(reader);
}

/* Whether a manifest can be of this log. */
static bool
is_sound(const struct ep_manifest *manifest, const struct ep_log_read *read)
{
	struct ep_log_state log;
	ep_log_state(&log, read);
	bool sound = manifest->watermark <= log.position;
	for (size_t i = 0; i < manifest->count; i++) {
		const struct ep_manifest_shard *shard = &manifest->shards[i];
		sound &= shard->number < manifest->next_number &&
		         shard->slot_count <= EP_SHARD_SLOTS_MAX;
	}
	return sound;
}

enum ep_status
ep_manifest_load(struct ep_manifest *manifest, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	enum ep_status status = ep_log_value(&value, read, EP_INDEX_VALUE, err);
	manifest->watermark = 0;
	manifest->next_number = 1;
	manifest->count = 0;
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	struct ep_reader reader = ep_reader_of(value.at, value.size);
	uint8_t version = ep_read8(&reader);
	if (reader.ok && version > VERSION)
		return ep_fail(err, EP_NEWER,
		               "the index has version %u, but this program knows only %d", version,
		               VERSION);
	manifest->watermark = ep_read_varint(&reader);
	manifest->next_number = ep_read_varint(&reader);
	uint64_t count = ep_read_varint(&reader);
	if (!reader.ok || count > EP_MANIFEST_SHARDS_MAX)
		return ep_fail(err, EP_CORRUPT, "the log's value %s is damaged", EP_INDEX_VALUE);
	for (; manifest->count < count; manifest->count++)
		read_shard(&manifest->shards[manifest->count], &reader);
	if (!reader.ok || ep_reader_left(&reader) || !is_sound(manifest, read))
		return ep_fail(err, EP_CORRUPT, "the log's value %s is damaged", EP_INDEX_VALUE);
	if (version < VERSION) {
		/* Its shards are of no use: as if nothing had been followed. */
		manifest->watermark = 0;
		manifest->count = 0;
	}
	return EP_OK;
}

static enum ep_status
write_bytes(struct ep_buffer *out, const struct ep_manifest *manifest, struct ep_error *err)
{
	uint8_t version = VERSION;
	EP_TRY(ep_buffer_append(out, &version, 1, err));
	EP_TRY(ep_buffer_varint(out, manifest->watermark, err));
	EP_TRY(ep_buffer_varint(out, manifest->next_number, err));
	EP_TRY(ep_buffer_varint(out, manifest->count, err));
	for (size_t i = 0; i < manifest->count; i++) {
		const struct ep_manifest_shard *shard = &manifest->shards[i];
		EP_TRY(ep_buffer_varint(out, shard->number, err));
		EP_TRY(ep_buffer_varint(out, shard->track_count, err));
		EP_TRY(ep_buffer_varint(out, shard->posting_count, err));
		EP_TRY(ep_buffer_varint(out, shard->slot_count, err));
		EP_TRY(ep_buffer_varint(out, shard->bytes, err));
	}
	return EP_OK;
}

enum ep_status
ep_manifest_store(const struct ep_manifest *manifest, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_TRY(write_bytes(&bytes, manifest, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_value(write, EP_INDEX_VALUE, ep_buffer_bytes(&bytes), err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_manifest_open_shard(struct ep_shard *out, const struct ep_manifest_shard *shard,
                       const struct ep_log *log, struct ep_error *err)
{
	struct ep_shard opened;
	EP_FREE char *path = ep_shard_path(log, shard->number);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? EP_NOT_FOUND
		                       : ep_fail_errno(err, errno, "cannot open %s", path);
	EP_TRY(ep_shard_open(&opened, fd, path, err));
	if (opened.size == shard->bytes && opened.track_count == shard->track_count &&
	    opened.posting_count == shard->posting_count &&
	    opened.slot_count == shard->slot_count) {
		*out = opened;
		return EP_OK;
	}
	ep_shard_close(&opened);
	return ep_fail(err, EP_CORRUPT, "%s is not the shard that the log names", path);
}

char *
ep_index_folder(const struct ep_log *log)
{
	return ep_path_join(ep_log_folder(log), "index");
}

char *
ep_shard_path(const struct ep_log *log, uint64_t number)
{
	char name[64];
	snprintf(name, sizeof name, "index/%08" PRIu64 ".shard", number);
	return ep_path_join(ep_log_folder(log), name);
}
