#include "replication/feed_writer.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/time.h"
#include "replication/dump_stream.h"
#include "replication/feed_plan.h"
#include "replication/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK_SIZE (8 + EP_HASH_SIZE)
#define MARKS_KEPT 32

struct writer {
	struct ep_log *log;
	const struct ep_feed_options *options;
	struct ep_feed_report *report;
	char *folder;
	char *packets; /* its folder */
	char *part; /* the packet being written */
	struct ep_keys keys;
	struct ep_feed feed;
	bool found; /* a feed that goes on: this log's, of this epoch */
	struct ep_log_read *read;
};

/* ---- the chain ---- */

static enum ep_status
read_marks(struct ep_feed_mark marks[EP_FEED_MARKS_MAX], size_t *count,
           const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_text value = { 0 };
	enum ep_status status = ep_log_value(&value, read, EP_FEED_CHAIN_VALUE, err);
	*count = 0;
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	if (value.size % MARK_SIZE || value.size / MARK_SIZE > EP_FEED_MARKS_MAX)
		return ep_fail(err, EP_CORRUPT, "the log's %s is damaged", EP_FEED_CHAIN_VALUE);
	*count = value.size / MARK_SIZE;
	for (size_t i = 0; i < *count; i++) {
		const uint8_t *bytes = (const uint8_t *)value.at + i * MARK_SIZE;
		marks[i].position = ep_load64(bytes);
		memcpy(marks[i].chain.bytes, bytes + 8, EP_HASH_SIZE);
	}
	return EP_OK;
}

static enum ep_status
store_marks(struct ep_log_write *write, const struct ep_feed_mark *marks, size_t count,
            struct ep_error *err)
{
	uint8_t bytes[MARKS_KEPT * MARK_SIZE];
	for (size_t i = 0; i < count; i++) {
		ep_store64(bytes + i * MARK_SIZE, marks[i].position);
		memcpy(bytes + i * MARK_SIZE + 8, marks[i].chain.bytes, EP_HASH_SIZE);
	}
	struct ep_text value = { (const char *)bytes, count * MARK_SIZE };
	return ep_log_set_value(write, EP_FEED_CHAIN_VALUE, value, err);
}

enum ep_status
ep_feed_published(uint64_t *position, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_feed_mark marks[EP_FEED_MARKS_MAX];
	size_t count;
	EP_TRY(read_marks(marks, &count, read, err));
	*position = count ? marks[count - 1].position : 0;
	return EP_OK;
}

/* Makes the snapshot's position a mark of the chain, where it is none, and copies the chain into
 * the feed. *late says that another publisher has gone further. */
