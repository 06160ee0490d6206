#include "sync/master/feed_writer.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/time.h"
#include "dump/dump_stream.h"
#include "sync/feed_files.h"
#include "sync/feed_plan.h"
#include "sync/master/feed_found.h"
#include "sync/places.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct writer {
	struct ep_log *log;
	const struct ep_feed_options *options;
	struct ep_feed_report *report;
	char *folder;
	char *packets; /* its folder */
	struct ep_keys keys;
	struct ep_feed feed;
	struct ep_feed old; /* of it, only the packets that feed.json names */
	bool found; /* a feed that goes on: this log's, of this epoch */
	bool stale; /* feed.json is to be written in any case */
	struct ep_log_read *read;
};

/* ---- the feed that is there ---- */

static void
tell(const struct writer *writer, const char *name, const char *what)
{
	EP_FREE char *path = ep_path_join(writer->folder, name);
	if (path && writer->options->on_damage)
		writer->options->on_damage(writer->options->context, path, what);
}

static enum ep_status
make_way(const struct writer *writer, const char *name, bool folder, struct ep_error *err)
{
	bool moved;
	EP_FREE char *path = ep_path_join(writer->folder, name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_feed_make_way(&moved, path, folder, err));
	if (moved)
		tell(writer, name, "was in the way and has been renamed");
	return EP_OK;
}

static enum ep_status
keep_packets(struct ep_feed *old, const struct ep_feed *feed, struct ep_error *err)
{
	for (size_t i = 0; i < feed->packet_count; i++)
		EP_TRY(ep_feed_add(old, &feed->packets[i], err));
	return EP_OK;
}

static enum ep_status
read_folder(struct writer *writer, struct ep_error *err)
{
	enum ep_feed_state state;
	bool spare;
	EP_TRY(ep_feed_find(&state, &spare, &writer->feed, writer->folder, &writer->keys.key, err));
	if (state == EP_FEED_WRONG)
		tell(writer, EP_FEED_JSON, "is damaged and was rebuilt");
	writer->found = state == EP_FEED_GOOD || spare;
	writer->stale = spare;
	return keep_packets(&writer->old, &writer->feed, err);
}

/* ---- the snapshot ---- */

/* Reads the snapshot's facts into the feed; *before is the position that was published. */
static enum ep_status
read_snapshot(struct writer *writer, uint64_t *before, struct ep_error *err)
{
	struct ep_feed *feed = &writer->feed;
	struct ep_log_state state;
	struct ep_digest digest;
	uint8_t id[EP_NODE_ID_SIZE];
	struct ep_epoch epoch;
	struct ep_bytes stale;
	ep_log_read_end(EP_TAKE(writer->read));
	EP_TRY(ep_log_read_begin(&writer->read, writer->log, err));
	ep_log_state(&state, writer->read);
	EP_TRY(ep_log_epoch(&epoch, writer->read, err));
	if (ep_log_value(&stale, writer->read, EP_STALE_VALUE, NULL) == EP_OK)
		return ep_fail(err, EP_DIVERGED,
		               "slaves have seen a history that this log does not have: the "
		               "log is an older copy of what was published; `publish "
		               "--new-epoch` begins a new epoch, and everything that the "
		               "slaves have comes back");
	EP_TRY(ep_log_node_id(id, writer->read, err));
	writer->found &= feed->head.epoch >= epoch.number;
	if (writer->found && feed->head.epoch > epoch.number &&
	    memcmp(feed->node_id, id, sizeof id) == 0)
		EP_TRY(ep_feed_note_stale(feed, writer->log, err));
	if (writer->found &&
	    (feed->head.epoch > epoch.number || memcmp(feed->node_id, id, sizeof id) != 0))
		return ep_fail(err, EP_DIVERGED,
		               "the feed in %s belongs to another log, or to a later epoch of this "
		               "one (then run `publish --new-epoch`)",
		               writer->folder);
	if (writer->found) {
		EP_TRY(ep_feed_check_history(feed, writer->log, writer->read, writer->folder, err));
	} else {
		feed->packet_count = 0;
		feed->position = 0;
	}
	*before = feed->position;
	snprintf(feed->name, sizeof feed->name, "%s", writer->options->name);
	memcpy(feed->node_id, id, sizeof id);
	feed->position = state.position;
	feed->tracks = state.tracks;
	feed->documents = state.documents;
	EP_TRY(ep_log_digest(&digest, writer->read, err));
	ep_digest_name(&feed->digest, &digest);
	return EP_OK;
}

/* ---- files ---- */

