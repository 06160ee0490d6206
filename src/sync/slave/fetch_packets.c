/* The packets of a feed: fetched, compared with what was seen, and applied. */
#include "sync/slave/fetch_internal.h"

#include "base/file.h"
#include "ingest/ingest.h"
#include "sync/feed_files.h"
#include "sync/feed_plan.h"
#include "sync/places.h"
#include "sync/slave/mirror.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
on_progress(void *context, const struct ep_ingest_progress *progress)
{
	struct ep_fetcher *fetcher = context;
	const struct ep_sync_options *options = fetcher->options;
	fetcher->progress.bytes = fetcher->report->bytes;
	fetcher->progress.documents = progress->rows;
	if (options->on_progress)
		options->on_progress(options->context, &fetcher->progress);
}

static enum ep_status
apply(struct ep_fetcher *fetcher, const char *path, struct ep_error *err)
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
link_mirrored(const struct ep_fetcher *fetcher, const char *name, const char *path)
{
	EP_FREE char *mirrored = NULL;
	const char *mirror = fetcher->options->mirror;
	if (mirror && asprintf(&mirrored, "%s/" EP_FEED_PACKETS "/%s", mirror, name) > 0)
		(void)!link(mirrored, path);
}

/* Whether a packet that reaches over what was seen before this feed has the same history there. */
static enum ep_status
check_marks(const struct ep_fetcher *fetcher, const char *path, struct ep_error *err)
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
	return same ? EP_OK : ep_fetch_fail_history(&fetcher->feed, &before, EP_HISTORY_OTHER, err);
}

/* What was seen of a history that the feed does not have is still to be shown. */
static enum ep_status
take_back_seen(struct ep_fetcher *fetcher, struct ep_error *err)
{
	struct ep_master *master = &fetcher->master;
	struct ep_error why = *err;
	master->seen = fetcher->seen;
	master->head_size = fetcher->seen_head_size;
	memcpy(master->head, fetcher->seen_head, fetcher->seen_head_size);
	master->shows = true;
	EP_TRY(ep_fetch_store_master(fetcher, err));
	*err = why;
	return EP_DIVERGED;
}

/* Says whose feed it is that is damaged, and where. */
enum ep_status
ep_fetch_name_feed(const struct ep_fetcher *fetcher, enum ep_status status, struct ep_error *err)
{
	const struct ep_master *master = &fetcher->master;
	if (status == EP_CORRUPT)
		ep_error_prefix(err, "the feed of %s at %s: ", fetcher->feed.name,
		                master->mirror[0] ? master->mirror : master->url);
	return status;
}

/* Fetches a packet into the file at path. */
static enum ep_status
download(struct ep_fetcher *fetcher, const struct ep_feed_packet *packet, const char *name,
         const char *path, struct ep_error *err)
{
	link_mirrored(fetcher, name, path);
	enum ep_status status =
		ep_fetch_packet(&fetcher->report->bytes, path, packet, fetcher->transport, err);
	return ep_fetch_name_feed(fetcher, status, err);
}

/* *damaged: the packet is not to be had. */
static enum ep_status
fetch_and_apply(struct ep_fetcher *fetcher, const struct ep_feed_packet *packet, bool *damaged,
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
take_packet(struct ep_fetcher *fetcher, const struct ep_feed_packet *packet, bool *damaged,
            struct ep_error *err)
{
	if (packet->size > 0)
		EP_TRY(fetch_and_apply(fetcher, packet, damaged, err));
	fetcher->master.position = packet->last;
	return ep_fetch_store_master(fetcher, err);
}

/* Removes what an earlier fetch left. */
static void
clean_incoming(const struct ep_fetcher *fetcher)
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
take_route(struct ep_fetcher *fetcher, size_t *damaged, struct ep_error *err)
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
enum ep_status
ep_fetch_take_packets(struct ep_fetcher *fetcher, struct ep_error *err)
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
