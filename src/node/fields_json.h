/* fields_json.h - the fields of a track in JSON: {"isrc": "USRC17607839"} */
#ifndef EP_NODE_FIELDS_JSON_H
#define EP_NODE_FIELDS_JSON_H

#include "store/track_fields.h"

#include <jansson.h>

/* NULL where there is no memory. */
json_t *ep_fields_json(const struct ep_fields *fields);

/* The same of their bytes, as an answer has them (ep_fields_write). NULL also where they are none.
 */
json_t *ep_fields_json_of(struct ep_text bytes);

#endif
