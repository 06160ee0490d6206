/* query_service.h - queries of a server, from several threads, on an index that keeps up with the
 * log
 *
 * A thread follows the log: what is new is searched in memory at first, and comes into the index on
 * disk when it is enough. It also links copies among what came, as a command does after an ingest.
 */
#ifndef EP_NODE_QUERY_SERVICE_H
#define EP_NODE_QUERY_SERVICE_H

#include "node/node.h"

struct ep_query_service;

/* Starts; node is borrowed, and its log is open for writing. on_line is told in a line what goes
 * wrong (once, while it stays the same), from any thread. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status
ep_query_service_start(struct ep_query_service **out, struct ep_node *node,
                       void (*on_line)(void *context, bool detail, const char *line), void *context,
                       struct ep_error *err);
void ep_query_service_stop(struct ep_query_service *service);
EP_DEFINE_OWNED(struct ep_query_service, ep_query_service_stop)

/* Appends the answer to a code string as a JSON object (answer.h). What was put into the log
 * before is found, but for what came in the last moment. EP_NOT_FOUND  the index is being made.
 * EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_service_answer(struct ep_query_service *service,
                                                   struct ep_buffer *json, struct ep_text code,
                                                   struct ep_error *err);

#endif
