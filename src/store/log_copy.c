#include "store/env_compact.h"
#include "store/log_internal.h"

#include <string.h>

enum ep_status
ep_log_copy_open(struct ep_env_copy **out, struct ep_log_read **read, struct ep_log *log,
                 struct ep_error *err)
{
	double began = 0;
	do {
		EP_OWNED(ep_log_read_end)
		struct ep_log_read *before = NULL;
		EP_OWNED(ep_env_copy_close)
		struct ep_env_copy *copy = NULL;
		EP_TRY(ep_log_read_begin(&before, log, err));
		EP_TRY(ep_env_copy_open(&copy, log->env, err));
		/* LMDB does not tell which state it copies. Nothing was committed between this
		 * snapshot and now, and the copy began in between: so they are of one state. */
		if (ep_log_read_is_old(before))
			continue;
		*out = EP_TAKE(copy);
		*read = EP_TAKE(before);
		return EP_OK;
	} while (ep_env_try_again(&began));
	return ep_fail(err, EP_IO, "the log in %s changes too fast to be copied; try again",
	               log->env->folder);
}

enum ep_status
ep_log_pages_open(struct ep_env_pages **out, struct ep_log_read **read, struct ep_log *log,
                  struct ep_error *err)
{
	double began = 0;
	do {
		EP_OWNED(ep_log_read_end)
		struct ep_log_read *found = NULL;
		EP_OWNED(ep_env_pages_close)
		struct ep_env_pages *pages = NULL;
		EP_TRY(ep_env_pages_open(&pages, log->env, err));
		EP_TRY(ep_log_read_begin(&found, log, err));
		if (mdb_txn_id(found->txn) != ep_env_pages_state(pages))
			continue;
		*out = EP_TAKE(pages);
		*read = EP_TAKE(found);
		return EP_OK;
	} while (ep_env_try_again(&began));
	return ep_fail(err, EP_IO, "the log in %s changes too fast to be copied; try again",
	               log->env->folder);
}

/* ---- compaction ---- */

enum ep_status
ep_log_take_alone(struct ep_log *log, struct ep_error *err)
{
	return ep_env_take_alone(log->env, err);
}

/* What two logs must have alike. */
struct seen {
	struct ep_log_state state;
	struct ep_digest digest;
	size_t map_size; /* the copy is opened within that of the log */
};

static enum ep_status
look(struct seen *seen, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	ep_log_state(&seen->state, read);
	seen->map_size = log->env->map_size;
	return ep_log_digest(&seen->digest, read, err);
}

static enum ep_status
check_copy(void *context, const char *folder, struct ep_error *err)
{
	const struct seen *before = context;
	struct seen seen = { 0 };
	EP_OWNED(ep_log_close)
	struct ep_log *copy = NULL;
	EP_TRY(ep_log_open_within(&copy, folder, EP_LOG_READ, before->map_size, err));
	EP_TRY(look(&seen, copy, err));
	if (memcmp(&seen, before, sizeof seen) != 0)
		return ep_fail(err, EP_CORRUPT, "the copy in %s is not the log that was copied",
		               folder);
	return EP_OK;
}

enum ep_status
ep_log_compact(struct ep_compacted *compacted, struct ep_log *log, struct ep_error *err)
{
	struct seen before = { 0 };
	EP_TRY(look(&before, log, err));
	return ep_env_compact(compacted, log->env, check_copy, &before, err);
}
