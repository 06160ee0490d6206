#include "replication/sync.h"

#include <inttypes.h>
#include <string.h>

/* Takes the tracks out of the digest that only this node has. */
static enum ep_status
leave_out_local(struct ep_digest *digest, uint64_t *count, const struct ep_log_read *read,
                struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	enum ep_status status;
	EP_TRY(ep_log_cursor_open(&cursor, read, 0, EP_SOURCE_LOCAL, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (entry.operation != EP_PUT || (entry.flags & EP_ENTRY_CONFIRMED))
			continue;
		struct ep_hash member;
		EP_TRY(ep_log_member(&member, &entry, err));
		ep_digest_subtract(digest, &member);
		++*count;
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
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
	uint64_t pending;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_master_load(&master, read, err));
	EP_TRY(ep_log_digest(&digest, read, err));
	report->local_only = 0;
	report->proof = is_masters(&digest, feed) ? EP_PROOF_EQUAL : EP_PROOF_NONE;
	if (report->proof == EP_PROOF_EQUAL)
		return EP_OK;
	EP_TRY(ep_sync_pending(&pending, read, &master, err));
	if (pending > 0 || feed->position < master.answered || feed->position != master.position)
		return EP_OK;
	EP_TRY(leave_out_local(&digest, &report->local_only, read, err));
	if (!is_masters(&digest, feed))
		return ep_fail(err, EP_DIVERGED,
		               "everything is applied up to position %" PRIu64
		               ", and still this copy is not the master's: it was changed here, or "
		               "the master's data is an old copy that went on; " EP_START_AGAIN,
		               feed->position);
	report->proof = EP_PROOF_EQUAL;
	return EP_OK;
}
