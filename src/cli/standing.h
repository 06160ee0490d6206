/* standing.h - what `status` shows about the master and the slaves of a node */
#ifndef EP_CLI_STANDING_H
#define EP_CLI_STANDING_H

#include "cli/cli.h"

/* {"key", "published", "master": null or {...}, "peers": [...]}; NULL when it cannot be read. */
json_t *ep_standing_json(const struct ep_log_read *read, const char *folder);

/* The same in lines of words. Nothing of what cannot be read. */
void ep_print_standing(const struct ep_log_read *read, const char *folder);

/* The state of a node as `status --json` prints it. NULL when it cannot be read.
 *
 * deep  also what needs all entries to be looked at: how documents are stored, what waits. */
json_t *ep_status_json(struct ep_log *log, bool deep, struct ep_error *err);

/* A moment as text, or null for 0. */
json_t *ep_moment_json(int64_t moment);

/* One slave as `source list --json` prints it. */
struct ep_peer;
json_t *ep_peer_json(const struct ep_peer *peer, uint64_t position);

/* "in", "invited". */
const char *ep_peer_state(const struct ep_peer *peer);

#endif
