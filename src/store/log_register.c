/* A register is what the log has of a track or link: its entry, and its history. */
#include "store/log_internal.h"

#include <string.h>

/* ---- loading ---- */

bool
ep_register_is_live(const struct ep_register *reg)
{
	return reg->there && reg->entry.operation != EP_DELETE;
}

/* The history of an entry of this log. */
static enum ep_status
load_history(struct ep_history *history, struct ep_log_write *write, const struct ep_entry *entry,
             struct ep_error *err)
{
	EP_TRY(ep_entry_history(history, entry, write->stored_count, write->handles, &write->arena,
	                        err));
	struct ep_subject subject = { entry->id, entry->operation == EP_LINK };
	struct ep_parties parties = ep_log_parties_inside(write);
	ep_history_hash(history, &subject, &parties);
	/* What this node sealed itself, or another master, before it followed this one. */
	return write->follows.any && entry->era < write->follows.first_era
	               ? ep_history_unseal(history, &write->arena, err)
	               : EP_OK;
}

enum ep_status
ep_log_load_register(struct ep_register *reg, struct ep_log_write *write,
                     const struct ep_subject *subject, struct ep_error *err)
{
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	*reg = (struct ep_register){ .subject.link = subject->link };
	EP_TRY(ep_subject_key(&key, bytes, subject, err));
	EP_TRY(ep_arena_text(&reg->subject.id, &write->arena, subject->id, err));
	enum ep_status status =
		subject->link ? ep_log_find_link(&reg->entry, &write->inside, subject->id, err)
			      : ep_log_find(&reg->entry, &write->inside, subject->id, err);
	reg->there = status == EP_OK;
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	return load_history(&reg->history, write, &reg->entry, err);
}

/* The state that an entry is, with this history. */
static struct ep_state
state_with(const struct ep_entry *entry, const struct ep_history *history)
{
	return (struct ep_state){
		.history = *history,
		.operation = entry->operation,
		.flags = entry->flags,
		.hash = entry->hash,
		.import_date = entry->import_date,
		.era = entry->era,
		.body = entry->body,
	};
}

struct ep_state
ep_register_state(const struct ep_register *reg)
{
	return state_with(&reg->entry, &reg->history);
}

enum ep_status
ep_log_state_of(struct ep_state *state, struct ep_log_write *write, const struct ep_entry *entry,
                struct ep_error *err)
{
	struct ep_history history;
	EP_TRY(load_history(&history, write, entry, err));
	*state = state_with(entry, &history);
	return EP_OK;
}

enum ep_status
ep_log_load_entry(struct ep_register *reg, struct ep_state *state, struct ep_log_write *write,
                  const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_subject subject = { entry->id, entry->operation == EP_LINK };
	ep_arena_reset(&write->arena);
	EP_TRY(ep_log_load_register(reg, write, &subject, err));
	*state = ep_register_state(reg);
	return EP_OK;
}

/* ---- acts of this node's user ---- */

struct ep_step
ep_log_own_step(const struct ep_log_write *write, const struct ep_hash *hash)
{
	struct ep_step step = { .party = write->self };
	if (hash)
		memcpy(step.contents.bytes, hash->bytes, EP_REVISION_SIZE);
	return step;
}

static bool
has_contents(const struct ep_history *history, const struct ep_hash *hash)
{
	for (size_t i = 0; hash && i < history->count; i++) {
		if (memcmp(history->steps[i].contents.bytes, hash->bytes, EP_REVISION_SIZE) == 0)
			return true;
	}
	return false;
}

enum ep_local_outcome
ep_log_decide_local(const struct ep_log_write *write, const struct ep_register *reg,
                    enum ep_local_act act, uint32_t party, bool equal,
                    const struct ep_hash *contents)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	struct ep_local local = {
		.act = act,
		.there = !reg->there                ? EP_LOCAL_NOTHING
		         : ep_register_is_live(reg) ? EP_LOCAL_LIVE
		                                    : EP_LOCAL_DELETED,
		.contents = equal ? EP_LOCAL_EQUAL : EP_LOCAL_OTHER,
		.follows = write->follows.any,
	};
	if (reg->there) {
		const struct ep_step *head = ep_history_head(&reg->history);
		local.own = ep_party_same(&parties, ep_history_owner(&reg->history), party);
		local.csv = head->csv && ep_party_same(&parties, head->party, party);
		if (!equal && has_contents(&reg->history, contents))
			local.contents = EP_LOCAL_EARLIER;
	}
	return ep_decide_local(&local)->outcome;
}

enum ep_status
ep_log_fail_foreign(struct ep_error *err, struct ep_text id)
{
	return ep_fail(err, EP_BAD_INPUT,
	               "track %.*s belongs to the master: it can be changed only there",
	               ep_text_print_size(id), id.at);
}

enum ep_status
ep_log_user_history(struct ep_history *history, struct ep_log_write *write,
                    const struct ep_register *reg, const struct ep_step *step, struct ep_error *err)
{
	if (reg->there)
		EP_TRY(ep_history_extend(history, &write->arena, &reg->history, step, 1, err));
	else
		EP_TRY(ep_history_root(history, &write->arena, step, err));
	if (write->follows.any)
		return EP_OK;
	bool stays = ep_register_is_live(reg) && !reg->subject.link;
	history->owner = stays ? ep_history_owner(&reg->history) : write->self;
	history->born = stays ? reg->history.born : write->epoch.number;
	history->sealed = history->count;
	return EP_OK;
}
