/* listing.h - copies, versions that were set aside, and what waits for the master, as JSON: of
 * commands and of the HTTP interface
 */
#ifndef EP_NODE_LISTING_H
#define EP_NODE_LISTING_H

#include "store/log.h"

#include <jansson.h>

/* {"track_id", "original", "kind", "share", "coverage", "offset_s"}; NULL: no memory. */
json_t *ep_copy_json(struct ep_text copy, const struct ep_link *link);

/* Calls each with the copies whose links are in force, in the order of their originals, behind the
 * first `skip` of them, until it sets *enough. EP_CORRUPT, EP_IO, EP_NO_MEMORY, and what each fails
 * with. */
EP_MUST_USE enum ep_status
ep_each_copy(const struct ep_log_read *read, size_t skip,
             enum ep_status (*each)(void *context, bool *enough, struct ep_text copy,
                                    const struct ep_link *link, struct ep_error *err),
             void *context, struct ep_error *err);

/* A version that was set aside, with the name of its source and its number, from 1, among those of
 * its track: {"track_id", "version", "source", "deletion", "documents", "import_date"} and, unless
 * it is a deletion, {"artist", "release", "track", "length"} of its first document. EP_CORRUPT,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_conflict_json(json_t **json, const struct ep_entry *entry,
                                            const char *source, uint64_t version,
                                            struct ep_error *err);

/* What an entry does to its track: "put", "delete", "link" or "release". */
const char *ep_change_name(const struct ep_entry *entry);

/* What the feed has not confirmed: {"track_id", "change": "put", "delete", "link" or "release",
 * "state": "unsent", "sent", "refused", "full" or "csv"}, and of a put {"artist", "release",
 * "track", "length"} of its first document. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_pending_json(json_t **json, const struct ep_unconfirmed *item,
                                           struct ep_error *err);

#endif
