#include "sync/master/feed_marks.h"

#include "base/bytes.h"
#include "base/folder.h"
#include "sync/places.h"

#include <inttypes.h>
#include <string.h>

/* ---- the marks ---- */

enum ep_status
ep_feed_published(uint64_t *position, const struct ep_log_read *read, struct ep_error *err)
{
	uint8_t hash[EP_MARK_SIZE];
	enum ep_status status = ep_log_mark_below(position, hash, read, UINT64_MAX, err);
	if (status == EP_NOT_FOUND)
		*position = 0;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* Adds the last mark at or below a position to a head that is made from its end; *below is where
 * the next may be. */
static enum ep_status
add_mark(struct ep_head *head, uint64_t *below, const struct ep_log_read *read, uint64_t position,
         struct ep_error *err)
{
	struct ep_mark mark;
	enum ep_status status = ep_log_mark_below(&mark.position, mark.hash, read, position, err);
	*below = status == EP_OK && mark.position > 1 ? mark.position - 1 : 0;
	if (status != EP_OK || mark.position == 0)
		return status == EP_NOT_FOUND ? EP_OK : status;
	head->marks[head->mark_count++] = mark;
	return EP_OK;
}

/* Fills the head: the newest marks, and before them those nearest to steps that double. */
static enum ep_status
fill_head(struct ep_head *head, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_epoch epoch;
	uint64_t below = UINT64_MAX;
	EP_TRY(ep_log_epoch(&epoch, read, err));
	head->epoch = epoch.number;
	head->epoch_tag = epoch.tag;
	head->mark_count = 0;
	while (below > 0 && head->mark_count < EP_HEAD_NEWEST)
		EP_TRY(add_mark(head, &below, read, below, err));
	for (uint64_t step = 1; below > 0 && head->mark_count < EP_HEAD_MARKS_MAX; step *= 2)
		EP_TRY(add_mark(head, &below, read, below > step ? below - step : 1, err));
	for (size_t i = 0, j = head->mark_count; i + 1 < j; i++) {
		struct ep_mark mark = head->marks[i];
		head->marks[i] = head->marks[--j];
		head->marks[j] = mark;
	}
	return EP_OK;
}

enum ep_status
ep_feed_extend_marks(bool *late, struct ep_feed *feed, struct ep_log *log,
                     const struct ep_log_read *snapshot, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_mark last = { 0 };
	struct ep_mark mark;
	struct ep_hash changes;
	EP_TRY(ep_log_write_begin(&write, log, err));
	const struct ep_log_read *read = ep_log_inside(write);
	enum ep_status status = ep_log_mark_below(&last.position, last.hash, read, UINT64_MAX, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	*late = last.position > feed->position;
	if (*late)
		return EP_OK;
	if (feed->position == last.position)
		return fill_head(&feed->head, read, err);
	EP_TRY(ep_log_hash_changes(&changes, snapshot, last.position, feed->position, err));
	ep_feed_mark(&mark, last.position ? &last : NULL, feed->position, &feed->digest, &changes);
	EP_TRY(ep_log_add_mark(write, mark.position, mark.hash, err));
	EP_TRY(fill_head(&feed->head, read, err));
	return ep_log_commit(&write, err);
}

/* What is known of histories that this log does not have. */
struct shown {
	uint64_t above; /* the highest epoch */
	uint64_t known; /* position up to where this log has the same as all of them */
};

/* Adds what a head tells; one of this log's own history tells nothing. */
static void
add_shown(struct shown *shown, const struct ep_head *head, const struct ep_log_read *read)
{
	uint64_t same = 0;
	for (size_t i = 0; i < head->mark_count; i++) {
		uint8_t hash[EP_MARK_SIZE];
		const struct ep_mark *mark = &head->marks[i];
		if (ep_log_mark(hash, read, mark->position, NULL) == EP_OK &&
		    memcmp(hash, mark->hash, EP_MARK_SIZE) == 0)
			same = mark->position;
	}
	const struct ep_mark *last = ep_head_last(head);
	shown->above = head->epoch > shown->above ? head->epoch : shown->above;
	if (last && same < last->position && same < shown->known)
		shown->known = same;
}

/* Adds what slaves have shown. */
static enum ep_status
read_shown(struct shown *shown, const struct ep_log_read *read, const struct ep_key *key,
           struct ep_error *err)
{
	struct ep_bytes value;
	enum ep_status status = ep_log_value(&value, read, EP_STALE_VALUE, err);
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	struct ep_reader reader = ep_reader_of(value.at, value.size);
	while (ep_reader_left(&reader) > 2) {
		struct ep_head head;
		const uint8_t *size = ep_read_bytes(&reader, 2);
		struct ep_bytes bytes = { .size = ep_load16(size) };
		bytes.at = ep_read_bytes(&reader, bytes.size);
		if (!bytes.at)
			return ep_fail(err, EP_CORRUPT, "the log's value stale is damaged");
		EP_TRY(ep_head_read(&head, bytes, key, err));
		add_shown(shown, &head, read);
	}
	return EP_OK;
}

/* Adds what the feed in a folder tells, where one of this node is there. */
static enum ep_status
read_published(struct shown *shown, const struct ep_log_read *read, const struct ep_key *key,
               const char *path, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FOLDER struct ep_folder folder = EP_FOLDER_NONE;
	struct ep_feed feed = { 0 };
	if (ep_folder_open(&folder, path, err) != EP_OK ||
	    ep_folder_read(&text, &folder, EP_FEED_JSON, EP_FEED_JSON_MAX, err) != EP_OK)
		return EP_OK;
	enum ep_status status = ep_feed_read(&feed, ep_buffer_text(&text), key, err);
	if (status == EP_OK)
		add_shown(shown, &feed.head, read);
	ep_feed_free(&feed);
	return status == EP_CORRUPT ? EP_OK : status;
}

enum ep_status
ep_feed_new_epoch(uint64_t *epoch, struct ep_log *log, const char *folder, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_keys keys;
	struct ep_epoch begun;
	struct ep_log_state state;
	EP_TRY(ep_keys_open(&keys, ep_log_folder(log), err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	ep_log_state(&state, ep_log_inside(write));
	struct shown shown = { .known = state.position };
	EP_TRY(read_shown(&shown, ep_log_inside(write), &keys.key, err));
	EP_TRY(read_published(&shown, ep_log_inside(write), &keys.key, folder, err));
	EP_TRY(ep_log_new_epoch(&begun, write, shown.above, shown.known, err));
	*epoch = begun.number;
	return ep_log_commit(&write, err);
}

/* ---- a feed that is there ---- */

enum ep_status
ep_feed_note_stale(const struct ep_feed *feed, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_stale(write, (struct ep_bytes){ feed->head_bytes, feed->head_size },
	                        err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_feed_check_history(const struct ep_feed *feed, struct ep_log *log,
                      const struct ep_log_read *snapshot, const char *folder, struct ep_error *err)
{
	const struct ep_mark *last = ep_head_last(&feed->head);
	struct ep_log_state state;
	uint8_t hash[EP_MARK_SIZE];
	enum ep_status status = EP_OK;
	ep_log_state(&state, snapshot);
	bool same = feed->position <= state.position;
	if (same && last) {
		status = ep_log_mark(hash, snapshot, last->position, err);
		same = status == EP_OK && memcmp(hash, last->hash, EP_MARK_SIZE) == 0;
	}
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	if (same)
		return EP_OK;
	EP_TRY(ep_feed_note_stale(feed, log, err));
	return ep_fail(err, EP_DIVERGED,
	               "the feed in %s has a history that this log does not have: the "
	               "log is an older copy of what was published up to position %" PRIu64
	               "; `publish --new-epoch` begins a new epoch",
	               folder, feed->position);
}
