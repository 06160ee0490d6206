#include "node/by_hand.h"

#include "base/time.h"
#include "match/find_copy.h"

static enum ep_status
find_live(struct ep_entry *entry, const struct ep_log_write *write, const char *id,
          struct ep_error *err)
{
	EP_TRY(ep_log_find(entry, ep_log_inside(write), ep_text_of(id), err));
	return entry->operation == EP_PUT
	               ? EP_OK
	               : ep_fail(err, EP_NOT_FOUND, "track %s has been deleted", id);
}

/* EP_NOT_FOUND, EP_BAD_INPUT: the track stays. */
static enum ep_status
delete_track(struct ep_log_write *write, struct ep_text id, int64_t now, struct ep_error *err)
{
	struct ep_text track;
	struct ep_text suffix;
	ep_id_split(&track, &suffix, id);
	if (suffix.size)
		return ep_fail(err, EP_NOT_FOUND,
		               "%.*s names a document; only the whole track, %.*s, can be deleted",
		               ep_text_print_size(id), id.at, ep_text_print_size(track), track.at);
	EP_TRY(ep_check_own(ep_log_inside(write), id, err));
	return ep_log_delete(write, id, now, err);
}

enum ep_status
ep_node_delete(struct ep_deletion *deletion, struct ep_node *node, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	int64_t now = ep_time_now();
	EP_TRY(ep_log_write_begin(&write, ep_node_log(node), err));
	for (size_t i = 0; i < deletion->count; i++) {
		struct ep_error why;
		enum ep_status status =
			delete_track(write, ep_text_of(deletion->ids[i]), now, &why);
		deletion->deleted += status == EP_OK;
		if (status == EP_OK)
			continue;
		if (status != EP_NOT_FOUND && status != EP_BAD_INPUT)
			return ep_fail(err, status, "%s", why.text);
		if (deletion->on_left)
			deletion->on_left(deletion->context, deletion->ids[i], &why);
		if (deletion->why.status == EP_OK)
			deletion->why = why;
	}
	struct ep_log_state state;
	ep_log_state(&state, ep_log_inside(write));
	deletion->position = state.position;
	return deletion->deleted ? ep_log_commit(&write, err) : EP_OK;
}

enum ep_status
ep_node_link(struct ep_node *node, const char *copy, const char *original, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_OWNED(ep_copy_finder_free)
	struct ep_copy_finder *finder = NULL;
	struct ep_entry entry;
	struct ep_entry other;
	struct ep_found_copy found;
	struct ep_link link;
	EP_TRY(ep_copy_finder_new(&finder, err));
	EP_TRY(ep_log_write_begin(&write, ep_node_log(node), err));
	EP_TRY(ep_check_own(ep_log_inside(write), ep_text_of(copy), err));
	EP_TRY(find_live(&entry, write, copy, err));
	EP_TRY(find_live(&other, write, original, err));
	EP_TRY(ep_compare_tracks(&found, finder, &entry, &other, err));
	ep_found_link(&link, &found);
	link.original = ep_text_of(original);
	EP_TRY(ep_log_link(write, ep_text_of(copy), &link, ep_time_now(), err));
	EP_TRY(ep_log_commit(&write, err));
	return ep_node_follow_change(node, err);
}

enum ep_status
ep_node_release(struct ep_node *node, const char *copy, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, ep_node_log(node), err));
	EP_TRY(ep_check_own(ep_log_inside(write), ep_text_of(copy), err));
	EP_TRY(ep_log_release(write, ep_text_of(copy), ep_time_now(), err));
	EP_TRY(ep_log_commit(&write, err));
	return ep_node_follow_change(node, err);
}

enum ep_status
ep_node_settle_conflict(struct ep_node *node, const char *id, bool accept, size_t version,
                        struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_put_counts counts = { 0 };
	EP_TRY(ep_log_write_begin(&write, ep_node_log(node), err));
	if (accept)
		EP_TRY(ep_check_own(ep_log_inside(write), ep_text_of(id), err));
	EP_TRY(ep_log_settle_conflict(&counts, write, ep_text_of(id), accept, version,
	                              ep_time_now(), err));
	EP_TRY(ep_log_commit(&write, err));
	return accept ? ep_node_follow_change(node, err) : EP_OK;
}
