/* json_text.h - texts in JSON, which takes nothing but UTF-8 */
#ifndef EP_FORMAT_JSON_TEXT_H
#define EP_FORMAT_JSON_TEXT_H

#include "base/text.h"

#include <jansson.h>

/* A text in JSON; bytes that are no UTF-8 are replaced by U+FFFD. NULL where there is no memory. */
json_t *ep_json_text(struct ep_text text);

#endif
