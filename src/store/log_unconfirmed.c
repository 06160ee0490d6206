/* What the feed has not confirmed: the lists "unconfirmed" and "proofs" of a slave. */
#include "store/log_internal.h"

#include <string.h>

/* The key of a proof. */
#define PROOF_KEY_MAX (EP_SUBJECT_KEY_MAX + 1 + EP_REVISION_SIZE)

static enum ep_status
proof_key(MDB_val *key, uint8_t bytes[PROOF_KEY_MAX], const struct ep_subject *subject,
          const struct ep_revision *head, struct ep_error *err)
{
	EP_TRY(ep_subject_key(key, bytes, subject, err));
	bytes[key->mv_size] = 0;
	memcpy(bytes + key->mv_size + 1, head->bytes, EP_REVISION_SIZE);
	key->mv_size += 1 + EP_REVISION_SIZE;
	return EP_OK;
}

enum ep_status
ep_log_keep_proof(struct ep_log_write *write, const struct ep_subject *subject,
                  struct ep_state *state, uint32_t source, struct ep_error *err)
{
	uint8_t bytes[PROOF_KEY_MAX];
	MDB_val key;
	struct ep_parties parties = ep_log_parties_inside(write);
	ep_history_hash(&state->history, subject, &parties);
	EP_TRY(proof_key(&key, bytes, subject, &ep_history_head(&state->history)->id, err));
	return ep_log_put_state(write, write->inside.log->proofs, key, state, source, err);
}

static enum ep_status
set_aside(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	struct ep_log_write *write = context;
	struct ep_entry entry;
	struct ep_state state;
	(void)key;
	ep_arena_reset(&write->arena);
	EP_TRY(ep_entry_read(&entry, 0, value.mv_data, value.mv_size, err));
	EP_TRY(ep_log_state_of(&state, write, &entry, err));
	struct ep_subject subject = { entry.id, entry.operation == EP_LINK };
	state.flags = 0;
	return subject.link ? EP_OK : ep_log_keep_aside(write, &subject, &state, entry.source, err);
}

