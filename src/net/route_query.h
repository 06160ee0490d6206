/* route_query.h - the answer to /query, of a node and of a front end */
#ifndef EP_NET_ROUTE_QUERY_H
#define EP_NET_ROUTE_QUERY_H

#include "net/http.h"
#include "node/query_service.h"

/* The longest body of a query. */
#define EP_QUERY_BODY_MAX ((uint64_t)16 << 20)

/* Answers with the match of the parameter fp_code, or why there can be no answer. */
void ep_answer_query(struct ep_query_service *queries, struct ep_http_request *request,
                     struct ep_http_answer *answer);

/* Answers with the status of a failure: 400 if the request is wrong, 503 and so on if this side
 * failed. */
void ep_answer_failure(struct ep_http_answer *answer, const struct ep_error *err);

#endif
