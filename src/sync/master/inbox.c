#include "sync/master/inbox.h"

#include "base/file.h"
#include "format/packet_cost.h"
#include "ingest/ingest.h"
#include "peer/contact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A slave puts some megabytes into a contribution, or a single track. */
#define UNPACKED_MAX ((uint64_t)128 << 20)

/* ---- joining ---- */

/* Whether a slave is to be let in; *known: it is in already. */
static enum ep_status
check_join(struct ep_peer *peer, bool *known, const struct ep_log_read *read,
           const struct ep_join *join, const struct ep_key *own, struct ep_error *err)
{
	enum ep_status status = ep_peer_load(peer, read, join->name, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	*known = status == EP_OK && peer->has_key && ep_key_equal(&peer->key, &join->key);
	if (*known)
		return EP_OK;
	if (status == EP_OK && peer->invited && ep_join_proves(join, &peer->invitation))
		return ep_peer_check_new(read, NULL, &join->key, own, err);
	return ep_fail(err, EP_BAD_INPUT,
	               "there is no open invitation for source %s: it never existed or was used; "
	               "get a new one with `source add`",
	               join->name);
}

/* Writes that a slave is in; nobody who is not to be let in, or is in, makes writers wait. */
static enum ep_status
let_in(struct ep_log *log, const struct ep_join *join, const struct ep_key *own,
       struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_peer peer;
	bool known;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(check_join(&peer, &known, read, join, own, err));
	ep_log_read_end(EP_TAKE(read));
	if (known)
		return EP_OK;
	/* Another may have been faster. */
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(check_join(&peer, &known, ep_log_inside(write), join, own, err));
	peer.invited = false;
	peer.invitation = (struct ep_key){ 0 };
	peer.has_key = true;
	peer.key = join->key;
	peer.contact = ep_time_now();
	EP_TRY(ep_peer_store(write, &peer, err));
	EP_TRY(ep_peer_name_key(write, &peer, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_inbox_join(struct ep_buffer *out, char name[EP_SOURCE_NAME_MAX + 1], struct ep_log *log,
              struct ep_text request, struct ep_error *err)
{
	struct ep_join join;
	struct ep_keys keys;
	EP_TRY(ep_join_read(&join, request, err));
	if (!ep_slave_name_ok(ep_text_of(join.name)))
		return ep_fail(err, EP_BAD_INPUT, "the name in the request to join is not valid");
	EP_TRY(ep_keys_open(&keys, ep_log_folder(log), err));
	if (!ep_key_equal(&join.master, &keys.key))
		return ep_fail(err, EP_BAD_INPUT, "the request to join is for another master");
	EP_TRY(let_in(log, &join, &keys.key, err));
	EP_TRY(ep_welcome_write(out, &join, &keys, err));
	snprintf(name, EP_SOURCE_NAME_MAX + 1, "%s", join.name);
	return EP_OK;
}

/* ---- contributions ---- */

enum ep_status
ep_inbox_check(struct ep_peer *peer, struct ep_trailer *trailer, struct ep_log *log,
               const uint8_t bytes[EP_TRAILER_SIZE], struct ep_error *err)
{
	struct ep_keys keys;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_trailer_read(trailer, bytes, err));
	EP_TRY(ep_keys_open(&keys, ep_log_folder(log), err));
	if (!ep_key_equal(&trailer->master, &keys.key))
		return ep_fail(err, EP_BAD_INPUT, "the contribution is for another master");
	EP_TRY(ep_log_read_begin(&read, log, err));
	enum ep_status status = ep_peer_of_key(peer, read, &trailer->slave, err);
	if (status != EP_NOT_FOUND)
		return status;
	return ep_fail(err, EP_BAD_INPUT,
	               "the sender of the contribution is not a source; admit it with `source add` "
	               "on the master");
}

/* A contribution on its way into the log, and what became of its tracks. */
struct intake {
	struct ep_log *log;
	const char *path;
	int fd; /* of the file there */
	uint64_t size;
	struct ep_keys keys;
	struct ep_peer peer;
	struct ep_trailer trailer;
	struct ep_receipt receipt;
	struct ep_arena arena; /* the texts of the receipt */
	struct ep_buffer *out;
	struct ep_inbox_report *report;
};

/* Ids and reasons that are no UTF-8 would be no JSON. */
static struct ep_text
json_safe(struct ep_text text)
{
	return ep_text_is_utf8(text) && !(text.size && memchr(text.at, 0, text.size))
	               ? text
	               : ep_text_of("?");
}

/* Notes what became of an entry, at its place: refusals are told behind the rest of their block. */
static enum ep_status
on_track(void *context, const struct ep_ingest_track *track, struct ep_error *err)
{
	struct intake *intake = context;
	struct ep_receipt *receipt = &intake->receipt;
	if (track->position < 1 || track->position > EP_CONTRIBUTION_ENTRIES)
		return ep_fail(err, EP_CORRUPT, "the contribution has an entry out of order");
	struct ep_receipt_track *made = &receipt->tracks[track->position - 1];
	if (track->position > receipt->track_count)
		receipt->track_count = (size_t)track->position;
	made->outcome = track->outcome;
	EP_TRY(ep_arena_text(&made->id, &intake->arena, json_safe(track->id), err));
	EP_TRY(ep_arena_text(&made->detail, &intake->arena, json_safe(track->detail), err));
	intake->report->counts[track->outcome]++;
	return EP_OK;
}

static enum ep_status
write_receipt(struct intake *intake, struct ep_error *err)
{
	struct ep_receipt *receipt = &intake->receipt;
	receipt->id = intake->trailer.id;
	memcpy(receipt->source, intake->peer.name, sizeof receipt->source);
	intake->out->size = 0;
	return ep_receipt_write(intake->out, receipt, &intake->keys, err);
}

/* Sets the source's state, and writes the receipt: what the log is to be is known now. */
static enum ep_status
before_commit(void *context, struct ep_log_write *write, struct ep_error *err)
{
	struct intake *intake = context;
	struct ep_peer now;
	struct ep_epoch epoch;
	struct ep_log_state state;
	EP_TRY(ep_peer_load(&now, ep_log_inside(write), intake->peer.name, err));
	/* The source may have been removed meanwhile. */
	if (!now.has_key || !ep_key_equal(&now.key, &intake->trailer.slave))
		return ep_fail(err, EP_BAD_INPUT, "source %s is no longer allowed to contribute",
		               intake->peer.name);
	ep_log_state(&state, ep_log_inside(write));
	EP_TRY(ep_log_epoch(&epoch, ep_log_inside(write), err));
	now.position = state.position;
	now.contact = ep_time_now();
	now.error[0] = '\0';
	EP_TRY(ep_peer_store(write, &now, err));
	intake->receipt.epoch = epoch.number;
	intake->receipt.position = state.position;
	return write_receipt(intake, err);
}

/* Reads the end of the file, and of its front what a slave's packet must have. */
static enum ep_status
read_ends(uint8_t trailer[EP_TRAILER_SIZE], struct intake *intake, struct ep_error *err)
{
	uint8_t front[EP_PACKET_FRONT];
	struct stat info;
	int fd = intake->fd;
	if (fstat(fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot open %s", intake->path);
	intake->size = (uint64_t)info.st_size;
	if (!S_ISREG(info.st_mode) || info.st_size < (off_t)(sizeof front + EP_TRAILER_SIZE) ||
	    intake->size > EP_CONTRIBUTION_MAX)
		return ep_fail(err, EP_CORRUPT, "the contribution has an invalid size");
	if (pread(fd, front, sizeof front, 0) != (ssize_t)sizeof front ||
	    pread(fd, trailer, EP_TRAILER_SIZE, info.st_size - EP_TRAILER_SIZE) != EP_TRAILER_SIZE)
		return ep_fail_errno(err, errno, "cannot read %s", intake->path);
	/* Compressed input would be unpacked: a packet's blocks are, and have a limit. */
	struct ep_packet_front said = ep_packet_front(front);
	if (!said.slave)
		return ep_fail(err, EP_CORRUPT, "this packet is not from a slave");
	if (said.after != 0 || said.last > EP_CONTRIBUTION_ENTRIES)
		return ep_fail(err, EP_CORRUPT, "the contribution has more than %d entries",
		               EP_CONTRIBUTION_ENTRIES);
	return EP_OK;
}

/* Its bytes, from the first one on. */
static enum ep_status
source_of(struct ep_source *source, struct intake *intake, struct ep_error *err)
{
	*source = ep_source_of_fd(&intake->fd);
	return lseek(intake->fd, 0, SEEK_SET) == 0
	               ? EP_OK
	               : ep_fail_errno(err, errno, "cannot read %s", intake->path);
}

/* Refuses what would be too much work, before a transaction begins. */
static enum ep_status
weigh(struct intake *intake, struct ep_error *err)
{
	struct ep_source source;
	uint64_t cost;
	EP_TRY(source_of(&source, intake, err));
	return ep_packet_weigh(&cost, source, intake->size, err);
}

/* ---- what slaves have seen ---- */

/* Whether a head is of the history that this log has. */
static enum ep_status
is_known(bool *known, const struct ep_head *head, const struct ep_log_read *read,
         struct ep_error *err)
{
	struct ep_epoch own;
	uint8_t hash[EP_MARK_SIZE];
	uint64_t oldest;
	const struct ep_mark *last = ep_head_last(head);
	EP_TRY(ep_log_epoch(&own, read, err));
	*known = head->epoch < own.number;
	if (*known || head->epoch > own.number || head->epoch_tag != own.tag)
		return EP_OK;
	*known = true;
	if (!last)
		return EP_OK;
	enum ep_status status = ep_log_mark(hash, read, last->position, err);
	if (status == EP_OK) {
		*known = memcmp(hash, last->hash, EP_MARK_SIZE) == 0;
		return EP_OK;
	}
	if (status != EP_NOT_FOUND)
		return status;
	/* Marks of long ago are not kept. */
	status = ep_log_mark_below(&oldest, hash, read, last->position, err);
	*known = status == EP_NOT_FOUND && ep_log_has_marks(read);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* Notes that this log is an older copy of what was published. */
static enum ep_status
note_stale(struct ep_log *log, struct ep_bytes head, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_stale(write, head, err));
	return ep_log_commit(&write, err);
}

/* Looks at the head that the sender has seen. */
static enum ep_status
check_head(struct intake *intake, struct ep_error *err)
{
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *reader = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_head head;
	bool known;
	struct ep_source source;
	EP_TRY(source_of(&source, intake, err));
	EP_TRY(ep_packet_open(&reader, source, err));
	struct ep_bytes bytes = ep_packet_header(reader)->head;
	if (bytes.size == 0)
		return EP_OK;
	EP_TRY(ep_head_read(&head, bytes, &intake->keys.key, err));
	EP_TRY(ep_log_read_begin(&read, intake->log, err));
	EP_TRY(is_known(&known, &head, read, err));
	ep_log_read_end(EP_TAKE(read));
	return known ? EP_OK : note_stale(intake->log, bytes, err);
}

/* ---- taking ---- */

static enum ep_status
ingest(struct intake *intake, const atomic_bool *stop, struct ep_error *err)
{
	struct ep_ingest_report counts = { 0 };
	struct ep_ingest_options options = {
		.kind = EP_INGEST_DUMP,
		.source = ep_text_of(intake->peer.name),
		.import_date = ep_time_now(),
		.sender = &intake->trailer.slave,
		.tracks_max =
			intake->peer.tracks_max ? intake->peer.tracks_max : EP_PEER_TRACKS_MAX,
		.bytes_max = intake->peer.bytes_max ? intake->peer.bytes_max : EP_PEER_BYTES_MAX,
		.unpacked_max = UNPACKED_MAX,
		.stop = stop,
		.on_track = on_track,
		.before_commit = before_commit,
		.context = intake,
	};
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = NULL;
	EP_TRY(ep_ingest_open(&ingest, intake->log, &options, &counts, err));
	struct ep_input_from from = { EP_INPUT_FD, .name = intake->path, .fd = intake->fd };
	return ep_ingest_input(ingest, &from, err);
}

static enum ep_status
take(struct intake *intake, const atomic_bool *stop, struct ep_error *err)
{
	uint8_t trailer[EP_TRAILER_SIZE];
	EP_TRY(read_ends(trailer, intake, err));
	EP_TRY(ep_inbox_check(&intake->peer, &intake->trailer, intake->log, trailer, err));
	memcpy(intake->report->source, intake->peer.name, sizeof intake->report->source);
	EP_TRY(weigh(intake, err));
	EP_TRY(check_head(intake, err));
	return ingest(intake, stop, err);
}

enum ep_status
ep_inbox_take(struct ep_buffer *out, struct ep_inbox_report *report, struct ep_log *log,
              const char *path, const atomic_bool *stop, struct ep_error *err)
{
	*report = (struct ep_inbox_report){ 0 };
	EP_FREE struct intake *intake = calloc(1, sizeof *intake);
	if (!intake)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	intake->log = log;
	intake->path = path;
	intake->fd = fd;
	intake->out = out;
	intake->report = report;
	intake->receipt.tracks = calloc(EP_CONTRIBUTION_ENTRIES, sizeof *intake->receipt.tracks);
	if (!intake->receipt.tracks)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a receipt");
	enum ep_status status = ep_keys_open(&intake->keys, ep_log_folder(log), err);
	if (status == EP_OK)
		status = take(intake, stop, err);
	report->position = intake->receipt.position;
	free(EP_TAKE(intake->receipt.tracks));
	ep_arena_free(&intake->arena);
	return status;
}

void
ep_inbox_note(struct ep_log *log, const char *source, const char *error)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_peer peer;
	if (ep_log_read_begin(&read, log, NULL) != EP_OK ||
	    ep_peer_load(&peer, read, source, NULL) != EP_OK || !peer.has_key)
		return;
	struct ep_contact contact = { .key = peer.key, .at = ep_time_now() };
	contact.noted = contact.at;
	snprintf(contact.error, sizeof contact.error, "%s", error);
	ep_contacts_note(ep_log_folder(log), &contact, 1);
}
