/* Which history the feed has, and which was followed; docs/revisions.md, "Epochs". */
#include "sync/slave/fetch_internal.h"

#include "peer/contact.h"

#include <inttypes.h>
#include <string.h>

/* ---- what is known of the master ---- */

enum ep_status
ep_fetch_load_master(struct ep_fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, fetcher->log, err));
	return ep_master_load(&fetcher->master, read, err);
}

/* Whether the master that is stored is still the one whose feed is followed. */
enum ep_status
ep_fetch_check_key(const struct ep_master *now, const struct ep_key *followed, struct ep_error *err)
{
	if (ep_key_equal(&now->key, followed))
		return EP_OK;
	return ep_fail(err, EP_DIVERGED, "this node has joined another master in the meantime");
}

/* Notes beside the log that the master was reached, and which feed is followed. */
void
ep_fetch_note_feed(const struct ep_fetcher *fetcher)
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
enum ep_status
ep_fetch_set_master(struct ep_log_write *write, struct ep_fetcher *fetcher, struct ep_error *err)
{
	struct ep_master *own = &fetcher->master;
	struct ep_master now;
	EP_TRY(ep_master_load(&now, ep_log_inside(write), err));
	EP_TRY(ep_fetch_check_key(&now, &own->key, err));
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

enum ep_status
ep_fetch_store_master(struct ep_fetcher *fetcher, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master now;
	ep_fetch_note_feed(fetcher);
	EP_TRY(ep_log_write_begin(&write, fetcher->log, err));
	EP_TRY(ep_master_load(&now, ep_log_inside(write), err));
	if (!is_news(&fetcher->master, &now))
		return EP_OK;
	EP_TRY(ep_fetch_set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}

/* ---- whether the feed may be followed ---- */

/* Whether the feed goes on from what was seen, as far as its head tells; packets tell the rest. */
static enum ep_fetch_history
compare_history(const struct ep_feed *feed, const struct ep_master *master)
{
	const struct ep_head *head = &feed->head;
	const struct ep_mark *there = ep_head_find(head, master->seen.position);
	if (master->epoch.number == 0)
		return EP_HISTORY_SAME;
	if (head->epoch != master->epoch.number || head->epoch_tag != master->epoch.tag)
		return EP_HISTORY_OTHER;
	if (feed->position < master->seen.position)
		return EP_HISTORY_OLDER;
	if (there && memcmp(there->hash, master->seen.hash, EP_MARK_SIZE) != 0)
		return EP_HISTORY_OTHER;
	/* Where all marks are there, this one must be. */
	bool all = head->mark_count > 0;
	if (head->mark_count >= EP_HEAD_NEWEST)
		all = head->marks[head->mark_count - EP_HEAD_NEWEST].position <
		      master->seen.position;
	return there || !all || master->seen.position == 0 ? EP_HISTORY_SAME : EP_HISTORY_OTHER;
}

enum ep_status
ep_fetch_fail_history(const struct ep_feed *feed, const struct ep_master *master,
                      enum ep_fetch_history history, struct ep_error *err)
{
	if (feed->head.epoch > master->epoch.number)
		return ep_fail(err, EP_DIVERGED,
		               "the master has begun a new epoch (%" PRIu64 ", after %" PRIu64
		               "); " EP_START_AGAIN,
		               feed->head.epoch, master->epoch.number);
	if (history == EP_HISTORY_OLDER || feed->head.epoch < master->epoch.number)
		return ep_fail(err, EP_DIVERGED,
		               "the feed went back: it is at position %" PRIu64 " of epoch %" PRIu64
		               ", but was at %" PRIu64 " of %" PRIu64
		               " before; either an old copy of it is being served, or the "
		               "master's data is an old copy, and the master must begin a new "
		               "epoch (`publish --new-epoch` or `serve --new-epoch`)",
		               feed->position, feed->head.epoch, master->seen.position,
		               master->epoch.number);
	return ep_fail(err, EP_DIVERGED,
	               "at position %" PRIu64
	               " the feed has a different history from the one that was "
	               "followed: the master's data is an old copy that went on, and "
	               "the master must begin a new epoch (`publish --new-epoch` or "
	               "`serve --new-epoch`)",
	               master->seen.position);
}

/* Begins anew, as somebody asked for: all that was confirmed is to be confirmed again by the feed's
 * own history, from its start. */
static enum ep_status
begin_anew(struct ep_fetcher *fetcher, struct ep_error *err)
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
	EP_TRY(ep_fetch_set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}

/* Whether to start again from a feed: one that is not the same, only where its epoch is above. */
enum ep_status
ep_fetch_check_feed(struct ep_fetcher *fetcher, struct ep_error *err)
{
	const struct ep_feed *feed = &fetcher->feed;
	struct ep_master *master = &fetcher->master;
	bool asked = fetcher->options->restart || master->restarting;
	enum ep_fetch_history history = compare_history(feed, master);
	if (history == EP_HISTORY_SAME) {
		bool again = fetcher->options->restart && !fetcher->restarted &&
		             master->epoch.number > 0;
		return again ? begin_anew(fetcher, err) : EP_OK;
	}
	if (asked && feed->head.epoch > master->epoch.number)
		return begin_anew(fetcher, err);
	/* The master is shown what was seen. */
	master->shows = true;
	EP_TRY(ep_fetch_store_master(fetcher, err));
	return ep_fetch_fail_history(feed, master, history, err);
}

/* Notes, before anything of it is applied, up to where the history was seen: so that another one is
 * noticed whenever this is interrupted. */
enum ep_status
ep_fetch_note_seen(struct ep_fetcher *fetcher, struct ep_error *err)
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
	EP_TRY(ep_fetch_set_master(write, fetcher, err));
	return ep_log_commit(&write, err);
}
