/* A register is what the log has of a track or link: its entry, and its history. */
#include "store/log_internal.h"

#include <string.h>

/* Changes of one track that its master has not seen, at most. */
#define PENDING_MAX 1024

enum ep_status
ep_subject_key(MDB_val *key, uint8_t bytes[EP_SUBJECT_KEY_MAX], const struct ep_subject *subject,
               struct ep_error *err)
{
	size_t size = subject->id.size;
	size_t front = subject->link ? 1 : 0;
	if (size < 1 || size > EP_SUBJECT_KEY_MAX - 1)
		return ep_fail(err, EP_BAD_INPUT, "a track id has 1 to 255 bytes, this one has %zu",
		               size);
	bytes[0] = 1;
	memcpy(bytes + front, subject->id.at, size);
	*key = (MDB_val){ .mv_data = bytes, .mv_size = size + front };
	return EP_OK;
}

/* ---- loading ---- */

bool
ep_register_is_live(const struct ep_register *reg)
{
	return reg->there && reg->entry.operation != EP_DELETE;
}

static enum ep_status
copy_id(struct ep_text *copy, struct ep_log_write *write, struct ep_text id, struct ep_error *err)
{
	char *bytes = ep_arena_alloc(&write->arena, id.size + 1);
	if (!bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for an id");
	if (id.size)
		memcpy(bytes, id.at, id.size);
	*copy = (struct ep_text){ bytes, id.size };
	return EP_OK;
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
	EP_TRY(copy_id(&reg->subject.id, write, subject->id, err));
	enum ep_status status =
		subject->link ? ep_log_find_link(&reg->entry, &write->inside, subject->id, err)
			      : ep_log_find(&reg->entry, &write->inside, subject->id, err);
	reg->there = status == EP_OK;
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	return load_history(&reg->history, write, &reg->entry, err);
}

enum ep_status
ep_log_state_of(struct ep_state *state, struct ep_log_write *write, const struct ep_entry *entry,
                struct ep_error *err)
{
	*state = (struct ep_state){
		.operation = entry->operation,
		.flags = entry->flags,
		.hash = entry->hash,
		.import_date = entry->import_date,
		.era = entry->era,
		.body = entry->body,
	};
	return load_history(&state->history, write, entry, err);
}

enum ep_status
ep_log_load_entry(struct ep_register *reg, struct ep_state *state, struct ep_log_write *write,
                  const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_subject subject = { entry->id, entry->operation == EP_LINK };
	ep_arena_reset(&write->arena);
	EP_TRY(ep_log_load_register(reg, write, &subject, err));
	return ep_log_state_of(state, write, &reg->entry, err);
}

/* ---- bytes ---- */

enum ep_status
ep_log_encode_history(struct ep_text *bytes, struct ep_log_write *write,
                      const struct ep_history *history, struct ep_error *err)
{
	if (history->sealed)
		EP_TRY(ep_log_store_party(write, history->owner, err));
	for (size_t i = 0; i < history->count; i++)
		EP_TRY(ep_log_store_party(write, history->steps[i].party, err));
	write->history.size = 0;
	EP_TRY(ep_history_write(&write->history, history, write->stored, err));
	*bytes = (struct ep_text){ (const char *)write->history.data, write->history.size };
	return EP_OK;
}

/* Writes an entry's bytes under a key, in place in the page. */
static enum ep_status
write_entry(struct ep_log_write *write, MDB_dbi dbi, MDB_val key, const struct ep_entry *entry,
            unsigned flags, struct ep_error *err)
{
	MDB_val value = { .mv_size = ep_entry_size(entry, entry->body.size) };
	int rc = mdb_put(write->inside.txn, dbi, &key, &value, MDB_RESERVE | flags);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	ep_entry_write(value.mv_data, entry, entry->body.at, entry->body.size);
	return EP_OK;
}

/* Copies the body of an entry that is the log's own, as its page goes with the next change. */
static enum ep_status
own_body(struct ep_text *body, struct ep_log_write *write, struct ep_error *err)
{
	char *bytes = ep_arena_alloc(&write->arena, body->size + 1);
	if (!bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a track");
	memcpy(bytes, body->at, body->size);
	body->at = bytes;
	return EP_OK;
}

enum ep_status
ep_log_put_state(struct ep_log_write *write, MDB_dbi dbi, MDB_val key, struct ep_state *state,
                 uint32_t source, struct ep_error *err)
{
	struct ep_entry entry = {
		.operation = state->operation,
		.flags = state->flags,
		.source = source,
		.import_date = state->import_date,
		.hash = state->hash,
		.era = state->era,
		.body = state->body,
	};
	EP_TRY(ep_log_encode_history(&entry.history, write, &state->history, err));
	EP_TRY(own_body(&entry.body, write, err));
	return write_entry(write, dbi, key, &entry, 0, err);
}

/* ---- counts ---- */

/* Counts an entry in or out of all totals. */
static enum ep_status
count_entry(struct ep_log_write *write, const struct ep_entry *entry, bool in, struct ep_error *err)
{
	struct ep_log_state *state = &write->inside.state;
	uint64_t one = in ? 1 : UINT64_MAX; /* -1 */
	uint64_t documents = in ? entry->document_count : 0 - (uint64_t)entry->document_count;
	bool member;
	EP_TRY(ep_log_is_member(&member, entry, err));
	if (member && in)
		ep_digest_add(&write->digest, &entry->hash);
	else if (member)
		ep_digest_subtract(&write->digest, &entry->hash);
	uint64_t bytes = ep_entry_size(entry, entry->body.size);
	for (size_t i = 0; i < write->source_count; i++) {
		struct ep_source_info *source = &write->sources[i];
		if (source->number != entry->source)
			continue;
		source->tracks += entry->operation == EP_PUT ? one : 0;
		source->documents += entry->operation == EP_PUT ? documents : 0;
		source->tombstones += entry->operation == EP_DELETE ? one : 0;
		source->bytes += in ? bytes : 0 - bytes;
	}
	if (entry->operation == EP_DELETE)
		state->tombstones += one;
	if (entry->operation == EP_LINK && member) {
		state->links += one;
		return ep_log_list_link(write, entry, in, err);
	}
	if (entry->operation != EP_PUT)
		return EP_OK;
	state->tracks += one;
	state->documents += documents;
	return EP_OK;
}

/* Takes an entry out of the log, and what it was from counts, lists and the digest. */
static enum ep_status
remove_entry(struct ep_log_write *write, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_log *log = write->inside.log;
	uint64_t position = entry->position;
	uint8_t bytes[EP_SOURCE_KEY];
	ep_source_key(bytes, entry->source, position);
	EP_TRY(count_entry(write, entry, false, err));
	MDB_val listed = { .mv_data = bytes, .mv_size = sizeof bytes };
	int rc = mdb_del(write->inside.txn, log->by_source, &listed, NULL);
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	if (!rc)
		rc = mdb_del(write->inside.txn, log->log, &key, NULL);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

/* Appends an entry at the next position, which it is given, and makes its id point there. */
static enum ep_status
append_entry(struct ep_log_write *write, struct ep_entry *entry, const struct ep_subject *subject,
             struct ep_error *err)
{
	struct ep_log *log = write->inside.log;
	uint64_t position = write->inside.state.position + 1;
	uint8_t id[EP_SUBJECT_KEY_MAX];
	uint8_t where[8];
	uint8_t listed[EP_SOURCE_KEY];
	MDB_val id_key;
	entry->position = position;
	EP_TRY(ep_subject_key(&id_key, id, subject, err));
	EP_TRY(write_entry(write, log->log,
	                   (MDB_val){ .mv_data = &position, .mv_size = sizeof position }, entry,
	                   MDB_APPEND, err));
	ep_store64(where, position);
	EP_TRY(ep_log_put_key(write, log->ids, id_key,
	                      (MDB_val){ .mv_data = where, .mv_size = sizeof where }, 0, err));
	ep_source_key(listed, entry->source, position);
	EP_TRY(ep_log_put_key(write, log->by_source,
	                      (MDB_val){ .mv_data = listed, .mv_size = sizeof listed },
	                      (MDB_val){ .mv_data = listed, .mv_size = 0 }, 0, err));
	EP_TRY(ep_entry_read_body(entry, entry->body.at, entry->body.size, err));
	write->inside.state.position = position;
	write->changed = true;
	return count_entry(write, entry, true, err);
}

/* ---- storing ---- */

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
		               "%.*s has %d changes that the master has not seen: `echoprint sync` "
		               "first",
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
		EP_TRY(own_body(&entry.body, write, err));
	if (old->there)
		EP_TRY(remove_entry(write, &old->entry, err));
	EP_TRY(append_entry(write, &entry, subject, err));
	EP_TRY(list_unconfirmed(write, subject, &state->history, state->era, err));
	if (subject->link)
		EP_TRY(flag_linked(write, subject->id, err));
	return ep_log_settle_dependents(&dependents, write, err);
}

/* Brings what was changed in a register into its entry. */
static enum ep_status
renew_entry(struct ep_log_write *write, struct ep_register *reg, struct ep_error *err)
{
	EP_TRY(ep_log_encode_history(&reg->entry.history, write, &reg->history, err));
	return own_body(&reg->entry.body, write, err);
}

enum ep_status
ep_log_rewrite(struct ep_log_write *write, struct ep_register *reg, struct ep_error *err)
{
	uint64_t position = reg->entry.position;
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	MDB_val before;
	EP_TRY(renew_entry(write, reg, err));
	int rc = mdb_get(write->inside.txn, write->inside.log->log, &key, &before);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	for (size_t i = 0; i < write->source_count; i++) {
		if (write->sources[i].number == reg->entry.source)
			write->sources[i].bytes +=
				ep_entry_size(&reg->entry, reg->entry.body.size) - before.mv_size;
	}
	write->changed = true;
	return write_entry(write, write->inside.log->log, key, &reg->entry, 0, err);
}

enum ep_status
ep_log_move(struct ep_log_write *write, struct ep_register *reg, struct ep_error *err)
{
	EP_TRY(renew_entry(write, reg, err));
	if (!reg->entry.since)
		reg->entry.since = reg->entry.position;
	EP_TRY(remove_entry(write, &reg->entry, err));
	return append_entry(write, &reg->entry, &reg->subject, err);
}

enum ep_status
ep_log_forget(struct ep_log_write *write, const struct ep_register *reg, struct ep_error *err)
{
	struct ep_dependents dependents = { 0 };
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	EP_TRY(ep_log_find_dependents(&dependents, write, reg->subject.id, err));
	EP_TRY(ep_subject_key(&key, bytes, &reg->subject, err));
	EP_TRY(remove_entry(write, &reg->entry, err));
	EP_TRY(ep_log_remove_key(write, write->inside.log->ids, key, err));
	EP_TRY(ep_log_remove_wait(write, &reg->subject, err));
	write->changed = true;
	return ep_log_settle_dependents(&dependents, write, err);
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

bool
ep_log_may_change(const struct ep_log_write *write, const struct ep_register *reg)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	return !write->follows.any || !ep_register_is_live(reg) ||
	       ep_party_same(&parties, ep_history_owner(&reg->history), write->self);
}

enum ep_status
ep_log_fail_foreign(struct ep_error *err, struct ep_text id)
{
	return ep_fail(err, EP_BAD_INPUT,
	               "track %.*s is the master's: it can only be changed there",
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
