/* index_progress.h - commands that bring the index up to date, with progress */
#ifndef EP_CLI_INDEX_PROGRESS_H
#define EP_CLI_INDEX_PROGRESS_H

#include "cli/cli.h"
#include "dedup/copies.h"
#include "index/index.h"

/* As ep_index_follow and ep_index_rebuild, showing how far it is. */
EP_MUST_USE enum ep_status ep_follow_index(const struct ep_call *call, struct ep_log *log,
                                           struct ep_error *err);
EP_MUST_USE enum ep_status ep_rebuild_index(const struct ep_call *call, struct ep_log *log,
                                            struct ep_error *err);

/* Opens the index of *log, which is open for reading; where it is far behind it is brought up to
 * date first, and *log opened again for that. As ep_index_open and ep_index_follow. */
EP_MUST_USE enum ep_status ep_open_index(struct ep_index **index, struct ep_log **log,
                                         const struct ep_call *call, struct ep_error *err);

/* After an ingest: brings the index up to date, links copies, and the index again where
 * links changed it. */
EP_MUST_USE enum ep_status ep_settle_ingest(struct ep_copies_report *report,
                                            const struct ep_call *call, struct ep_log *log,
                                            enum ep_dedup how, struct ep_error *err);

#endif
