/* query_service.h - queries of a server, from several threads, on an index that keeps up with the
 * log
 *
 * A thread follows the log: what is new is searched in memory at first, and comes into the index on
 * disk when it is enough. It also links copies among what came, as a command does after an ingest.
 */
#ifndef EP_NODE_QUERY_SERVICE_H
#define EP_NODE_QUERY_SERVICE_H

#include "base/arena.h"
#include "match/match.h"
#include "node/node.h"

struct ep_query_service;

/* Starts; node is borrowed, and its log is open for writing. on_line is told in a line what goes
 * wrong (once, while it stays the same), from any thread. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status
ep_query_service_start(struct ep_query_service **out, struct ep_node *node,
                       void (*on_line)(void *context, bool detail, const char *line), void *context,
                       struct ep_error *err);

/* The same without a thread, and of a log that may be open to read alone: what is new is found
 * after ep_query_service_catch_up. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_service_start_still(struct ep_query_service **out,
                                                        struct ep_node *node, struct ep_error *err);

/* Makes the index stand for the log as it is now; any thread may call. EP_NOT_FOUND  it is too far
 * behind the log, which is open to read alone. EP_CORRUPT, EP_NEWER, EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_service_catch_up(struct ep_query_service *service,
                                                     struct ep_error *err);

/* Has the thread make the catalogue follow at once, as it does after changes of the log: a search
 * has found that it is missing, damaged, or too far behind. Any thread may call. */
void ep_query_service_want_catalogue(struct ep_query_service *service);

/* Starts one that answers by other engines (match/engine.h), without a node: nothing is followed.
 * engines is copied. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_service_start_by(struct ep_query_service **out,
                                                     const struct ep_engines *engines,
                                                     struct ep_error *err);
void ep_query_service_stop(struct ep_query_service *service);
EP_DEFINE_OWNED(struct ep_query_service, ep_query_service_stop)

/* Whether the index can be searched; else it is being made. */
bool ep_query_service_ready(struct ep_query_service *service);

/* Answers pairs, which are sorted, as ep_match does. The texts of the answer are copied into texts,
 * and are good until that is reset. As ep_query_service_answer. */
EP_MUST_USE enum ep_status ep_query_service_match(struct ep_answer *answer,
                                                  struct ep_query_service *service,
                                                  struct ep_arena *texts, struct ep_pairs *pairs,
                                                  const struct ep_match_speeds *speeds,
                                                  struct ep_error *err);

/* Fills the texts of an answer by the track at a position of the log, as ep_match_name_at does.
 * They are as those of ep_query_service_match. */
EP_MUST_USE enum ep_status ep_query_service_name(struct ep_answer *answer,
                                                 struct ep_query_service *service,
                                                 struct ep_arena *texts, uint64_t position,
                                                 struct ep_error *err);

/* Appends the answer to a code string as a JSON object (answer.h). What was put into the log
 * before is found, but for what came in the last moment. EP_NOT_FOUND  the index is being made.
 * EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_service_answer(struct ep_query_service *service,
                                                   struct ep_buffer *json, struct ep_text code,
                                                   struct ep_error *err);

#endif