enum ep_status
ep_log_set_proofs_aside(struct ep_log_write *write, struct ep_error *err)
{
	MDB_dbi proofs = write->inside.log->proofs;
	EP_TRY(ep_log_each_key(&write->inside, proofs, (struct ep_text){ 0 }, set_aside, write,
	                       err));
	int rc = mdb_drop(write->inside.txn, proofs, 0);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

/* ---- reading ---- */

struct listing {
	const struct ep_log_read *read;
	bool links; /* those that are told of */
	enum ep_status (*each)(void *context, const struct ep_unconfirmed *item,
	                       struct ep_error *err);
	void *context;
};

static enum ep_status
read_wait(struct ep_unconfirmed *item, struct ep_revision *head, MDB_val value,
          struct ep_error *err)
{
	const uint8_t *bytes = value.mv_data;
	if (value.mv_size != EP_WAIT_SIZE || bytes[0] > EP_WAIT_CSV)
		return ep_fail(err, EP_CORRUPT, "the log's list of what is unconfirmed is damaged");
	item->wait = (enum ep_wait)bytes[0];
	memcpy(head->bytes, bytes + 1, EP_REVISION_SIZE);
	item->position = ep_load64(bytes + 1 + EP_REVISION_SIZE);
	return EP_OK;
}

static enum ep_status
tell_proof(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	const struct listing *listing = context;
	struct ep_unconfirmed item = { .proof = true };
	(void)key;
	EP_TRY(ep_entry_read(&item.entry, 0, value.mv_data, value.mv_size, err));
	return (item.entry.operation == EP_LINK) == listing->links
	               ? listing->each(listing->context, &item, err)
	               : EP_OK;
}

static enum ep_status
tell(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	const struct listing *listing = context;
	struct ep_subject subject = ep_subject_of_key(key);
	struct ep_unconfirmed item = { 0 };
	struct ep_revision head;
	if (subject.link != listing->links)
		return EP_OK;
	EP_TRY(read_wait(&item, &head, value, err));
	EP_TRY(subject.link ? ep_log_find_link(&item.entry, listing->read, subject.id, err)
	                    : ep_log_find(&item.entry, listing->read, subject.id, err));
	return listing->each(listing->context, &item, err);
}

enum ep_status
ep_log_unconfirmed(const struct ep_log_read *read,
                   enum ep_status (*each)(void *context, const struct ep_unconfirmed *item,
                                          struct ep_error *err),
                   void *context, struct ep_error *err)
{
	struct listing listing = { .read = read, .each = each, .context = context };
	for (int links = 0; links < 2; links++) {
		listing.links = links;
		EP_TRY(ep_log_each_key(read, read->log->proofs, (struct ep_text){ 0 }, tell_proof,
		                       &listing, err));
		EP_TRY(ep_log_each_key(read, read->log->unconfirmed, (struct ep_text){ 0 }, tell,
		                       &listing, err));
	}
	return EP_OK;
}

enum ep_status
ep_log_is_confirmed(bool *confirmed, const struct ep_log_read *read, const struct ep_entry *entry,
                    struct ep_error *err)
{
	struct ep_follows follows;
	struct ep_subject subject = { entry->id, entry->operation == EP_LINK };
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	MDB_val value;
	EP_TRY(ep_log_follows(&follows, read, err));
	EP_TRY(ep_subject_key(&key, bytes, &subject, err));
	int rc = mdb_get(read->txn, read->log->unconfirmed, &key, &value);
	if (rc && rc != MDB_NOTFOUND)
		return ep_fail_mdb(err, rc, "cannot read the log");
	*confirmed = follows.any && rc == MDB_NOTFOUND;
	return EP_OK;
}

/* ---- answers ---- */

/* Finds the item of a subject. EP_NOT_FOUND. */
static enum ep_status
find_wait(struct ep_unconfirmed *item, struct ep_revision *head, struct ep_log_write *write,
          const struct ep_subject *subject, struct ep_error *err)
{
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	MDB_val value;
	EP_TRY(ep_subject_key(&key, bytes, subject, err));
	int rc = mdb_get(write->inside.txn, write->inside.log->unconfirmed, &key, &value);
	if (rc)
		return rc == MDB_NOTFOUND ? EP_NOT_FOUND : ep_log_fail_write(write, rc, err);
	return read_wait(item, head, value, err);
}

/* Whether a track waits because it is over the master's limit. */
static enum ep_status
waits_over_limit(bool *over, struct ep_log_write *write, struct ep_text id, struct ep_error *err)
{
	struct ep_subject subject = { id, false };
	struct ep_unconfirmed item = { 0 };
	struct ep_revision head;
	enum ep_status status = find_wait(&item, &head, write, &subject, err);
	*over = status == EP_OK && item.wait == EP_WAIT_FULL;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* A link that the master refused goes. But one of a track that is over a limit waits with it. */
static enum ep_status
link_refused(struct ep_log_write *write, struct ep_text id, const struct ep_revision *head,
             uint64_t position, struct ep_error *err)
{
	struct ep_subject subject = { id, true };
	bool over;
	EP_TRY(waits_over_limit(&over, write, id, err));
	if (over)
		return ep_log_set_wait(write, &subject, head, EP_WAIT_FULL, position, err);
	ep_arena_reset(&write->arena);
	return ep_log_drop_link(write, id, err);
}

enum ep_status
ep_log_answered(struct ep_log_write *write, struct ep_text id, bool link,
                const struct ep_revision *head, enum ep_wait wait, uint64_t position,
                struct ep_error *err)
{
	struct ep_subject subject = { id, link };
	struct ep_unconfirmed item = { 0 };
	struct ep_revision now;
	enum ep_status status = find_wait(&item, &now, write, &subject, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	uint8_t of_proof[PROOF_KEY_MAX];
	MDB_val proof;
	EP_TRY(proof_key(&proof, of_proof, &subject, head, err));
	EP_TRY(ep_log_remove_key(write, write->inside.log->proofs, proof, err));
	bool stands = status == EP_OK && ep_revision_equal(&now, head) && item.wait != EP_WAIT_CSV;
	if (!stands)
		return EP_OK;
	if (link && wait == EP_WAIT_REFUSED)
		return link_refused(write, id, head, position, err);
	return ep_log_set_wait(write, &subject, head, wait, position, err);
}

struct over {
	struct ep_buffer keys;
	uint64_t position;
};

static enum ep_status
find_over(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	struct over *over = context;
	struct ep_unconfirmed item = { 0 };
	struct ep_revision head;
	EP_TRY(read_wait(&item, &head, value, err));
	bool all = over->position == UINT64_MAX && item.wait != EP_WAIT_CSV;
	if (!all && (item.wait != EP_WAIT_FEED || item.position > over->position))
		return EP_OK;
	return ep_log_list_key(&over->keys, key, err);
}

static enum ep_status
send_again(void *context, MDB_val key, struct ep_error *err)
{
	struct ep_log_write *write = context;
	MDB_val value;
	uint8_t waits[EP_WAIT_SIZE];
	int rc = mdb_get(write->inside.txn, write->inside.log->unconfirmed, &key, &value);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	memcpy(waits, value.mv_data, sizeof waits);
	waits[0] = EP_WAIT_NONE;
	return ep_log_put_key(write, write->inside.log->unconfirmed, key,
	                      (MDB_val){ .mv_data = waits, .mv_size = sizeof waits }, 0, err);
}

enum ep_status
ep_log_wait_over(struct ep_log_write *write, uint64_t position, struct ep_error *err)
{
	struct over over = { .position = position };
	enum ep_status status = ep_log_each_key(&write->inside, write->inside.log->unconfirmed,
	                                        (struct ep_text){ 0 }, find_over, &over, err);
	if (status == EP_OK)
		return ep_log_each_listed(&over.keys, send_again, write, err);
	ep_buffer_free(&over.keys);
	return status;
}
