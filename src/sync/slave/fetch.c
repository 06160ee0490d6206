#include "sync/slave/fetch.h"

#include "base/file.h"
#include "ingest/ingest.h"
#include "peer/contact.h"
#include "sync/feed_files.h"
#include "sync/feed_plan.h"
#include "sync/places.h"
#include "sync/slave/contribute.h"
#include "sync/slave/mirror.h"
#include "sync/slave/prove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INCOMING "incoming"

/* How often a feed is read anew because packets of it have gone meanwhile. */
#define ATTEMPTS 3

struct fetcher {
	struct ep_log *log;
	const struct ep_transport *transport;
	const struct ep_sync_options *options;
	struct ep_sync_report *report;
	struct ep_master master;
	struct ep_feed feed;
	struct ep_buffer text; /* of feed.json */
	char *incoming; /* folder of packets on their way */
	bool restarted; /* this call began anew */
	struct ep_mark seen; /* what had been seen before this feed */
	uint8_t seen_head[EP_HEAD_MAX];
	size_t seen_head_size;
	struct ep_sync_progress progress;
};

/* ---- what is known of the master ---- */

static enum ep_status
load_master(struct fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, fetcher->log, err));
	return ep_master_load(&fetcher->master, read, err);
}

/* Notes beside the log that the master was reached, and which feed is followed. */
static void
note_feed(const struct fetcher *fetcher)
{
	struct ep_contact contact = { .key = fetcher->master.key,
		                      .at = ep_time_now(),
		                      .feed_time = fetcher->master.feed_time };
	ep_contacts_note(ep_log_folder(fetcher->log), &contact, 1);
}

/* Whether a fetch has changed more than moments: a feed that says the same again, an hour later, is
 * no transaction. */
static bool
is_news(const struct ep_master *own, const struct ep_master *now)
{
	return now->epoch.number != own->epoch.number || now->epoch.tag != own->epoch.tag ||
	       now->position != own->position || now->seen.position != own->seen.position ||
	       memcmp(now->seen.hash, own->seen.hash, EP_MARK_SIZE) != 0 ||
	       now->restarting != own->restarting || now->shows != own->shows;
}

/* Sets what a fetch changes in what is stored; the rest may have changed meanwhile. */
static enum ep_status
set_master(struct ep_log_write *write, struct fetcher *fetcher, struct ep_error *err)
{
	struct ep_master *own = &fetcher->master;
	struct ep_master now;
	EP_TRY(ep_master_load(&now, ep_log_inside(write), err));
	if (!ep_key_equal(&now.key, &own->key))
		return ep_fail(err, EP_DIVERGED, "this node has joined another master meanwhile");
	now.epoch = own->epoch;
	now.position = own->position;
	now.seen = own->seen;
	now.head_size = own->head_size;
	memcpy(now.head, own->head, own->head_size);
	now.feed_time = own->feed_time;
	now.contact = ep_time_now();
	now.restarting = own->restarting;
	now.shows = own->shows;
	EP_TRY(ep_master_store(write, &now, err));
	*own = now;
	return EP_OK;
}

static enum ep_status
store_master(struct fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master now;
	note_feed(fetcher);
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_master_load(&now, ep_log_inside(write), err));
	if (!is_news(&fetcher->master, &now))
		return EP_OK;
	EP_TRY(set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}

/* ---- whether the feed may be followed ---- */

enum history {
	HISTORY_SAME,
	HISTORY_OLDER, /* the same, but behind what was seen */
	HISTORY_OTHER
};

