/* base64.h - bytes as text in JSON: the standard alphabet, padded (RFC 4648) */
#ifndef EP_BASE_BASE64_H
#define EP_BASE_BASE64_H

#include "base/buffer.h"

/* Appends bytes as base64. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_base64_append(struct ep_buffer *out, struct ep_bytes bytes,
                                            struct ep_error *err);

/* Appends what a text, ended by NUL, stands for. EP_BAD_INPUT  it is no base64. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_base64_decode(struct ep_buffer *out, const char *text,
                                            struct ep_error *err);

#endif
