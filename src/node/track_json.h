/* track_json.h - a track that the user asks for, in JSON
 *
 *     {"track_id": ..., "copy_of": ID or null, "source": ..., "import_date": ..., "position": n,
 *      "confirmed": true or false, "documents": [{...}], "fields": {...}}
 *
 * "fields" is only there where the track has some.
 */
#ifndef EP_NODE_TRACK_JSON_H
#define EP_NODE_TRACK_JSON_H

#include "node/track_view.h"

#include <jansson.h>

/* *json is the caller's. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_track_json(json_t **json, const struct ep_track_view *view,
                                         struct ep_error *err);

#endif