/* Whether the feed goes on from what was seen, as far as its head tells; packets tell the rest. */
static enum history
compare_history(const struct ep_feed *feed, const struct ep_master *master)
{
	const struct ep_head *head = &feed->head;
	const struct ep_mark *there = ep_head_find(head, master->seen.position);
	if (master->epoch.number == 0)
		return HISTORY_SAME;
	if (head->epoch != master->epoch.number || head->epoch_tag != master->epoch.tag)
		return HISTORY_OTHER;
	if (feed->position < master->seen.position)
		return HISTORY_OLDER;
	if (there && memcmp(there->hash, master->seen.hash, EP_MARK_SIZE) != 0)
		return HISTORY_OTHER;
	/* Where all marks are there, this one must be. */
	bool all = head->mark_count > 0;
	if (head->mark_count >= EP_HEAD_NEWEST)
		all = head->marks[head->mark_count - EP_HEAD_NEWEST].position <
		      master->seen.position;
	return there || !all || master->seen.position == 0 ? HISTORY_SAME : HISTORY_OTHER;
}

static enum ep_status
fail_history(const struct ep_feed *feed, const struct ep_master *master, enum history history,
             struct ep_error *err)
{
	if (feed->head.epoch > master->epoch.number)
		return ep_fail(err, EP_DIVERGED,
		               "the master has begun a new history (epoch %" PRIu64
		               ", after %" PRIu64 "); " EP_START_AGAIN,
		               feed->head.epoch, master->epoch.number);
	if (history == HISTORY_OLDER || feed->head.epoch < master->epoch.number)
		return ep_fail(
			err, EP_DIVERGED,
			"the feed goes back: it is at position %" PRIu64 " of epoch %" PRIu64
			", and was seen at %" PRIu64 " of %" PRIu64
			"; either an old copy of it is served, or the master's data is an "
			"old copy, and it must begin a new history (`publish --new-epoch` or "
			"`serve --new-epoch`)",
			feed->position, feed->head.epoch, master->seen.position,
			master->epoch.number);
	return ep_fail(err, EP_DIVERGED,
	               "the feed has another history at position %" PRIu64
	               " than the one that was followed: the master's data is an old copy that "
	               "went on, and it must begin a new history (`publish --new-epoch` or `serve "
	               "--new-epoch`)",
	               master->seen.position);
}

/* Begins anew, as somebody asked for: all that was confirmed is to be confirmed again by the feed's
 * own history, from its start. */
static enum ep_status
begin_anew(struct fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master *master = &fetcher->master;
	const struct ep_head *head = &fetcher->feed.head;
	struct ep_follows follows;
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_log_follows(&follows, ep_log_inside(write), err));
	follows.era++;
	follows.epoch = head->epoch;
	EP_TRY(ep_log_set_follows(write, &follows, err));
	EP_TRY(ep_log_wait_over(write, UINT64_MAX, err));
	master->restarting = true;
	master->epoch = (struct ep_epoch){ head->epoch, head->epoch_tag };
	master->position = 0;
	master->seen = (struct ep_mark){ 0 };
	master->answered = 0;
	fetcher->restarted = true;
	EP_TRY(set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}

/* Whether to start again from a feed: one that is not the same, only where its epoch is above. */
static enum ep_status
check_feed(struct fetcher *fetcher, struct ep_error *err)
{
	const struct ep_feed *feed = &fetcher->feed;
	struct ep_master *master = &fetcher->master;
	bool asked = fetcher->options->restart || master->restarting;
	enum history history = compare_history(feed, master);
	if (history == HISTORY_SAME) {
		bool again = fetcher->options->restart && !fetcher->restarted &&
		             master->epoch.number > 0;
		return again ? begin_anew(fetcher, err) : EP_OK;
	}
	if (asked && feed->head.epoch > master->epoch.number)
		return begin_anew(fetcher, err);
	/* The master is shown what was seen. */
	master->shows = true;
	EP_TRY(store_master(fetcher, err));
	return fail_history(feed, master, history, err);
}

/* Notes, before anything of it is applied, up to where the history was seen: so that another one is
 * noticed whenever this is interrupted. */
