#include "sync/slave/contribute.h"

#include "base/bytes.h"
#include "base/file.h"
#include "dump/packet_parts.h"
#include "peer/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A contribution ends behind so many bytes of entries. */
#define ENTRY_BYTES ((uint64_t)8 << 20)

/* A block of its packet ends behind so many entries. */
#define BLOCK_ENTRIES 256

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
	bool shown; /* the head was sent, where nothing else had to be */
	bool retry; /* what was over a limit goes too, once */
	bool again; /* that is on its way */
};

static enum ep_status
load_master(struct ep_master *master, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	return ep_master_load(master, read, err);
}

/* ---- what is unconfirmed ---- */

static enum ep_status
count_pending(void *context, const struct ep_unconfirmed *item, struct ep_error *err)
{
	(void)err;
	struct ep_pending *pending = context;
	pending->unsent += item->proof || item->wait == EP_WAIT_NONE;
	pending->sent += !item->proof && item->wait == EP_WAIT_FEED;
	pending->full += !item->proof && item->wait == EP_WAIT_FULL;
	pending->refused += !item->proof && item->wait == EP_WAIT_REFUSED;
	return EP_OK;
}

enum ep_status
ep_sync_pending(struct ep_pending *pending, const struct ep_log_read *read, struct ep_error *err)
{
	*pending = (struct ep_pending){ 0 };
	return ep_log_unconfirmed(read, count_pending, pending, err);
}

static enum ep_status
note_any(void *context, const struct ep_unconfirmed *item, struct ep_error *err)
{
	(void)item;
	(void)err;
	*(bool *)context = true;
	return EP_OK;
}

enum ep_status
ep_sync_waits(bool *waits, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	*waits = false;
	EP_TRY(ep_log_read_begin(&read, log, err));
	return ep_log_unconfirmed(read, note_any, waits, err);
}

/* ---- the packet ---- */

/* What goes into a contribution. */
struct collected {
	const struct sender *sender;
	struct ep_packet_parties parties;
	struct ep_arena arena;
	struct ep_entry *entries; /* EP_CONTRIBUTION_ENTRIES of them */
	size_t count;
	uint64_t bytes;
	bool full; /* what is left goes with the next */
	struct ep_packet_header header;
};

static bool
is_due(const struct sender *sender, const struct ep_unconfirmed *item)
{
	return item->proof || item->wait == EP_WAIT_NONE ||
	       (item->wait == EP_WAIT_FULL && sender->retry);
}

/* Takes an item into the contribution. From the first that has no room, all go with the next: no
 * link may come before its track. */
static enum ep_status
collect(void *context, const struct ep_unconfirmed *item, struct ep_error *err)
{
	struct collected *collected = context;
	struct ep_packet_header *header = &collected->header;
	const struct ep_entry *entry = &item->entry;
	struct ep_history history;
	if (!is_due(collected->sender, item))
		return EP_OK;
	collected->full |= collected->count == EP_CONTRIBUTION_ENTRIES ||
	                   (collected->count && collected->bytes + entry->rest.size > ENTRY_BYTES);
	if (collected->full)
		return EP_OK;
	EP_TRY(ep_packet_history(&history, &collected->parties, entry, &collected->arena, err));
	EP_TRY(ep_packet_parties_add(&collected->parties, &history, err));
	collected->entries[collected->count] = *entry;
	collected->entries[collected->count++].position = ++header->last;
	collected->bytes += entry->rest.size;
	header->tracks += entry->operation == EP_PUT;
	header->documents += entry->operation == EP_PUT ? entry->document_count : 0;
	header->deletions += entry->operation == EP_DELETE;
	header->links += entry->operation == EP_LINK;
	header->fields |= ep_entry_has_fields(entry);
	return EP_OK;
}

