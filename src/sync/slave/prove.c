#include "sync/slave/prove.h"

#include "peer/peer.h"

#include <inttypes.h>
#include <string.h>

/* What only this node has, and how it stands. */
struct local {
	const struct ep_log_read *read;
	struct ep_digest *digest;
	uint64_t tracks;
	bool open; /* something is on its way, or changes what the master has */
};

/* Takes a track out of the digest that the master refused. */
static enum ep_status
leave_out(void *context, const struct ep_unconfirmed *item, struct ep_error *err)
{
	struct local *local = context;
	bool member;
	bool known = item->entry.era > 0; /* it is built on what the master has */
	local->open |= item->proof || known ||
	               (item->wait != EP_WAIT_REFUSED && item->wait != EP_WAIT_FULL);
	if (local->open)
		return EP_OK;
	EP_TRY(ep_log_is_member(&member, &item->entry, err));
	if (member)
		ep_digest_subtract(local->digest, &item->entry.hash);
	local->tracks += item->entry.operation == EP_PUT;
	return EP_OK;
}

static bool
is_masters(const struct ep_digest *digest, const struct ep_feed *feed)
{
	struct ep_hash name;
	ep_digest_name(&name, digest);
	return memcmp(&name, &feed->digest, EP_HASH_SIZE) == 0;
}

enum ep_status
ep_prove_equal(struct ep_sync_report *report, struct ep_log *log, const struct ep_feed *feed,
               struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_master master;
	struct ep_digest digest;
	struct local local = { .digest = &digest };
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_master_load(&master, read, err));
	EP_TRY(ep_log_digest(&digest, read, err));
	report->local_only = 0;
	report->proof = is_masters(&digest, feed) ? EP_PROOF_EQUAL : EP_PROOF_NONE;
	if (report->proof == EP_PROOF_EQUAL)
		return EP_OK;
	EP_TRY(ep_log_unconfirmed(read, leave_out, &local, err));
	if (local.open || feed->position != master.position)
		return EP_OK;
	report->local_only = local.tracks;
	if (!is_masters(&digest, feed))
		return ep_fail(err, EP_DIVERGED,
		               "everything is applied up to position %" PRIu64
		               ", but this copy differs from the master's: its data was changed by "
		               "something else; " EP_START_AGAIN,
		               feed->position);
	report->proof = EP_PROOF_EQUAL;
	return EP_OK;
}