static enum ep_status
note_seen(struct fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master *master = &fetcher->master;
	const struct ep_feed *feed = &fetcher->feed;
	const struct ep_mark *last = ep_head_last(&feed->head);
	struct ep_follows follows;
	bool first = master->epoch.number == 0;
	if (!first && feed->position <= master->seen.position && !master->shows)
		return EP_OK;
	master->epoch = (struct ep_epoch){ feed->head.epoch, feed->head.epoch_tag };
	master->seen = last ? *last : (struct ep_mark){ 0 };
	master->head_size = feed->head_size;
	memcpy(master->head, feed->head_bytes, feed->head_size);
	master->shows = false;
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_log_follows(&follows, ep_log_inside(write), err));
	if (follows.epoch != feed->head.epoch) {
		follows.epoch = feed->head.epoch;
		EP_TRY(ep_log_set_follows(write, &follows, err));
	}
	EP_TRY(set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}

/* ---- packets ---- */

static void
on_progress(void *context, const struct ep_ingest_progress *progress)
{
	struct fetcher *fetcher = context;
	const struct ep_sync_options *options = fetcher->options;
	fetcher->progress.bytes = fetcher->report->bytes;
	fetcher->progress.documents = progress->rows;
	if (options->on_progress)
		options->on_progress(options->context, &fetcher->progress);
}

static enum ep_status
apply(struct fetcher *fetcher, const char *path, struct ep_error *err)
{
	struct ep_ingest_report counts = { 0 };
	struct ep_ingest_options options = {
		.kind = EP_INGEST_DUMP,
		.source = ep_text_of("master"),
		.feed = true,
		.import_date = ep_time_now(),
		.stop = fetcher->options->stop,
		.on_progress = on_progress,
		.context = fetcher,
	};
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = NULL;
	EP_TRY(ep_ingest_open(&ingest, fetcher->log, &options, &counts, err));
	EP_TRY(ep_ingest_file(ingest, path, err));
	fetcher->report->packets++;
	fetcher->report->documents += counts.counts.added + counts.counts.updated;
	fetcher->report->deleted += counts.deleted;
	return EP_OK;
}

/* What the mirror has need not be fetched again. */
static void
link_mirrored(const struct fetcher *fetcher, const char *name, const char *path)
{
	EP_FREE char *mirrored = NULL;
	const char *mirror = fetcher->options->mirror;
	if (mirror && asprintf(&mirrored, "%s/" EP_FEED_PACKETS "/%s", mirror, name) > 0)
		(void)!link(mirrored, path);
}

/* Whether a packet that reaches over what was seen before this feed has the same history there. */
static enum ep_status
check_marks(const struct fetcher *fetcher, const char *path, struct ep_error *err)
{
	const struct ep_mark *seen = &fetcher->seen;
	struct ep_master before = { .epoch = fetcher->master.epoch, .seen = *seen };
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *reader = NULL;
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	int borrowed = fd;
	struct ep_source source = ep_source_of_fd(&borrowed);
	EP_TRY(ep_packet_open(&reader, source, err));
	const struct ep_packet_header *header = ep_packet_header(reader);
	bool must = header->marks_from <= seen->position && seen->position <= header->last;
	bool same = !must;
	for (size_t i = 0; i < header->mark_count; i++) {
		if (header->marks[i].position == seen->position)
			same = memcmp(header->marks[i].hash, seen->hash, EP_MARK_SIZE) == 0;
	}
	return same ? EP_OK : fail_history(&fetcher->feed, &before, HISTORY_OTHER, err);
}

/* What was seen of a history that the feed does not have is still to be shown. */
static enum ep_status
take_back_seen(struct fetcher *fetcher, struct ep_error *err)
{
	struct ep_master *master = &fetcher->master;
	struct ep_error why = *err;
	master->seen = fetcher->seen;
	master->head_size = fetcher->seen_head_size;
	memcpy(master->head, fetcher->seen_head, fetcher->seen_head_size);
	master->shows = true;
	EP_TRY(store_master(fetcher, err));
	*err = why;
	return EP_DIVERGED;
}

