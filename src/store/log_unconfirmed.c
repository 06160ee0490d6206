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

/* What a key stands for. */
static struct ep_subject
subject_of(MDB_val key)
{
	const char *at = key.mv_data;
	bool link = key.mv_size > 1 && at[0] == 1;
	return (struct ep_subject){ { at + link, key.mv_size - link }, link };
}

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
	struct ep_subject subject = subject_of(key);
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

/* Whether a track waits because it is over the master's limit. */
static enum ep_status
is_over_limit(bool *over, struct ep_log_write *write, struct ep_text id, struct ep_error *err)
{
	struct ep_subject subject = { id, false };
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	MDB_val value;
	struct ep_unconfirmed item = { 0 };
	struct ep_revision head;
	*over = false;
	EP_TRY(ep_subject_key(&key, bytes, &subject, err));
	int rc = mdb_get(write->inside.txn, write->inside.log->unconfirmed, &key, &value);
	if (rc)
		return rc == MDB_NOTFOUND ? EP_OK : ep_log_fail_write(write, rc, err);
	EP_TRY(read_wait(&item, &head, value, err));
	*over = item.wait == EP_WAIT_FULL;
	return EP_OK;
}

/* A link that the master refused goes. But one of a track that is over a limit waits with it. */
static enum ep_status
link_refused(struct ep_log_write *write, struct ep_text id, const struct ep_revision *head,
             uint64_t position, struct ep_error *err)
{
	struct ep_subject subject = { id, true };
	bool over;
	EP_TRY(is_over_limit(&over, write, id, err));
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
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	MDB_val value;
	struct ep_unconfirmed item = { 0 };
	struct ep_revision now;
	EP_TRY(ep_subject_key(&key, bytes, &subject, err));
	int rc = mdb_get(write->inside.txn, write->inside.log->unconfirmed, &key, &value);
	if (rc && rc != MDB_NOTFOUND)
		return ep_log_fail_write(write, rc, err);
	if (rc == 0)
		EP_TRY(read_wait(&item, &now, value, err));
	uint8_t of_proof[PROOF_KEY_MAX];
	MDB_val proof;
	EP_TRY(proof_key(&proof, of_proof, &subject, head, err));
	EP_TRY(ep_log_remove_key(write, write->inside.log->proofs, proof, err));
	bool stands = rc == 0 && ep_revision_equal(&now, head) && item.wait != EP_WAIT_CSV;
	if (!stands)
		return EP_OK;
	if (link && wait == EP_WAIT_REFUSED)
		return link_refused(write, id, head, position, err);
	return ep_log_set_wait(write, &subject, head, wait, position, err);
}

struct over {
	struct ep_buffer keys; /* the size in two bytes, then the key */
	uint64_t position;
};

static enum ep_status
find_over(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	struct over *over = context;
	struct ep_unconfirmed item = { 0 };
	struct ep_revision head;
	uint16_t size = (uint16_t)key.mv_size;
	EP_TRY(read_wait(&item, &head, value, err));
	bool all = over->position == UINT64_MAX && item.wait != EP_WAIT_CSV;
	if (!all && (item.wait != EP_WAIT_FEED || item.position > over->position))
		return EP_OK;
	EP_TRY(ep_buffer_append(&over->keys, &size, sizeof size, err));
	return ep_buffer_append(&over->keys, key.mv_data, key.mv_size, err);
}

static enum ep_status
send_again(struct ep_log_write *write, const struct ep_buffer *keys, struct ep_error *err)
{
	for (const uint8_t *at = keys->data; at && at < keys->data + keys->size;) {
		uint16_t size;
		MDB_val value;
		uint8_t waits[EP_WAIT_SIZE];
		uint8_t bytes[EP_SUBJECT_KEY_MAX];
		memcpy(&size, at, sizeof size);
		memcpy(bytes, at + sizeof size, size);
		MDB_val key = { .mv_data = bytes, .mv_size = size };
		int rc = mdb_get(write->inside.txn, write->inside.log->unconfirmed, &key, &value);
		if (rc)
			return ep_log_fail_write(write, rc, err);
		memcpy(waits, value.mv_data, sizeof waits);
		waits[0] = EP_WAIT_NONE;
		EP_TRY(ep_log_put_key(write, write->inside.log->unconfirmed, key,
		                      (MDB_val){ .mv_data = waits, .mv_size = sizeof waits }, 0,
		                      err));
		at += sizeof size + size;
	}
	return EP_OK;
}

enum ep_status
ep_log_wait_over(struct ep_log_write *write, uint64_t position, struct ep_error *err)
{
	struct over over = { .position = position };
	enum ep_status status = ep_log_each_key(&write->inside, write->inside.log->unconfirmed,
	                                        (struct ep_text){ 0 }, find_over, &over, err);
	if (status == EP_OK)
		status = send_again(write, &over.keys, err);
	ep_buffer_free(&over.keys);
	return status;
}
