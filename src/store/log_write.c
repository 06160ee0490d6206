#include "store/log_internal.h"

#include <stdlib.h>

/* Who this node is, whom it follows, and in which epoch it is. */
static enum ep_status
load_standing(struct ep_log_write *write, struct ep_error *err)
{
	struct ep_keys keys;
	const struct ep_log_read *read = &write->inside;
	EP_TRY(ep_keys_open(&keys, read->log->env->folder, err));
	EP_TRY(ep_log_load_parties(write, err));
	EP_TRY(ep_log_key_party(&write->self, write, &keys.key, err));
	write->parties[write->self - 1].source = EP_SOURCE_LOCAL;
	ep_seal_key(&write->seal_key, &keys);
	sodium_memzero(keys.secret, sizeof keys.secret);
	EP_TRY(ep_log_follows(&write->follows, read, err));
	write->master = write->self;
	if (write->follows.any)
		EP_TRY(ep_log_key_party(&write->master, write, &write->follows.key, err));
	EP_TRY(ep_log_epoch(&write->epoch, read, err));
	struct ep_bytes stale;
	enum ep_status status = ep_log_value(&stale, read, EP_STALE_VALUE, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	write->stale = status == EP_OK;
	return ep_log_number(&write->known, read, EP_KNOWN_VALUE, err);
}

enum ep_status
ep_log_write_begin(struct ep_log_write **out, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = calloc(1, sizeof *write);
	if (!write)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	write->inside.log = log;
	int rc = mdb_txn_begin(log->env->mdb, NULL, 0, &write->inside.txn);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot write the log in %s", log->env->folder);
	EP_TRY(ep_log_load_state(&write->inside, err));
	EP_TRY(ep_log_digest(&write->digest, &write->inside, err));
	EP_TRY(ep_log_sources(&write->sources, &write->source_count, &write->inside, err));
	EP_TRY(load_standing(write, err));
	EP_TRY(ep_codes_coder_new(&write->decoder, EP_CODES_ONSET, err));
	EP_TRY(ep_codes_coder_new(&write->encoder, EP_CODES_ONSET, err));
	*out = EP_TAKE(write);
	return EP_OK;
}

void
ep_log_abort(struct ep_log_write *write)
{
	if (!write)
		return;
	if (write->inside.txn)
		mdb_txn_abort(write->inside.txn);
	ep_codes_coder_free(write->decoder);
	ep_codes_coder_free(write->rows_decoder);
	ep_codes_coder_free(write->encoder);
	ep_decoded_free(&write->there);
	ep_buffer_free(&write->body);
	ep_buffer_free(&write->history);
	ep_arena_free(&write->arena);
	sodium_memzero(&write->seal_key, sizeof write->seal_key);
	free(write->parties);
	free(write->stored);
	free(write->handles);
	free(write->sources);
	free(write);
}

static enum ep_status
store_state(struct ep_log_write *write, struct ep_error *err)
{
	const struct ep_log_state *state = &write->inside.state;
	uint8_t bytes[EP_DIGEST_BYTES];
	ep_store64(bytes, state->position);
	ep_store64(bytes + 8, state->documents);
	ep_store64(bytes + 16, state->tracks);
	ep_store64(bytes + 24, state->tombstones);
	ep_store64(bytes + 32, state->links);
	EP_TRY(ep_log_set_value(write, EP_STATE_VALUE, (struct ep_bytes){ bytes, 40 }, err));
	ep_digest_store(bytes, &write->digest);
	struct ep_bytes digest = { bytes, sizeof bytes };
	EP_TRY(ep_log_set_value(write, EP_DIGEST_VALUE, digest, err));
	for (size_t i = 0; i < write->source_count; i++)
		EP_TRY(ep_log_store_source(write, &write->sources[i], err));
	return EP_OK;
}

enum ep_status
ep_log_commit(struct ep_log_write **owner, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = EP_TAKE(*owner);
	if (write->changed)
		EP_TRY(store_state(write, err));
	int rc = mdb_txn_commit(write->inside.txn);
	write->inside.txn = NULL;
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}
