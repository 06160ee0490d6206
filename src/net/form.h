/* form.h - parameters as HTML forms send them: application/x-www-form-urlencoded */
#ifndef EP_NET_FORM_H
#define EP_NET_FORM_H

#include "base/buffer.h"
#include "base/text.h"

#include <stdbool.h>

/* Finds the first field of that name and appends its value, decoded, to out. *found says whether
 * there is one. Anything that is not an escape stands for itself. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_form_field(struct ep_buffer *out, bool *found, struct ep_text form,
                                         const char *name, struct ep_error *err);

/* Appends a byte of a value as an escape, as every byte may be. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_form_escape(struct ep_buffer *out, uint8_t byte,
                                          struct ep_error *err);

#endif