static enum ep_status
put_blocks(struct ep_buffer *packet, struct collected *collected, struct ep_error *err)
{
	for (size_t first = 0; first < collected->count; first += BLOCK_ENTRIES) {
		struct ep_packet_entry entries[BLOCK_ENTRIES];
		size_t left = collected->count - first;
		size_t count = left < BLOCK_ENTRIES ? left : BLOCK_ENTRIES;
		for (size_t i = 0; i < count; i++)
			EP_TRY(ep_packet_convert(&entries[i], &collected->parties,
			                         &collected->entries[first + i], 0,
			                         &collected->arena, err));
		EP_TRY(ep_packet_put_block(packet, entries, count, err));
	}
	return EP_OK;
}

/* Writes what was collected as a packet, whose positions only count its entries. */
static enum ep_status
write_packet(struct ep_buffer *packet, struct collected *collected, const struct ep_log_read *read,
             struct ep_error *err)
{
	const struct sender *sender = collected->sender;
	struct ep_text local = ep_text_of("local");
	struct ep_packet_header header = collected->header;
	struct ep_epoch epoch;
	struct ep_hasher hasher;
	EP_TRY(ep_log_epoch(&epoch, read, err));
	header.kind = EP_PACKET_SLAVE;
	header.key = sender->keys.key;
	header.epoch = epoch.number;
	header.epoch_tag = epoch.tag;
	header.last = header.last ? header.last : 1;
	header.marks_from = header.last + 1;
	header.made = ep_time_now();
	header.name = ep_text_of(sender->options->name);
	header.sources = &local;
	header.source_count = 1;
	header.parties = collected->parties.keys;
	header.party_count = collected->parties.used;
	header.head = (struct ep_bytes){ sender->master.head, sender->master.head_size };
	EP_TRY(ep_packet_put_header(packet, &header, err));
	EP_TRY(put_blocks(packet, collected, err));
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, packet->data, packet->size);
	return ep_packet_put_end(packet, &hasher, err);
}

static enum ep_status
make_packet(struct ep_buffer *packet, bool *any, const struct sender *sender, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct collected collected = { .sender = sender };
	EP_FREE struct ep_entry *entries = calloc(EP_CONTRIBUTION_ENTRIES, sizeof *entries);
	if (!entries)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a contribution");
	collected.entries = entries;
	EP_TRY(ep_log_read_begin(&read, sender->log, err));
	enum ep_status status = ep_packet_parties_open(&collected.parties, read, true, err);
	if (status == EP_OK)
		status = ep_log_unconfirmed(read, collect, &collected, err);
	*any = collected.count > 0 || (sender->master.shows && !sender->shown);
	if (status == EP_OK && *any)
		status = write_packet(packet, &collected, read, err);
	ep_packet_parties_free(&collected.parties);
	ep_arena_free(&collected.arena);
	return status;
}

/* Signs a packet and keeps it. */
static enum ep_status
keep(struct sender *sender, struct ep_buffer *packet, struct ep_error *err)
{
	struct ep_trailer trailer = { .master = sender->master.key };
	EP_TRY(ep_contribution_sign(packet, &trailer, &sender->keys, err));
	memcpy(sender->trailer, packet->data + packet->size - EP_TRAILER_SIZE, EP_TRAILER_SIZE);
	sender->id = trailer.id;
	return ep_replace_file(sender->path, packet->data, packet->size, 0600, err);
}

static enum ep_status
make(struct sender *sender, bool *any, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer packet = { 0 };
	EP_TRY(make_packet(&packet, any, sender, err));
	sender->again |= sender->retry;
	sender->shown = true;
	sender->retry = false;
	return *any ? keep(sender, &packet, err) : EP_OK;
}

