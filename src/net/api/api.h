/* api.h - the HTTP interface /v1, which openapi.json describes
 *
 *     POST   /v1/identify             which tracks sound, samples or codes are from
 *     GET    /v1/tracks               the catalogue; POST  puts a track
 *     GET    /v1/tracks/ID            one track; PATCH, DELETE
 *     GET    /v1/tracks/ID/onsets     its onsets
 *     GET    /v1/changes              what changed behind a position, when something has
 *     GET    /v1/sources              who may contribute; POST  invites; DELETE /v1/sources/NAME
 *     GET    /v1/copies               what is a copy of what; POST  links; DELETE /v1/copies/ID
 *     GET    /v1/conflicts            versions that were set aside; POST  accepts or drops one
 *     GET    /v1/plays                what streams played, and when they were not heard
 *     GET    /v1/openapi.json         the description
 *
 * /v1/status is of `serve` (serve.h). Who may is decided there, by what each route needs.
 */
#ifndef EP_NET_API_API_H
#define EP_NET_API_API_H

#include "net/histogram.h"
#include "net/http.h"
#include "node/query_service.h"

#include <stdatomic.h>

#define EP_API_TREE "/v1/"

struct ep_api;

struct ep_api_options {
	struct ep_node *node; /* open for writing; borrowed, as what follows */
	struct ep_query_service *queries; /* of it */
	const atomic_bool *stop; /* once true, what takes long ends */
};

/* Makes it; options is copied. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_api_new(struct ep_api **out, const struct ep_api_options *options,
                                      struct ep_error *err);

/* Accepts NULL; nobody may be served any more. */
void ep_api_free(struct ep_api *api);
EP_DEFINE_OWNED(struct ep_api, ep_api_free)

/* How long requests to identify something took; its own. */
struct ep_histogram *ep_api_identify_time(struct ep_api *api);

/* How many questions these asked: code strings and files; its own. */
const atomic_uint_fast64_t *ep_api_identify_count(const struct ep_api *api);

/* Its routes, for `serve`; they are valid as long as it is. */
struct ep_http_routes ep_api_routes(struct ep_api *api);

#endif
