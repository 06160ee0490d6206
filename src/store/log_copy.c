#include "store/log_internal.h"

/* A copy begins within milliseconds, and few commits come so often. */
#define TRIES_MAX 1000

enum ep_status
ep_log_copy_open(struct ep_env_copy **out, struct ep_log_read **read, struct ep_log *log,
                 struct ep_error *err)
{
	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
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
	}
	return ep_fail(err, EP_IO, "the log in %s changes too fast to be copied; try again",
	               log->env->folder);
}