/* Finds the contribution that is on its way; what is of another time goes. */
static enum ep_status
find_kept(struct sender *sender, bool *found, struct ep_error *err)
{
	struct ep_trailer trailer = { 0 };
	struct stat info;
	*found = false;
	EP_FD int fd = open(sender->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? EP_OK
		                       : ep_fail_errno(err, errno, "cannot open %s", sender->path);
	*found = fstat(fd, &info) == 0 && info.st_size > EP_TRAILER_SIZE &&
	         pread(fd, sender->trailer, EP_TRAILER_SIZE, info.st_size - EP_TRAILER_SIZE) ==
	                 EP_TRAILER_SIZE &&
	         ep_trailer_read(&trailer, sender->trailer, NULL) == EP_OK &&
	         ep_key_equal(&trailer.slave, &sender->keys.key) &&
	         ep_key_equal(&trailer.master, &sender->master.key);
	sender->id = trailer.id;
	return *found || unlink(sender->path) == 0
	               ? EP_OK
	               : ep_fail_errno(err, errno, "cannot remove %s", sender->path);
}

/* ---- the answer ---- */

/* The answers to a contribution on their way into the log. */
struct answers {
	struct sender *sender;
	struct ep_log_write *write;
	const struct ep_receipt *receipt;
	size_t next; /* entry of the packet */
	struct ep_master *master;
};

static enum ep_wait
wait_of(enum ep_outcome outcome)
{
	switch (outcome) {
	case EP_OUTCOME_REJECTED:
	case EP_OUTCOME_REFUSED:
	case EP_OUTCOME_NOTHING:
		return EP_WAIT_REFUSED;
	case EP_OUTCOME_FULL:
		return EP_WAIT_FULL;
	case EP_OUTCOME_NEW:
	case EP_OUTCOME_UPDATED:
	case EP_OUTCOME_UNCHANGED:
	case EP_OUTCOME_DUPLICATE:
	case EP_OUTCOME_CONFLICT:
	case EP_OUTCOME_DELETED:
	case EP_OUTCOME_COUNT:
		break;
	}
	return EP_WAIT_FEED;
}

/* Notes the answer to one entry: for the revision that was sent. */
static enum ep_status
note_answer(struct answers *answers, const struct ep_packet_entry *entry,
            const struct ep_packet_header *header, struct ep_arena *arena, struct ep_error *err)
{
	struct ep_revision contents = { 0 };
	struct ep_history history;
	const struct ep_receipt_track *track = &answers->receipt->tracks[answers->next++];
	bool link = entry->operation == EP_PACKET_LINK;
	struct ep_subject subject = { entry->id, link };
	struct ep_reader reader = ep_reader_of(entry->history.at, entry->history.size);
	if (entry->operation != EP_PACKET_DELETE)
		memcpy(contents.bytes, entry->hash.bytes, EP_REVISION_SIZE);
	EP_FREE struct ep_party *list = calloc(header->party_count + 1, sizeof *list);
	if (!list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a receipt");
	for (size_t i = 0; i < header->party_count; i++)
		list[i].key = header->parties[i];
	struct ep_parties parties = { list, (uint32_t)header->party_count };
	EP_TRY(ep_history_read(&history, &reader, &contents, parties.count, NULL, arena, err));
	ep_history_hash(&history, &subject, &parties);
	answers->sender->report->outcomes[track->outcome]++;
	answers->master->conflicts += track->outcome == EP_OUTCOME_CONFLICT;
	answers->master->rejected += track->outcome == EP_OUTCOME_REJECTED;
	return ep_log_answered(answers->write, entry->id, link, &ep_history_head(&history)->id,
	                       wait_of(track->outcome), answers->receipt->position, err);
}

/* Goes through the contribution that was sent, entry by entry. */
static enum ep_status
note_block(struct answers *answers, struct ep_packet_block *block,
           const struct ep_packet_header *header, struct ep_error *err)
{
	EP_ARENA struct ep_arena arena = { 0 };
	EP_TRY(ep_packet_decode(block, header, err));
	for (size_t i = 0; i < block->count; i++) {
		if (answers->next == answers->receipt->track_count)
			return ep_fail(err, EP_CORRUPT, "the receipt does not answer every track");
		EP_TRY(note_answer(answers, &block->entries[i], header, &arena, err));
	}
	return EP_OK;
}

static enum ep_status
note_answers(struct answers *answers, struct ep_error *err)
{
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *reader = NULL;
	struct ep_packet_block block = { 0 };
	bool end = false;
	EP_FD int fd = open(answers->sender->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", answers->sender->path);
	int borrowed = fd;
	struct ep_source source = ep_source_of_fd(&borrowed);
	EP_TRY(ep_packet_open(&reader, source, err));
	enum ep_status status = EP_OK;
	while (status == EP_OK && !end) {
		status = ep_packet_read(reader, &block, &end, err);
		if (status == EP_OK && !end)
			status = note_block(answers, &block, ep_packet_header(reader), err);
	}
	ep_packet_block_free(&block);
	return status;
}

/* Keeps what the master answered, where that is of the history that is followed, and not behind
 * what has been applied; the contribution is no longer on its way. *counts says whether. */
static enum ep_status
settle(struct sender *sender, bool *counts, const struct ep_receipt *receipt, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master master;
	EP_TRY(ep_log_write_begin(&write, sender->log, err));
	EP_TRY(ep_master_load(&master, ep_log_inside(write), err));
	struct answers answers = {
		.sender = sender, .write = write, .receipt = receipt, .master = &master
	};
	*counts = (master.epoch.number == 0 || receipt->epoch == master.epoch.number) &&
	          receipt->position >= master.position;
	if (*counts) {
		/* A master that was behind what it had answered has lost it, and is sent it. */
		if (receipt->position < master.answered)
			EP_TRY(ep_log_wait_over(write, master.answered, err));
		/* What was over a limit just now was asked again: it is counted once. */
		if (sender->again) {
			sender->report->contributed -= sender->report->outcomes[EP_OUTCOME_FULL];
			sender->report->outcomes[EP_OUTCOME_FULL] = 0;
			sender->again = false;
		}
		EP_TRY(note_answers(&answers, err));
		master.answered = receipt->position;
		master.answered_at = ep_time_now();
		sender->report->answered = receipt->position;
		sender->report->contributed += receipt->track_count;
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
send(struct sender *sender, bool *counts, struct ep_error *err)
{
	const struct ep_transport *transport = sender->transport;
	EP_BUFFER struct ep_buffer answer = { .max = EP_RECEIPT_MAX };
	EP_RECEIPT struct ep_receipt receipt = { 0 };
	EP_TRY(transport->contribute(transport->context, &answer, sender->path, sender->trailer,
	                             err));
	EP_TRY(ep_receipt_read(&receipt, ep_buffer_text(&answer), &sender->master.key, err));
	if (memcmp(&receipt.id, &sender->id, EP_HASH_SIZE) != 0)
		return ep_fail(err, EP_CORRUPT, "the receipt is for another contribution");
	return settle(sender, counts, &receipt, err);
}

/* ---- all of it ---- */

/* Sends until nothing is left to be sent. */
static enum ep_status
send_all(struct sender *sender, struct ep_error *err)
{
	for (bool counts = true; counts;) {
		bool any;
		EP_TRY(load_master(&sender->master, sender->log, err));
		EP_TRY(find_kept(sender, &any, err));
		if (!any)
			EP_TRY(make(sender, &any, err));
		if (!any)
			return EP_OK;
		EP_TRY(send(sender, &counts, err));
	}
	/* The answer was of another time; what it was about is sent again after the next fetch. */
	return EP_OK;
}

enum ep_status
ep_contribute(struct ep_sync_report *report, struct ep_log *log,
              const struct ep_transport *transport, const struct ep_sync_options *options,
              struct ep_error *err)
{
	struct sender sender = {
		.log = log,
		.transport = transport,
		.options = options,
		.report = report,
		.retry = options->retry,
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
