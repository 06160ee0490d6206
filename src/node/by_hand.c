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
	return ep_node_follow_index(node, err);
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
	return ep_node_follow_index(node, err);
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
	return accept ? ep_node_follow_index(node, err) : EP_OK;
}
