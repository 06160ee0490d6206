/* compact.h - disk given back: the files of a data folder without what is free in them */
#ifndef EP_BACKUP_COMPACT_H
#define EP_BACKUP_COMPACT_H

#include "node/node.h"

struct ep_compact_report {
	struct ep_compacted log;
	struct ep_compacted plays; /* zeros: there is no log of plays */
};

/* Replaces the file of the log, and that of the log of plays where there is one, by compact copies;
 * brings the index up to date first, which merges its shards as far as they are due. The node is
 * open for writing, and of no use but to be closed then. Each file is complete as it was, or
 * complete and compact, whatever happens.
 *
 * EP_BAD_INPUT  another process has one of them open: nothing was changed. As ep_env_compact and
 * ep_index_follow. */
EP_MUST_USE enum ep_status ep_compact(struct ep_compact_report *report, struct ep_node *node,
                                      struct ep_error *err);

#endif
