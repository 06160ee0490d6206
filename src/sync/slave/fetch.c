#include "sync/slave/fetch.h"

#include "base/file.h"
#include "sync/feed_files.h"
#include "sync/slave/contribute.h"
#include "sync/slave/fetch_internal.h"
#include "sync/slave/mirror.h"
#include "sync/slave/prove.h"

#define INCOMING "incoming"

/* How often a feed is read anew because packets of it have gone meanwhile. */
#define ATTEMPTS 3

/* ---- the mirror ---- */

/* How many bytes of a mirror's packets are to be hashed now: so that it takes a twentieth of the
 * time at the most. */
static uint64_t
bytes_to_check(const struct ep_fetcher *fetcher)
{
	return ep_clock_s() >= fetcher->options->request->check_from ? EP_FEED_CHECK_BYTES : 0;
}

static void
note_check(const struct ep_fetcher *fetcher, double began)
{
	double now = ep_clock_s();
	double pause = 20 * (now - began);
	fetcher->options->request->check_from = now + (pause > 1 ? pause : 1);
}

/* Brings the mirror up to the feed (mend: which has not changed), and fetches again what is damaged
 * in it. */
static enum ep_status
mirror(struct ep_fetcher *fetcher, bool mend, struct ep_error *err)
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
	return ep_fetch_name_feed(fetcher, status, err);
}

/* ---- all of it ---- */

enum ep_status
ep_fetch_place(struct ep_feed_request *request, struct ep_log *log, uint64_t position,
               struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_digest digest;
	struct ep_hash name;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_log_digest(&digest, read, err));
	ep_digest_name(&name, &digest);
	ep_hash_print(request->digest, &name);
	request->position = position;
	return EP_OK;
}

/* Reads the feed where it is new; *changed says so. */
static enum ep_status
read_feed(struct ep_fetcher *fetcher, bool *changed, struct ep_error *err)
{
	const struct ep_transport *transport = fetcher->transport;
	struct ep_feed_request *request = fetcher->options->request;
	struct ep_buffer *text = &fetcher->text;
	EP_TRY(ep_fetch_place(request, fetcher->log, fetcher->master.position, err));
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
end_feed(struct ep_fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master *master = &fetcher->master;
	bool restart = master->restarting;
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_log_follow_end(write, restart, err));
	EP_TRY(ep_log_wait_over(write, master->position, err));
	master->restarting = false;
	EP_TRY(ep_fetch_set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}

static enum ep_status
follow(struct ep_fetcher *fetcher, struct ep_error *err)
{
	struct ep_master *master = &fetcher->master;
	const struct ep_feed *feed = &fetcher->feed;
	EP_TRY(ep_fetch_check_feed(fetcher, err));
	fetcher->seen = master->seen;
	fetcher->seen_head_size = master->head_size;
	memcpy(fetcher->seen_head, master->head, master->head_size);
	EP_TRY(ep_fetch_note_seen(fetcher, err));
	/* A packet that cannot be handed on may not be needed here. */
	struct ep_error why = { 0 };
	enum ep_status mirrored = fetcher->options->mirror ? mirror(fetcher, false, &why) : EP_OK;
	if (mirrored != EP_OK && mirrored != EP_CORRUPT)
		return ep_fail(err, mirrored, "%s", why.text);
	bool news = master->restarting || feed->position > master->position;
	if (!news)
		EP_TRY(ep_sync_waits(&news, fetcher->log, err));
	EP_TRY(ep_fetch_take_packets(fetcher, err));
	master->feed_time = feed->time;
	ep_fetch_note_feed(fetcher);
	EP_TRY(news ? end_feed(fetcher, err) : EP_OK);
	return mirrored == EP_OK ? EP_OK : ep_fail(err, mirrored, "%s", why.text);
}

/* Looks at a mirror while there is no news. What cannot be mended here is asked for anew. */
static enum ep_status
mend_mirror(struct ep_fetcher *fetcher, struct ep_error *err)
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
retry_lost(struct ep_fetcher *fetcher, struct ep_error *err)
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
fetch_once(struct ep_fetcher *fetcher, bool *gone, struct ep_error *err)
{
	bool changed = false;
	*gone = false;
	EP_TRY(ep_fetch_load_master(fetcher, err));
	fetcher->report->from = fetcher->master.position;
	EP_TRY(read_feed(fetcher, &changed, err));
	if (!changed)
		return mend_mirror(fetcher, err);
	/* Only now: others may follow the feed while this one waits for news. */
	EP_FD int fd = -1;
	EP_TRY(ep_lock_file(&fd, ep_log_folder(fetcher->log), "fetch.lock", err));
	const struct ep_key key = fetcher->master.key;
	EP_TRY(ep_fetch_load_master(fetcher, err));
	fetcher->report->age_s = ep_time_now() - fetcher->feed.time;
	enum ep_status status = ep_fetch_check_key(&fetcher->master, &key, err);
	if (status == EP_OK)
		status = follow(fetcher, err);
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
	struct ep_fetcher fetcher = {
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
	options->request->mirrors = options->mirror != NULL;
	bool gone = true;
	enum ep_status status = EP_OK;
	for (int attempt = 0; attempt < ATTEMPTS && gone && status == EP_OK; attempt++)
		status = fetch_once(&fetcher, &gone, err);
	ep_feed_free(&fetcher.feed);
	ep_buffer_free(&fetcher.text);
	if (status == EP_OK && !gone)
		status = retry_lost(&fetcher, err);
	if (status == EP_OK && gone)
		return ep_fail(err, EP_UNREACHABLE, "the packets that feed.json lists are missing");
	report->to = fetcher.master.position;
	return status;
}
