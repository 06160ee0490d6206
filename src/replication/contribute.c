#include "replication/sync.h"

#include "base/bytes.h"
#include "base/file.h"
#include "replication/dump_stream.h"
#include "replication/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A contribution ends behind so many bytes of entries, or tracks. */
#define ENTRY_BYTES ((uint64_t)8 << 20)
#define TRACKS_MAX 20000

/* How often what the master has is asked for, before it is given up. */
#define ATTEMPTS 3

struct sender {
	struct ep_log *log;
	const struct ep_transport *transport;
	const struct ep_sync_options *options;
	struct ep_sync_report *report;
	struct ep_keys keys;
	struct ep_master master;
	char *path; /* of the contribution on its way */
	uint8_t trailer[EP_TRAILER_SIZE];
	struct ep_hash id; /* of it */
	uint64_t last; /* this log's position that it goes up to */
};

static enum ep_status
load_master(struct ep_master *master, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	return ep_master_load(master, read, err);
}

enum ep_status
ep_sync_pending(uint64_t *tracks, const struct ep_log_read *read, const struct ep_master *master,
                struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	enum ep_status status;
	uint64_t count = 0;
	EP_TRY(ep_log_cursor_open(&cursor, read, master->sent, EP_SOURCE_LOCAL, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK)
		count++;
	if (status != EP_NOT_FOUND)
		return status;
	*tracks = count;
	return EP_OK;
}

/* ---- the packet ---- */

/* Finds up to where the next contribution goes; *any says whether there is anything to send. */
static enum ep_status
plan(uint64_t *until, bool *any, const struct sender *sender, const struct ep_log_read *read,
     struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	enum ep_status status;
	uint64_t bytes = 0;
	uint64_t tracks = 0;
	struct ep_log_state state;
	ep_log_state(&state, read);
	EP_TRY(ep_log_cursor_open(&cursor, read, sender->master.sent, EP_SOURCE_LOCAL, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (tracks > 0 && (bytes + entry.rest_size > ENTRY_BYTES || tracks == TRACKS_MAX))
			break;
		bytes += entry.rest_size;
		tracks++;
		*until = entry.position;
	}
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	if (status == EP_NOT_FOUND)
		*until = state.position;
	*any = tracks > 0;
	return EP_OK;
}

static enum ep_status
take_piece(void *context, const struct ep_dump_piece *piece, struct ep_error *err)
{
	return ep_buffer_append(context, piece->bytes, piece->size, err);
}

static enum ep_status
dump(struct ep_buffer *packet, const struct sender *sender, const struct ep_log_read *read,
     uint64_t until, struct ep_error *err)
{
	struct ep_dump_stream stream = {
		.log = sender->log,
		.read = read,
		.after = sender->master.sent,
		.until = until,
		.source = EP_SOURCE_LOCAL,
		.lines = UINT64_MAX,
		.node_name = sender->options->name,
		.stop = sender->options->stop,
		.take = take_piece,
		.context = packet,
	};
	return ep_dump_packets(&stream, err);
}

/* Signs a packet, which ends in its hash and the size 0 of a signature, and keeps it. */
static enum ep_status
keep(struct sender *sender, struct ep_buffer *packet, struct ep_error *err)
{
	struct ep_trailer trailer = { .master = sender->master.key,
		                      .previous = sender->master.last };
	if (packet->size < EP_HASH_SIZE + 2)
		return ep_fail(err, EP_CORRUPT, "a packet came out too short");
	packet->size -= EP_HASH_SIZE + 2;
	memcpy(trailer.hash.bytes, packet->data + packet->size, EP_HASH_SIZE);
	ep_trailer_write(sender->trailer, &trailer, &sender->keys);
	sender->id = trailer.id;
	EP_TRY(ep_buffer_append(packet, sender->trailer, EP_TRAILER_SIZE, err));
	return ep_replace_file(sender->path, packet->data, packet->size, 0600, err);
}

static enum ep_status
make(struct sender *sender, bool *any, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_BUFFER struct ep_buffer packet = { 0 };
	EP_TRY(ep_log_read_begin(&read, sender->log, err));
	EP_TRY(plan(&sender->last, any, sender, read, err));
	if (!*any)
		return EP_OK;
	EP_TRY(dump(&packet, sender, read, sender->last, err));
	return keep(sender, &packet, err);
}

/* Finds the contribution that is on its way; what is of another time goes. */
static enum ep_status
find_kept(struct sender *sender, bool *found, struct ep_error *err)
{
	struct ep_trailer trailer = { 0 };
	struct stat info;
	uint8_t front[48];
	*found = false;
	EP_FD int fd = open(sender->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? EP_OK
		                       : ep_fail_errno(err, errno, "cannot open %s", sender->path);
	*found = fstat(fd, &info) == 0 && info.st_size > (off_t)(sizeof front + EP_TRAILER_SIZE) &&
	         pread(fd, front, sizeof front, 0) == (ssize_t)sizeof front &&
	         pread(fd, sender->trailer, EP_TRAILER_SIZE, info.st_size - EP_TRAILER_SIZE) ==
	                 EP_TRAILER_SIZE &&
	         ep_trailer_read(&trailer, sender->trailer, NULL) == EP_OK &&
	         ep_key_equal(&trailer.slave, &sender->keys.key) &&
	         ep_key_equal(&trailer.master, &sender->master.key) &&
	         memcmp(&trailer.previous, &sender->master.last, EP_HASH_SIZE) == 0;
	if (*found)
		sender->last = ep_load64(front + 40);
	sender->id = trailer.id;
	/* One that is of a later position than this log has is of a log that was lost. */
	return *found || unlink(sender->path) == 0
	               ? EP_OK
	               : ep_fail_errno(err, errno, "cannot remove %s", sender->path);
}

/* ---- the answer ---- */

static void
count_tracks(struct sender *sender, struct ep_master *master, const struct ep_receipt *receipt)
{
	for (size_t i = 0; i < receipt->track_count; i++) {
		enum ep_outcome outcome = receipt->tracks[i].outcome;
		sender->report->outcomes[outcome]++;
		master->conflicts += outcome == EP_OUTCOME_CONFLICT;
		master->rejected += outcome == EP_OUTCOME_REJECTED;
	}
	sender->report->contributed += receipt->track_count;
}

/* Moves the watermark where the receipt accepts; else everything local is sent again, after what
 * the master accepted last: one of the two has lost its memory. */
static enum ep_status
settle(struct sender *sender, const struct ep_receipt *receipt, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master master;
	EP_TRY(ep_log_write_begin(&write, sender->log, err));
	EP_TRY(ep_master_load(&master, ep_log_inside(write), err));
	master.last = receipt->last;
	master.sent = receipt->accepted ? sender->last : 0;
	if (receipt->accepted) {
		master.answered = receipt->position;
		sender->report->answered = receipt->position;
		count_tracks(sender, &master, receipt);
	}
	snprintf(master.source, sizeof master.source, "%s", receipt->source);
	master.contact = ep_time_now();
	EP_TRY(ep_master_store(write, &master, err));
	EP_TRY(ep_log_commit(&write, err));
	sender->master = master;
	return unlink(sender->path) == 0
	               ? EP_OK
	               : ep_fail_errno(err, errno, "cannot remove %s", sender->path);
}

static enum ep_status
send(struct sender *sender, bool *accepted, struct ep_error *err)
{
	const struct ep_transport *transport = sender->transport;
	EP_BUFFER struct ep_buffer answer = { .max = EP_RECEIPT_MAX };
	EP_RECEIPT struct ep_receipt receipt = { 0 };
	EP_TRY(transport->contribute(transport->context, &answer, sender->path, sender->trailer,
	                             err));
	EP_TRY(ep_receipt_read(&receipt, (struct ep_text){ (const char *)answer.data, answer.size },
	                       &sender->master.key, err));
	if (memcmp(&receipt.id, &sender->id, EP_HASH_SIZE) != 0)
		return ep_fail(err, EP_CORRUPT, "the receipt is for another contribution");
	*accepted = receipt.accepted;
	return settle(sender, &receipt, err);
}

/* ---- all of it ---- */

static enum ep_status
send_all(struct sender *sender, struct ep_error *err)
{
	for (int refused = 0; refused < ATTEMPTS;) {
		bool any;
		bool accepted;
		EP_TRY(load_master(&sender->master, sender->log, err));
		EP_TRY(find_kept(sender, &any, err));
		if (!any)
			EP_TRY(make(sender, &any, err));
		if (!any)
			return EP_OK;
		EP_TRY(send(sender, &accepted, err));
		refused += !accepted;
	}
	return ep_fail(err, EP_DIVERGED,
	               "the master gets contributions of another node that has this node's key: a "
	               "data folder was copied; remove %s/key on one of them and let it join anew",
	               ep_log_folder(sender->log));
}

enum ep_status
ep_contribute(struct ep_sync_report *report, struct ep_log *log,
              const struct ep_transport *transport, const struct ep_sync_options *options,
              struct ep_error *err)
{
	struct sender sender = {
		.log = log, .transport = transport, .options = options, .report = report
	};
	EP_FD int fd = -1;
	EP_FREE char *path = ep_path_join(ep_log_folder(log), "contribution.packet");
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	sender.path = path;
	EP_TRY(load_master(&sender.master, log, err));
	EP_TRY(ep_keys_open(&sender.keys, ep_log_folder(log), err));
	EP_TRY(ep_lock_file(&fd, ep_log_folder(log), "contribute.lock", err));
	enum ep_status status = send_all(&sender, err);
	report->waits = status == EP_NOT_FOUND;
	return report->waits ? EP_OK : status;
}
