/* Stores what is to be there of a track or link, with all that hangs on it. */
#include "store/log_internal.h"

/* Changes of one track that its master has not seen, at most. */
#define PENDING_MAX 1024

static enum ep_status
settle(struct ep_dependents *dependents, struct ep_log_write *write, struct ep_error *err)
{
	for (size_t i = 0; i < dependents->count; i++) {
		bool is;
		struct ep_subject subject = { ep_log_copy_id(&dependents->ids, i), false };
		struct ep_register reg;
		EP_TRY(ep_log_is_copy_now(&is, write, subject.id, err));
		if (is || !dependents->copies[i])
			continue;
		EP_TRY(ep_log_load_register(&reg, write, &subject, err));
		if (ep_register_is_live(&reg))
			EP_TRY(ep_log_move(write, &reg, err));
	}
	return EP_OK;
}

enum ep_status
ep_log_settle_dependents(struct ep_dependents *dependents, struct ep_log_write *write,
                         struct ep_error *err)
{
	enum ep_status status = settle(dependents, write, err);
	ep_buffer_free(&dependents->ids);
	return status;
}

/* Cuts a history to what is kept; on a node that follows nobody, seals it. */
static enum ep_status
finish_history(struct ep_history *history, struct ep_log_write *write,
               const struct ep_subject *subject, struct ep_error *err)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	bool follows = write->follows.any;
	if (follows && history->count <= EP_HISTORY_KEPT + 1)
		return EP_OK;
	ep_history_hash(history, subject, &parties);
	if (follows && history->count - history->sealed > PENDING_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "%.*s has %d changes that the master has not seen: run `echoprint "
		               "sync` first",
		               ep_text_print_size(subject->id), subject->id.at, PENDING_MAX);
	EP_TRY(ep_history_cut(history, &write->arena, EP_HISTORY_KEPT, follows, err));
	if (follows)
		return EP_OK;
	EP_TRY(ep_history_bound(history, &write->arena, err));
	return ep_history_seal(&history->seal, history, subject, &parties, &write->seal_key,
	                       &write->arena, err);
}

/* Where the tenure of an owner began in this log. */
static uint64_t
tenure(const struct ep_log_write *write, const struct ep_register *old,
       const struct ep_history *history)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	if (!old->there ||
	    !ep_party_same(&parties, ep_history_owner(&old->history), ep_history_owner(history)))
		return 0;
	return old->entry.since ? old->entry.since : old->entry.position;
}

/* Whether there is a link of a track. */
static enum ep_status
find_linked(uint8_t *flag, const struct ep_log_write *write, const struct ep_register *old,
            struct ep_error *err)
{
	struct ep_entry link;
	*flag = old->there ? old->entry.flags & EP_ENTRY_LINKED : 0;
	if (old->there || old->subject.link)
		return EP_OK;
	enum ep_status status = ep_log_find_link(&link, &write->inside, old->subject.id, err);
	*flag = status == EP_OK ? EP_ENTRY_LINKED : 0;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* Keeps the list of what the feed has not confirmed. */
static enum ep_status
list_unconfirmed(struct ep_log_write *write, const struct ep_subject *subject,
                 struct ep_history *history, uint64_t era, struct ep_error *err)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	const struct ep_step *head = ep_history_head(history);
	if (!write->follows.any)
		return EP_OK;
	if (ep_history_is_sealed(history) && era == write->follows.era)
		return ep_log_remove_wait(write, subject, err);
	bool own = ep_history_is_sealed(history) ||
	           (!head->csv && ep_party_same(&parties, head->party, write->self));
	ep_history_hash(history, subject, &parties);
	return ep_log_set_wait(write, subject, &head->id, own ? EP_WAIT_NONE : EP_WAIT_CSV, 0, err);
}

/* A track of which there is a link now says so. */
static enum ep_status
flag_linked(struct ep_log_write *write, struct ep_text copy, struct ep_error *err)
{
	struct ep_register track;
	struct ep_subject subject = { copy, false };
	EP_TRY(ep_log_load_register(&track, write, &subject, err));
	if (!track.there || track.entry.flags & EP_ENTRY_LINKED)
		return EP_OK;
	track.entry.flags |= EP_ENTRY_LINKED;
	return ep_log_rewrite(write, &track, err);
}

enum ep_status
ep_log_store(struct ep_log_write *write, const struct ep_register *old, struct ep_state *state,
             struct ep_error *err)
{
	struct ep_dependents dependents = { 0 };
	const struct ep_subject *subject = &old->subject;
	struct ep_entry entry = {
		.operation = state->operation,
		.import_date = state->import_date,
		.hash = state->hash,
		.era = state->era,
		.since = tenure(write, old, &state->history),
		.body = state->body,
	};
	uint8_t linked;
	EP_TRY(finish_history(&state->history, write, subject, err));
	EP_TRY(ep_log_source_of(&entry.source, write, ep_history_owner(&state->history), err));
	EP_TRY(find_linked(&linked, write, old, err));
	entry.flags = (uint8_t)((state->flags & EP_ENTRY_SHRUNK) | linked);
	EP_TRY(ep_log_find_dependents(&dependents, write, subject->id, err));
	EP_TRY(ep_log_encode_history(&entry.history, write, &state->history, err));
	if (old->there && state->body.at == old->entry.body.at)
		EP_TRY(ep_log_own_body(&entry.body, write, err));
	if (old->there)
		EP_TRY(ep_log_remove_entry(write, &old->entry, err));
	EP_TRY(ep_log_append_entry(write, &entry, subject, err));
	EP_TRY(list_unconfirmed(write, subject, &state->history, state->era, err));
	if (subject->link)
		EP_TRY(flag_linked(write, subject->id, err));
	return ep_log_settle_dependents(&dependents, write, err);
}

enum ep_status
ep_log_forget(struct ep_log_write *write, const struct ep_register *reg, struct ep_error *err)
{
	struct ep_dependents dependents = { 0 };
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	EP_TRY(ep_log_find_dependents(&dependents, write, reg->subject.id, err));
	EP_TRY(ep_subject_key(&key, bytes, &reg->subject, err));
	EP_TRY(ep_log_remove_entry(write, &reg->entry, err));
	EP_TRY(ep_log_remove_key(write, write->inside.log->ids, key, err));
	EP_TRY(ep_log_remove_wait(write, &reg->subject, err));
	write->changed = true;
	return ep_log_settle_dependents(&dependents, write, err);
}