/* Says whose feed it is that is damaged, and where. */
static enum ep_status
name_feed(const struct fetcher *fetcher, enum ep_status status, struct ep_error *err)
{
	const struct ep_master *master = &fetcher->master;
	if (status == EP_CORRUPT)
		ep_error_prefix(err, "the feed of %s at %s: ", fetcher->feed.name,
		                master->mirror[0] ? master->mirror : master->url);
	return status;
}

/* Fetches a packet into the file at path. */
static enum ep_status
download(struct fetcher *fetcher, const struct ep_feed_packet *packet, const char *name,
         const char *path, struct ep_error *err)
{
	link_mirrored(fetcher, name, path);
	enum ep_status status =
		ep_fetch_packet(&fetcher->report->bytes, path, packet, fetcher->transport, err);
	return name_feed(fetcher, status, err);
}

/* *damaged: the packet is not to be had. */
static enum ep_status
fetch_and_apply(struct fetcher *fetcher, const struct ep_feed_packet *packet, bool *damaged,
                struct ep_error *err)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	EP_FREE char *path = ep_path_join(fetcher->incoming, name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	enum ep_status status = download(fetcher, packet, name, path, err);
	*damaged = status == EP_CORRUPT;
	EP_TRY(status);
	status = fetcher->seen.position ? check_marks(fetcher, path, err) : EP_OK;
	if (status == EP_DIVERGED)
		return take_back_seen(fetcher, err);
	EP_TRY(status);
	EP_TRY(apply(fetcher, path, err));
	(void)unlink(path);
	return EP_OK;
}

/* Takes a packet in, and moves the watermark behind it. *damaged: it is not to be had. */
static enum ep_status
take_packet(struct fetcher *fetcher, const struct ep_feed_packet *packet, bool *damaged,
            struct ep_error *err)
{
	if (packet->size > 0)
		EP_TRY(fetch_and_apply(fetcher, packet, damaged, err));
	fetcher->master.position = packet->last;
	return store_master(fetcher, err);
}

/* Removes what an earlier fetch left. */
static void
clean_incoming(const struct fetcher *fetcher)
{
	DIR *folder = opendir(fetcher->incoming);
	struct dirent *item;
	while (folder && (item = readdir(folder)) != NULL) {
		if (item->d_name[0] != '.')
			(void)unlinkat(dirfd(folder), item->d_name, 0);
	}
	if (folder)
		closedir(folder);
}

/* Takes the packets that lead from where this node is to the feed's position. Where one is damaged,
 * *damaged is its place in the feed. */
static enum ep_status
take_route(struct fetcher *fetcher, size_t *damaged, struct ep_error *err)
{
	EP_FREE size_t *route = NULL;
	size_t count = 0;
	const struct ep_feed *feed = &fetcher->feed;
	EP_TRY(ep_feed_route(&route, &count, feed, fetcher->master.position, err));
	fetcher->progress.size = fetcher->report->bytes;
	for (size_t i = 0; i < count; i++)
		fetcher->progress.size += feed->packets[route[i]].size;
	for (size_t i = 0; i < count; i++) {
		bool is_damaged = false;
		enum ep_status status =
			take_packet(fetcher, &feed->packets[route[i]], &is_damaged, err);
		if (is_damaged)
			*damaged = route[i];
		EP_TRY(status);
	}
	if (count > 0)
		clean_incoming(fetcher);
	return EP_OK;
}

/* Takes what is new. Where a packet is damaged, others that have its range are taken; where there
 * are none, that one is what failed. */
static enum ep_status
take_packets(struct fetcher *fetcher, struct ep_error *err)
{
	struct ep_feed *feed = &fetcher->feed;
	struct ep_error why = { 0 };
	for (;;) {
		size_t damaged = SIZE_MAX;
		struct ep_error now = { 0 };
		enum ep_status status = take_route(fetcher, &damaged, &now);
		if (status == EP_OK)
			return EP_OK;
		bool no_way = why.status != EP_OK && status == EP_CORRUPT && damaged == SIZE_MAX;
		if (damaged == SIZE_MAX)
			return ep_fail(err, status, "%s", no_way ? why.text : now.text);
		if (why.status == EP_OK)
			why = now;
		feed->packet_count--;
		memmove(feed->packets + damaged, feed->packets + damaged + 1,
		        (feed->packet_count - damaged) * sizeof *feed->packets);
	}
}