/* Syncs a part and gives it its name, durably. */
static enum ep_status
finish_part(int fd, const char *part, const char *folder, const char *name, struct ep_error *err)
{
	bool moved;
	EP_FREE char *path = ep_path_join(folder, name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (fsync(fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s", part);
	EP_TRY(ep_feed_make_way(&moved, path, false, err));
	if (rename(part, path) != 0)
		return ep_fail_errno(err, errno, "cannot rename %s to %s", part, path);
	return ep_sync_folder(folder, err);
}

/* Writes a file of the feed's folder in one. */
static enum ep_status
write_file(const struct writer *writer, const char *name, const struct ep_buffer *text,
           struct ep_error *err)
{
	EP_FREE char *part = NULL;
	EP_FD int fd = -1;
	EP_TRY(ep_feed_part(&fd, &part, writer->folder, name, err));
	enum ep_status status = ep_write_all(fd, text->data, text->size, part, err);
	if (status == EP_OK)
		status = finish_part(fd, part, writer->folder, name, err);
	if (status != EP_OK)
		(void)unlink(part);
	return status;
}

/* ---- packets ---- */

/* A packet's file on its way. */
struct sink {
	const char *path;
	int fd;
	struct ep_sha256 sha;
	uint64_t size;
	uint8_t front[EP_PACKET_FRONT];
};

static enum ep_status
take_piece(void *context, const struct ep_dump_piece *piece, struct ep_error *err)
{
	struct sink *sink = context;
	if (sink->size < EP_PACKET_FRONT) {
		size_t left = EP_PACKET_FRONT - (size_t)sink->size;
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
	struct ep_packet_front front = ep_packet_front(sink->front);
	packet->size = sink->size;
	packet->after = front.after;
	packet->last = front.last;
	ep_sha256_done(&packet->sha256, &sink->sha);
}

/* Syncs the part and gives it its name. */
static enum ep_status
name_packet(const struct writer *writer, const struct ep_feed_packet *packet,
            const struct sink *sink, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	return finish_part(sink->fd, sink->path, writer->packets, name, err);
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
		.mark = writer->feed.head.mark_count ? *ep_head_last(&writer->feed.head)
		                                     : (struct ep_mark){ 0 },
		.source = EP_SOURCE_ANY,
		.lines = UINT64_MAX,
		.node_name = writer->options->name,
		.stop = writer->options->stop,
		.take = take_piece,
		.context = sink,
	};
	EP_TRY(ep_dump_packets(&stream, err));
	if (sink->size == 0)
		return unlink(sink->path) == 0
		               ? EP_OK
		               : ep_fail_errno(err, errno, "cannot remove %s", sink->path);
	describe(packet, sink);
	return name_packet(writer, packet, sink, err);
}

/* Writes what the snapshot has behind `after` and up to `last` as a packet. */
static enum ep_status
write_packet(struct ep_feed_packet *packet, const struct writer *writer, uint64_t after,
             uint64_t last, struct ep_error *err)
{
	EP_FREE char *part = NULL;
	EP_FD int fd = -1;
	EP_TRY(ep_feed_part(&fd, &part, writer->packets, ".new", err));
	struct sink sink = { .path = part, .fd = fd };
	ep_sha256_init(&sink.sha);
	struct ep_feed_packet made = { .after = after, .last = last };
	enum ep_status status = fill_packet(&made, writer, &sink, err);
	if (status != EP_OK) {
		/* On a full disk, what is half would keep the rest from being written. */
		(void)unlink(part);
		return status;
	}
	writer->report->packets += made.size > 0;
	writer->report->bytes += made.size;
	*packet = made;
	return EP_OK;
}

/* ---- what is damaged ---- */

/* Finds the packets that are damaged: flags in an array for free(), NULL where there is no feed. */
static enum ep_status
find_damage(bool **out, size_t *count, struct writer *writer, struct ep_error *err)
{
	*count = 0;
	if (!writer->found || writer->feed.packet_count == 0)
		return EP_OK;
	EP_FREE bool *damaged = calloc(writer->feed.packet_count, sizeof *damaged);
	if (!damaged)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the packets of a feed");
	EP_TRY(ep_feed_check(damaged, count, &writer->report->checked, writer->folder,
	                     &writer->feed, writer->options->check_bytes, writer->options->stop,
	                     err));
	*out = EP_TAKE(damaged);
	return EP_OK;
}

static void
tell_packet(const struct writer *writer, const struct ep_feed_packet *packet, const char *what)
{
	char name[EP_FEED_NAME];
	char path[sizeof EP_FEED_PACKETS + EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	snprintf(path, sizeof path, EP_FEED_PACKETS "/%s", name);
	tell(writer, path, what);
}

/* Puts packets as the snapshot has their ranges now in the place of those that are damaged. What
 * has changed since is in a later packet: feed.json goes up to the snapshot's position. */
static enum ep_status
mend(struct writer *writer, const bool *damaged, struct ep_error *err)
{
	struct ep_feed *feed = &writer->feed;
	size_t kept = 0;
	for (size_t i = 0; i < feed->packet_count; i++) {
		struct ep_feed_packet packet = feed->packets[i];
		if (damaged[i] && packet.merged_away) {
			tell_packet(writer, &packet, "is damaged and was removed from the feed");
			continue;
		}
		if (damaged[i]) {
			tell_packet(writer, &packet, "is damaged and was rebuilt");
			EP_TRY(write_packet(&packet, writer, packet.after, packet.last, err));
		}
		feed->packets[kept++] = packet;
	}
	feed->packet_count = kept;
	return EP_OK;
}

/* ---- feed.json ---- */

static enum ep_status
write_json(struct writer *writer, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	writer->feed.time = ep_time_now();
	EP_TRY(ep_feed_write(&text, &writer->feed, &writer->keys, err));
	writer->report->written = true;
	ep_feed_retire(writer->packets, &writer->old, &writer->feed);
	return write_file(writer, EP_FEED_JSON, &text, err);
}

/* Keeps a copy of feed.json beside it, for when it is damaged. */
static enum ep_status
write_spare(const struct writer *writer, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_TRY(ep_feed_write(&text, &writer->feed, &writer->keys, err));
	return write_file(writer, EP_FEED_SPARE, &text, err);
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
	return write_spare(writer, err);
}

/* ---- all of it ---- */

/* Brings the feed up to the snapshot, and feed.json. */
static enum ep_status
bring_up(struct writer *writer, uint64_t before, const bool *damaged, struct ep_error *err)
{
	struct ep_feed *feed = &writer->feed;
	size_t checked = feed->packet_count;
	struct ep_feed_packet packet;
	if (damaged)
		EP_TRY(mend(writer, damaged, err));
	if (feed->position > before) {
		EP_TRY(write_packet(&packet, writer, before, feed->position, err));
		EP_TRY(ep_feed_add(feed, &packet, err));
	}
	EP_TRY(write_json(writer, err));
	for (size_t i = 0; damaged && i < checked; i++) {
		if (damaged[i])
			ep_feed_drop(writer->packets, &writer->old.packets[i], feed);
	}
	return merge(writer, err);
}

static enum ep_status
publish(struct writer *writer, struct ep_error *err)
{
	struct ep_feed *feed = &writer->feed;
	EP_FREE bool *damaged = NULL;
	size_t count;
	uint64_t before;
	bool late;
	EP_TRY(read_folder(writer, err));
	int64_t age = ep_time_now() - feed->time;
	for (uint64_t published = feed->position;; feed->position = published) {
		EP_TRY(read_snapshot(writer, &before, err));
		EP_TRY(ep_feed_extend_marks(&late, feed, writer->log, writer->read, err));
		if (!late)
			break;
	}
	writer->report->position = feed->position;
	EP_TRY(find_damage(&damaged, &count, writer, err));
	bool fresh =
		writer->found && !writer->stale && age >= 0 && age < writer->options->refresh_s;
	if (feed->position == before && fresh && count == 0)
		return merge(writer, err);
	return bring_up(writer, before, count ? damaged : NULL, err);
}

/* Makes the folders, and locks them. Others may write there: no link in them is followed. */
static enum ep_status
lock_folder(int *fd, struct writer *writer, struct ep_error *err)
{
	EP_FOLDER struct ep_folder folder = EP_FOLDER_NONE;
	EP_FOLDER struct ep_folder packets = EP_FOLDER_NONE;
	EP_TRY(ep_make_shared_folder(writer->folder, err));
	EP_TRY(ep_folder_open(&folder, writer->folder, err));
	EP_TRY(make_way(writer, ".lock", false, err));
	EP_TRY(ep_folder_lock(fd, &folder, ".lock", err));
	EP_TRY(make_way(writer, EP_FEED_PACKETS, true, err));
	return ep_folder_make(&packets, &folder, EP_FEED_PACKETS, err);
}

enum ep_status
ep_feed_publish(struct ep_feed_report *report, struct ep_log *log, const char *folder,
                const struct ep_feed_options *options, struct ep_error *err)
{
	*report = (struct ep_feed_report){ 0 };
	EP_FREE char *copy = strdup(folder);
	EP_FREE char *packets = ep_path_join(folder, EP_FEED_PACKETS);
	if (!copy || !packets)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct writer writer = {
		.log = log,
		.options = options,
		.report = report,
		.folder = copy,
		.packets = packets,
	};
	EP_FD int fd = -1;
	EP_TRY(ep_keys_open(&writer.keys, ep_log_folder(log), err));
	EP_TRY(lock_folder(&fd, &writer, err));
	enum ep_status status = publish(&writer, err);
	ep_log_read_end(writer.read);
	ep_feed_free(&writer.feed);
	ep_feed_free(&writer.old);
	return status;
}
