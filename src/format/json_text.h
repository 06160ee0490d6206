/* json_text.h - texts in JSON, which takes nothing but UTF-8 */
#ifndef EP_FORMAT_JSON_TEXT_H
#define EP_FORMAT_JSON_TEXT_H

#include "base/status.h"
#include "base/text.h"

#include <jansson.h>

/* A text in JSON; bytes that are no UTF-8 are replaced by U+FFFD. NULL where there is no memory. */
json_t *ep_json_text(struct ep_text text);

/* Appends an item to an array, and takes it over; NULL: there was no memory for it. what: of which
 * the message says that there is no memory for it. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_json_add(json_t *array, json_t *item, const char *what,
                                       struct ep_error *err);

#endif