static enum ep_status
extend_chain(bool *late, struct writer *writer, struct ep_error *err)
{
	struct ep_feed *feed = &writer->feed;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, writer->log, err));
	EP_TRY(read_marks(feed->marks, &feed->mark_count, ep_log_inside(write), err));
	const struct ep_feed_mark *last =
		feed->mark_count ? &feed->marks[feed->mark_count - 1] : NULL;
	*late = last && last->position > feed->position;
	if (*late || feed->position == (last ? last->position : 0))
		return EP_OK;
	struct ep_feed_mark mark = { .position = feed->position };
	ep_feed_chain(&mark.chain, last ? &last->chain : NULL, feed->position, &feed->digest);
	if (feed->mark_count == MARKS_KEPT) {
		memmove(feed->marks, feed->marks + 1, (MARKS_KEPT - 1) * sizeof *feed->marks);
		feed->mark_count--;
	}
	feed->marks[feed->mark_count++] = mark;
	EP_TRY(store_marks(write, feed->marks, feed->mark_count, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_feed_new_epoch(uint64_t *epoch, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_number(epoch, ep_log_inside(write), "epoch", err));
	/* A copy that is restored twice must not give the same number twice: so the clock is
	 * asked too, and where it is wrong, numbers still ascend. */
	uint64_t now = (uint64_t)(ep_time_now() > 0 ? ep_time_now() : 0);
	*epoch = now > *epoch ? now : *epoch + 1;
	EP_TRY(ep_log_set_number(write, "epoch", *epoch, err));
	EP_TRY(ep_log_remove_value(write, EP_FEED_CHAIN_VALUE, err));
	return ep_log_commit(&write, err);
}

/* ---- the feed that is there ---- */

static enum ep_status
read_folder(struct writer *writer, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FOLDER struct ep_folder folder = EP_FOLDER_NONE;
	EP_TRY(ep_folder_open(&folder, writer->folder, err));
	enum ep_status status = ep_folder_read(&text, &folder, EP_FEED_JSON, EP_FEED_JSON_MAX, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	status = ep_feed_read(&writer->feed, (struct ep_text){ (const char *)text.data, text.size },
	                      &writer->keys.key, err);
	writer->found = status == EP_OK;
	if (status == EP_CORRUPT)
		return ep_fail(err, EP_DIVERGED,
		               "%s/" EP_FEED_JSON
		               " is damaged or another node's; publish into another folder, or "
		               "remove it first",
		               writer->folder);
	return status;
}

/* Whether the feed that is there is of this log's history. */
static enum ep_status
check_history(const struct writer *writer, const struct ep_log_state *state, struct ep_error *err)
{
	const struct ep_feed *feed = &writer->feed;
	struct ep_feed_mark marks[EP_FEED_MARKS_MAX];
	size_t count;
	EP_TRY(read_marks(marks, &count, writer->read, err));
	bool same = feed->position <= state->position;
	if (same && feed->mark_count && count && marks[0].position <= feed->position) {
		const struct ep_feed_mark *end = &feed->marks[feed->mark_count - 1];
		same = false;
		for (size_t i = 0; i < count; i++)
			same |= marks[i].position == end->position &&
			        memcmp(&marks[i].chain, &end->chain, EP_HASH_SIZE) == 0;
	}
	return same ? EP_OK
	            : ep_fail(err, EP_DIVERGED,
	                      "the feed in %s has a history that this log does not have: the log "
	                      "is "
	                      "an older copy of what was published up to position %" PRIu64
	                      "; `publish --new-epoch` begins a new one",
	                      writer->folder, feed->position);
}

/* ---- the snapshot ---- */

/* Reads the snapshot's facts into the feed; *before is the position that was published. */
static enum ep_status
read_snapshot(struct writer *writer, uint64_t *before, struct ep_error *err)
{
	struct ep_feed *feed = &writer->feed;
	struct ep_log_state state;
	struct ep_digest digest;
	struct ep_text id;
	uint64_t epoch;
	ep_log_read_end(EP_TAKE(writer->read));
	EP_TRY(ep_log_read_begin(&writer->read, writer->log, err));
	ep_log_state(&state, writer->read);
	EP_TRY(ep_log_number(&epoch, writer->read, "epoch", err));
	EP_TRY(ep_log_value(&id, writer->read, "id", err));
	if (id.size != EP_PACKET_NODE_ID)
		return ep_fail(err, EP_CORRUPT, "the log's id is damaged");
	writer->found &= feed->epoch >= epoch;
	if (writer->found && (feed->epoch > epoch || memcmp(feed->node_id, id.at, id.size) != 0))
		return ep_fail(err, EP_DIVERGED,
		               "the feed in %s is of another log; publish into another folder",
		               writer->folder);
	if (writer->found) {
		EP_TRY(check_history(writer, &state, err));
	} else {
		feed->packet_count = 0;
		feed->position = 0;
	}
	*before = feed->position;
	snprintf(feed->name, sizeof feed->name, "%s", writer->options->name);
	memcpy(feed->node_id, id.at, EP_PACKET_NODE_ID);
	feed->epoch = epoch;
	feed->position = state.position;
	feed->tracks = state.tracks;
	feed->documents = state.documents;
	EP_TRY(ep_log_digest(&digest, writer->read, err));
	ep_digest_name(&feed->digest, &digest);
	return EP_OK;
}

/* ---- packets ---- */

/* What is looked at of a packet's front: up to its range. */
#define FRONT_AFTER 32
#define FRONT_LAST 40
#define FRONT_SIZE 48

/* A packet's file on its way. */
struct sink {
	const char *path;
	int fd;
	struct ep_sha256 sha;
	uint64_t size;
	uint8_t front[FRONT_SIZE];
};

static enum ep_status
take_piece(void *context, const struct ep_dump_piece *piece, struct ep_error *err)
{
	struct sink *sink = context;
	if (sink->size < FRONT_SIZE) {
		size_t left = FRONT_SIZE - (size_t)sink->size;
		memcpy(sink->front + sink->size, piece->bytes,
		       piece->size < left ? piece->size : left);
	}
	ep_sha256_add(&sink->sha, piece->bytes, piece->size);
	sink->size += piece->size;
	return ep_write_all(sink->fd, piece->bytes, piece->size, sink->path, err);
}

/* What feed.json is to say of a packet: what the bytes of its file say themselves. */
static void
describe(struct ep_feed_packet *packet, struct sink *sink)
{
	packet->size = sink->size;
	packet->after = ep_load64(sink->front + FRONT_AFTER);
	packet->last = ep_load64(sink->front + FRONT_LAST);
	ep_sha256_done(&packet->sha256, &sink->sha);
}

/* Syncs the part and gives it its name. */
static enum ep_status
name_packet(const struct writer *writer, const struct ep_feed_packet *packet, struct sink *sink,
            struct ep_error *err)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	EP_FREE char *path = ep_path_join(writer->packets, name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (fsync(sink->fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", writer->part);
	if (rename(writer->part, path) != 0)
		return ep_fail_errno(err, errno, "cannot rename %s to %s", writer->part, path);
	return ep_sync_folder(writer->packets, err);
}

/* Writes the changes in a range, as the snapshot has them, into the part, and names it. */
static enum ep_status
fill_packet(struct ep_feed_packet *packet, const struct writer *writer, struct sink *sink,
            struct ep_error *err)
{
	struct ep_dump_stream stream = {
		.log = writer->log,
		.read = writer->read,
		.after = packet->after,
		.until = packet->last,
		.source = EP_SOURCE_ANY,
		.lines = UINT64_MAX,
		.node_name = writer->options->name,
		.stop = writer->options->stop,
		.take = take_piece,
		.context = sink,
	};
	EP_TRY(ep_dump_packets(&stream, err));
	if (sink->size == 0)
		return unlink(writer->part) == 0
		               ? EP_OK
		               : ep_fail_errno(err, errno, "cannot remove %s", writer->part);
	describe(packet, sink);
	return name_packet(writer, packet, sink, err);
}

/* Writes what the snapshot has behind `after` and up to `last` as a packet. */
static enum ep_status
write_packet(struct ep_feed_packet *packet, const struct writer *writer, uint64_t after,
             uint64_t last, struct ep_error *err)
{
	struct sink sink = { .path = writer->part };
	ep_sha256_init(&sink.sha);
	/* Not into what somebody left there. */
	(void)unlink(writer->part);
	EP_FD int fd =
		open(writer->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot make %s", writer->part);
	sink.fd = fd;
	struct ep_feed_packet made = { .after = after, .last = last };
	enum ep_status status = fill_packet(&made, writer, &sink, err);
	if (status != EP_OK) {
		/* On a full disk, what is half would keep the rest from being written. */
		(void)unlink(writer->part);
		return status;
	}
	writer->report->packets += made.size > 0;
	writer->report->bytes += made.size;
	*packet = made;
	return EP_OK;
}

/* ---- feed.json ---- */

static enum ep_status
write_json(struct writer *writer, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FREE char *path = ep_path_join(writer->folder, EP_FEED_JSON);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	writer->feed.time = ep_time_now();
	EP_TRY(ep_feed_write(&text, &writer->feed, &writer->keys, err));
	writer->report->written = true;
	return ep_replace_file(path, text.data, text.size, 0666, err);
}

static enum ep_status
merge(struct writer *writer, struct ep_error *err)
{
	uint64_t after;
	uint64_t last;
	bool any = false;
	for (; ep_feed_merge_due(&after, &last, &writer->feed); any = true) {
		struct ep_feed_packet packet;
		EP_TRY(write_packet(&packet, writer, after, last, err));
		EP_TRY(ep_feed_merge(&writer->feed, &packet, err));
	}
	if (!any)
		return EP_OK;
	EP_TRY(write_json(writer, err));
	ep_feed_sweep(writer->packets, &writer->feed);
	return EP_OK;
}

/* ---- all of it ---- */

static enum ep_status
publish(struct writer *writer, struct ep_error *err)
{
	struct ep_feed *feed = &writer->feed;
	uint64_t before;
	bool late;
	EP_TRY(read_folder(writer, err));
	int64_t age = ep_time_now() - feed->time;
	for (uint64_t published = feed->position;; feed->position = published) {
		EP_TRY(read_snapshot(writer, &before, err));
		EP_TRY(extend_chain(&late, writer, err));
		if (!late)
			break;
	}
	writer->report->position = feed->position;
	struct ep_feed_packet packet;
	if (feed->position > before) {
		EP_TRY(write_packet(&packet, writer, before, feed->position, err));
		EP_TRY(ep_feed_add(feed, &packet, err));
	} else if (writer->found && age >= 0 && age < writer->options->refresh_s) {
		return EP_OK;
	}
	EP_TRY(write_json(writer, err));
	return merge(writer, err);
}

/* Makes the folders, and locks them. Others may write there: no link in them is followed. */
static enum ep_status
lock_folder(int *fd, const char *path, struct ep_error *err)
{
	EP_FOLDER struct ep_folder folder = EP_FOLDER_NONE;
	EP_FOLDER struct ep_folder packets = EP_FOLDER_NONE;
	EP_TRY(ep_make_shared_folder(path, err));
	EP_TRY(ep_folder_open(&folder, path, err));
	EP_TRY(ep_folder_make(&packets, &folder, EP_FEED_PACKETS, err));
	return ep_folder_lock(fd, &folder, ".lock", err);
}

enum ep_status
ep_feed_publish(struct ep_feed_report *report, struct ep_log *log, const char *folder,
                const struct ep_feed_options *options, struct ep_error *err)
{
	*report = (struct ep_feed_report){ 0 };
	EP_FREE char *copy = strdup(folder);
	EP_FREE char *packets = ep_path_join(folder, EP_FEED_PACKETS);
	EP_FREE char *part = packets ? ep_path_join(packets, ".new.part") : NULL;
	if (!copy || !part)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct writer writer = {
		.log = log,
		.options = options,
		.report = report,
		.folder = copy,
		.packets = packets,
		.part = part,
	};
	EP_FD int fd = -1;
	EP_TRY(ep_keys_open(&writer.keys, ep_log_folder(log), err));
	EP_TRY(lock_folder(&fd, folder, err));
	enum ep_status status = publish(&writer, err);
	ep_log_read_end(writer.read);
	ep_feed_free(&writer.feed);
	return status;
}