/* How many bytes of a mirror's packets are to be hashed now: so that it takes a twentieth of the
 * time at the most. */
static uint64_t
bytes_to_check(const struct fetcher *fetcher)
{
	return ep_clock_s() >= fetcher->options->request->check_from ? EP_FEED_CHECK_BYTES : 0;
}

static void
note_check(const struct fetcher *fetcher, double began)
{
	double now = ep_clock_s();
	double pause = 20 * (now - began);
	fetcher->options->request->check_from = now + (pause > 1 ? pause : 1);
}

/* Brings the mirror up to the feed (mend: which has not changed), and fetches again what is damaged
 * in it. */
static enum ep_status
mirror(struct fetcher *fetcher, bool mend, struct ep_error *err)
{
	const char *folder = fetcher->options->mirror;
	uint64_t *bytes = &fetcher->report->bytes;
	struct ep_text text = ep_buffer_text(&fetcher->text);
	uint64_t check_bytes = bytes_to_check(fetcher);
	double began = ep_clock_s();
	enum ep_status status = mend ? ep_mirror_mend(bytes, folder, &fetcher->master.key,
	                                              fetcher->transport, check_bytes, err)
	                             : ep_mirror(bytes, folder, text, &fetcher->feed,
	                                         fetcher->transport, check_bytes, err);
	if (check_bytes)
		note_check(fetcher, began);
	return name_feed(fetcher, status, err);
}

/* ---- all of it ---- */

/* Reads the feed where it is new; *changed says so. */
static enum ep_status
read_feed(struct fetcher *fetcher, bool *changed, struct ep_error *err)
{
	const struct ep_transport *transport = fetcher->transport;
	struct ep_feed_request *request = fetcher->options->request;
	struct ep_buffer *text = &fetcher->text;
	request->position = fetcher->master.position;
	EP_TRY(transport->feed(transport->context, text, request, err));
	*changed = request->changed;
	if (!*changed)
		return EP_OK;
	ep_feed_free(&fetcher->feed);
	enum ep_status status =
		ep_feed_read(&fetcher->feed, ep_buffer_text(text), &fetcher->master.key, err);
	/* What is refused must not count as known. */
	if (status != EP_OK)
		request->tag[0] = '\0';
	return status;
}

/* All of the feed is applied. */
static enum ep_status
end_feed(struct fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master *master = &fetcher->master;
	bool restart = master->restarting;
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_log_follow_end(write, restart, err));
	EP_TRY(ep_log_wait_over(write, master->position, err));
	master->restarting = false;
	EP_TRY(set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}

static enum ep_status
follow(struct fetcher *fetcher, struct ep_error *err)
{
	struct ep_master *master = &fetcher->master;
	const struct ep_feed *feed = &fetcher->feed;
	EP_TRY(check_feed(fetcher, err));
	fetcher->seen = master->seen;
	fetcher->seen_head_size = master->head_size;
	memcpy(fetcher->seen_head, master->head, master->head_size);
	EP_TRY(note_seen(fetcher, err));
	/* A packet that cannot be handed on may not be needed here. */
	struct ep_error why = { 0 };
	enum ep_status mirrored = fetcher->options->mirror ? mirror(fetcher, false, &why) : EP_OK;
	if (mirrored != EP_OK && mirrored != EP_CORRUPT)
		return ep_fail(err, mirrored, "%s", why.text);
	bool news = master->restarting || feed->position > master->position;
	if (!news)
		EP_TRY(ep_sync_waits(&news, fetcher->log, err));
	EP_TRY(take_packets(fetcher, err));
	master->feed_time = feed->time;
	note_feed(fetcher);
	EP_TRY(news ? end_feed(fetcher, err) : EP_OK);
	return mirrored == EP_OK ? EP_OK : ep_fail(err, mirrored, "%s", why.text);
}

