#include "replication/sync.h"

#include "base/file.h"
#include "replication/contact.h"
#include "replication/feed_plan.h"
#include "replication/feed_writer.h"
#include "replication/ingest.h"
#include "replication/mirror.h"
#include "replication/restart.h"

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
	struct ep_restart restart;
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
	return now->epoch != own->epoch || now->position != own->position ||
	       now->has_chain != own->has_chain ||
	       (own->has_chain && memcmp(&now->chain, &own->chain, EP_HASH_SIZE) != 0) ||
	       now->seen != own->seen || now->restarting != own->restarting ||
	       now->keep_lost != own->keep_lost;
}

/* Stores what a fetch changes; the rest may have changed meanwhile. */
static enum ep_status
store_master(struct fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master *own = &fetcher->master;
	struct ep_master now;
	note_feed(fetcher);
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_master_load(&now, ep_log_inside(write), err));
	if (!ep_key_equal(&now.key, &own->key))
		return ep_fail(err, EP_DIVERGED, "this node has joined another master meanwhile");
	if (!is_news(own, &now))
		return EP_OK;
	now.epoch = own->epoch;
	now.position = own->position;
	now.chain = own->chain;
	now.has_chain = own->has_chain;
	now.seen = own->seen;
	now.feed_time = own->feed_time;
	now.contact = ep_time_now();
	if (own->restarting && !now.restarting) {
		/* The master may have lost what it had: it is told everything again. */
		now.sent = 0;
		now.last = (struct ep_hash){ 0 };
		now.answered = 0;
	}
	now.restarting = own->restarting;
	now.keep_lost = own->keep_lost;
	EP_TRY(ep_master_store(write, &now, err));
	EP_TRY(ep_log_commit(&write, err));
	*own = now;
	return EP_OK;
}

/* ---- whether the feed may be followed ---- */

/* Whether the feed has the history that was applied, as far as its chain goes back. */
static bool
same_history(const struct ep_feed *feed, const struct ep_master *master)
{
	if (!master->has_chain || feed->mark_count == 0 ||
	    feed->marks[0].position > master->position)
		return true;
	for (size_t i = 0; i < feed->mark_count; i++) {
		if (feed->marks[i].position == master->position)
			return memcmp(&feed->marks[i].chain, &master->chain, EP_HASH_SIZE) == 0;
	}
	return false;
}

static enum ep_status
check_feed(const struct fetcher *fetcher, struct ep_error *err)
{
	const struct ep_feed *feed = &fetcher->feed;
	const struct ep_master *master = &fetcher->master;
	if (master->epoch == 0)
		return EP_OK;
	if (feed->epoch > master->epoch)
		return ep_fail(err, EP_DIVERGED,
		               "the master has begun a new history (epoch %" PRIu64
		               ", after %" PRIu64 "); " EP_START_AGAIN,
		               feed->epoch, master->epoch);
	if (feed->epoch < master->epoch || feed->position < master->seen)
		return ep_fail(
			err, EP_DIVERGED,
			"the feed goes back: it is at position %" PRIu64 " of epoch %" PRIu64
			", and was seen at %" PRIu64 " of %" PRIu64
			"; either an old copy of it is served, or the master's data is an old "
			"copy, and it must begin a new history (`publish --new-epoch`)",
			feed->position, feed->epoch, master->seen, master->epoch);
	if (!same_history(feed, master))
		return ep_fail(err, EP_DIVERGED,
		               "the feed has another history at position %" PRIu64
		               " than the one that was followed: the master's data is an old copy "
		               "that went on, and it must begin a new history (`publish "
		               "--new-epoch`); or " EP_START_AGAIN,
		               master->position);
	return EP_OK;
}

/* ---- packets ---- */

static enum ep_status
on_track(void *context, const struct ep_ingest_track *track, struct ep_error *err)
{
	struct fetcher *fetcher = context;
	return fetcher->master.restarting && track->outcome != EP_OUTCOME_DELETED
	               ? ep_restart_saw(&fetcher->restart, track->id, err)
	               : EP_OK;
}

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
		.import_date = ep_time_now(),
		.stop = fetcher->options->stop,
		.on_progress = on_progress,
		.on_track = on_track,
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

