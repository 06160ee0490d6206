/* The end of a feed on a slave: what becomes of the states that it did not show. */
#include "store/log_internal.h"

static enum ep_status
gather(struct ep_buffer *keys, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_subject subject = { entry->id, entry->operation == EP_LINK };
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	EP_TRY(ep_subject_key(&key, bytes, &subject, err));
	return ep_log_list_key(keys, key, err);
}

static enum ep_status
gather_csv(void *context, const struct ep_unconfirmed *item, struct ep_error *err)
{
	return item->wait == EP_WAIT_CSV && !item->proof ? gather(context, &item->entry, err)
	                                                 : EP_OK;
}

/* Keeps what came by CSV aside, and forgets it. */
static enum ep_status
set_csv_aside(void *context, MDB_val key, struct ep_error *err)
{
	struct ep_log_write *write = context;
	struct ep_subject subject = ep_subject_of_key(key);
	struct ep_register reg;
	ep_arena_reset(&write->arena);
	EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	if (!reg.there)
		return EP_OK;
	if (!subject.link)
		EP_TRY(ep_log_put_register_aside(write, &reg, err));
	EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	return ep_log_forget(write, &reg, err);
}

/* After a restart, what becomes of a state that the feed did not show:
 *
 *     sealed                                                        stays, and is sent
 *     this node's, upon a seal; or by this node alone, from the     stays, and is sent
 *     first step on
 *     this node's (or was, under another master), and a live track  its contents are said anew, as
 *                                                                   a first step by this node
 *     else                                                          is kept aside, and goes
 */
static enum ep_status
settle_absent(void *context, MDB_val key, struct ep_error *err)
{
	struct ep_log_write *write = context;
	struct ep_subject subject = ep_subject_of_key(key);
	struct ep_parties parties = ep_log_parties_inside(write);
	struct ep_register reg;
	ep_arena_reset(&write->arena);
	EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	const struct ep_history *history = &reg.history;
	const struct ep_step *head = ep_history_head(history);
	bool mine = !head->csv && ep_party_same(&parties, head->party, write->self);
	bool whole = history->sealed > 0 || history->generation == 1;
	for (size_t i = history->sealed; i < history->count; i++)
		whole &= ep_party_same(&parties, history->steps[i].party, write->self);
	if (ep_history_is_sealed(history) || (mine && whole))
		return ep_log_set_wait(write, &subject, &head->id, EP_WAIT_NONE, 0, err);
	bool was_mine = mine || reg.entry.source == EP_SOURCE_LOCAL;
	if (!was_mine || reg.entry.operation != EP_PUT || head->csv)
		return ep_log_set_wait(write, &subject, &head->id, EP_WAIT_CSV, 0, err);
	struct ep_state state = ep_register_state(&reg);
	struct ep_step step = ep_log_own_step(write, &reg.entry.hash);
	EP_TRY(ep_history_root(&state.history, &write->arena, &step, err));
	state.era = 0;
	return ep_log_store(write, &reg, &state, err);
}

/* Gathers what is not of this era. */
static enum ep_status
gather_absent(struct ep_buffer *keys, const struct ep_log_write *write, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	enum ep_status status;
	EP_TRY(ep_log_cursor_open(&cursor, &write->inside, 0, EP_SOURCE_ANY, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (entry.era != write->follows.era)
			EP_TRY(gather(keys, &entry, err));
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
}

enum ep_status
ep_log_follow_end(struct ep_log_write *write, bool restart, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer keys = { 0 };
	if (restart) {
		EP_TRY(gather_absent(&keys, write, err));
		EP_TRY(ep_log_each_listed(&keys, settle_absent, write, err));
	}
	EP_TRY(ep_log_unconfirmed(&write->inside, gather_csv, &keys, err));
	return ep_log_each_listed(&keys, set_csv_aside, write, err);
}
