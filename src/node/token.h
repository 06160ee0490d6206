/* token.h - the secret that who ingests over HTTP has to show */
#ifndef EP_NODE_TOKEN_H
#define EP_NODE_TOKEN_H

#include "base/buffer.h"
#include "node/node.h"

/* Appends the token, ended by NUL, to an empty buffer. path is the file that it is in; NULL: that
 * in the data folder, which is made where it is not there. EP_BAD_INPUT  it is too short. EP_IO,
 * EP_NOT_FOUND, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_node_token(struct ep_buffer *token, const struct ep_node *node,
                                         const char *path, struct ep_error *err);

#endif