/* Takes a packet in, and moves the watermark behind it. */
static enum ep_status
take_packet(struct fetcher *fetcher, const struct ep_feed_packet *packet, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	struct ep_master *master = &fetcher->master;
	ep_feed_packet_name(name, packet);
	if (packet->size > 0) {
		EP_FREE char *path = ep_path_join(fetcher->incoming, name);
		if (!path)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		link_mirrored(fetcher, name, path);
		EP_TRY(ep_fetch_packet(&fetcher->report->bytes, path, packet, fetcher->transport,
		                       err));
		EP_TRY(apply(fetcher, path, err));
		(void)unlink(path);
	}
	master->position = packet->last;
	master->has_chain = false;
	for (size_t i = 0; i < fetcher->feed.mark_count; i++) {
		const struct ep_feed_mark *mark = &fetcher->feed.marks[i];
		if (mark->position == packet->last) {
			master->chain = mark->chain;
			master->has_chain = true;
		}
	}
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

static enum ep_status
take_packets(struct fetcher *fetcher, struct ep_error *err)
{
	EP_FREE size_t *route = NULL;
	size_t count = 0;
	const struct ep_feed *feed = &fetcher->feed;
	EP_TRY(ep_feed_route(&route, &count, feed, fetcher->master.position, err));
	fetcher->progress.size = fetcher->report->bytes;
	for (size_t i = 0; i < count; i++)
		fetcher->progress.size += feed->packets[route[i]].size;
	for (size_t i = 0; i < count; i++)
		EP_TRY(take_packet(fetcher, &feed->packets[route[i]], err));
	if (count > 0)
		clean_incoming(fetcher);
	return EP_OK;
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
	enum ep_status status = ep_feed_read(
		&fetcher->feed, (struct ep_text){ (const char *)text->data, text->size },
		&fetcher->master.key, err);
	/* What is refused must not count as known. */
	if (status != EP_OK)
		request->tag[0] = '\0';
	return status;
}

/* Begins anew: from now on the feed's own history counts. */
static void
begin_anew(struct fetcher *fetcher)
{
	struct ep_master *master = &fetcher->master;
	master->keep_lost = master->restarting ? master->keep_lost : fetcher->options->keep_lost;
	master->restarting = true;
	master->epoch = fetcher->feed.epoch;
	master->position = 0;
	master->seen = 0;
	master->has_chain = false;
}

static enum ep_status
follow(struct fetcher *fetcher, struct ep_error *err)
{
	struct ep_master *master = &fetcher->master;
	const struct ep_feed *feed = &fetcher->feed;
	if (fetcher->options->restart || master->restarting) {
		begin_anew(fetcher);
		/* It is taken note of before `restarting` is, and so told everything again. */
		EP_TRY(store_master(fetcher, err));
	}
	EP_TRY(check_feed(fetcher, err));
	bool first = master->epoch == 0;
	if (first || feed->position > master->seen) {
		master->epoch = feed->epoch;
		master->seen = feed->position;
		EP_TRY(store_master(fetcher, err));
	}
	struct ep_text text = { (const char *)fetcher->text.data, fetcher->text.size };
	if (fetcher->options->mirror)
		EP_TRY(ep_mirror(&fetcher->report->bytes, fetcher->options->mirror, text, feed,
		                 fetcher->transport, err));
	EP_TRY(take_packets(fetcher, err));
	if (master->restarting) {
		EP_TRY(ep_restart_end(&fetcher->restart, fetcher->log, master->keep_lost, err));
		master->restarting = false;
	}
	master->feed_time = feed->time;
	return store_master(fetcher, err);
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
		return EP_OK;
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
	ep_restart_free(&fetcher.restart);
	if (status == EP_OK && gone)
		return ep_fail(err, EP_UNREACHABLE,
		               "the packets that feed.json names are not there");
	report->to = fetcher.master.position;
	return status;
}