/* Looks at a mirror while there is no news. What cannot be mended here is asked for anew. */
static enum ep_status
mend_mirror(struct fetcher *fetcher, struct ep_error *err)
{
	if (!fetcher->options->mirror)
		return EP_OK;
	enum ep_status status = mirror(fetcher, true, err);
	if (status != EP_OK)
		fetcher->options->request->tag[0] = '\0';
	return status == EP_NOT_FOUND || status == EP_CORRUPT ? EP_OK : status;
}

/* Sends again what the master took, but the feed does not show. */
static enum ep_status
retry_lost(struct fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master *master = &fetcher->master;
	int64_t waited = ep_time_now() - master->answered_at;
	if (master->position >= master->answered || fetcher->report->answered ||
	    (waited >= 0 && waited < fetcher->options->patience_s))
		return EP_OK;
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_master_load(master, ep_log_inside(write), err));
	EP_TRY(ep_log_wait_over(write, master->answered, err));
	master->answered = 0;
	EP_TRY(ep_master_store(write, master, err));
	return ep_log_commit(&write, err);
}

/* Reads the feed and follows it; *gone says that a packet of it has gone meanwhile. */
static enum ep_status
fetch_once(struct fetcher *fetcher, bool *gone, struct ep_error *err)
{
	bool changed = false;
	*gone = false;
	EP_TRY(load_master(fetcher, err));
	fetcher->report->from = fetcher->master.position;
	EP_TRY(read_feed(fetcher, &changed, err));
	if (!changed)
		return mend_mirror(fetcher, err);
	/* Only now: others may follow the feed while this one waits for news. */
	EP_FD int fd = -1;
	EP_TRY(ep_lock_file(&fd, ep_log_folder(fetcher->log), "fetch.lock", err));
	EP_TRY(load_master(fetcher, err));
	fetcher->report->age_s = ep_time_now() - fetcher->feed.time;
	enum ep_status status = follow(fetcher, err);
	*gone = status == EP_NOT_FOUND;
	if (status != EP_OK) {
		fetcher->options->request->tag[0] = '\0';
		return *gone ? EP_OK : status;
	}
	fetcher->report->to = fetcher->master.position;
	return ep_prove_equal(fetcher->report, fetcher->log, &fetcher->feed, err);
}

enum ep_status
ep_fetch(struct ep_sync_report *report, struct ep_log *log, const struct ep_transport *transport,
         const struct ep_sync_options *options, struct ep_error *err)
{
	struct fetcher fetcher = {
		.log = log,
		.transport = transport,
		.options = options,
		.report = report,
		.text = { .max = EP_FEED_JSON_MAX },
	};
	EP_FREE char *incoming = ep_path_join(ep_log_folder(log), INCOMING);
	if (!incoming)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	fetcher.incoming = incoming;
	struct ep_keys keys;
	EP_TRY(ep_make_folder(incoming, err));
	EP_TRY(ep_keys_open(&keys, ep_log_folder(log), err));
	options->request->key = keys.key;
	bool gone = true;
	enum ep_status status = EP_OK;
	for (int attempt = 0; attempt < ATTEMPTS && gone && status == EP_OK; attempt++)
		status = fetch_once(&fetcher, &gone, err);
	ep_feed_free(&fetcher.feed);
	ep_buffer_free(&fetcher.text);
	if (status == EP_OK && !gone)
		status = retry_lost(&fetcher, err);
	if (status == EP_OK && gone)
		return ep_fail(err, EP_UNREACHABLE,
		               "the packets that feed.json names are not there");
	report->to = fetcher.master.position;
	return status;
}
