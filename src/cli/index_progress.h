/* index_progress.h - commands that bring the index up to date, with progress */
#ifndef EP_CLI_INDEX_PROGRESS_H
#define EP_CLI_INDEX_PROGRESS_H

#include "cli/cli.h"

/* As ep_index_follow and ep_index_rebuild, showing how far it is. */
EP_MUST_USE enum ep_status ep_follow_index(const struct ep_call *call, struct ep_log *log,
                                           struct ep_error *err);
EP_MUST_USE enum ep_status ep_rebuild_index(const struct ep_call *call, struct ep_log *log,
                                            struct ep_error *err);

#endif
