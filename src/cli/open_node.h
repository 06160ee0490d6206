/* open_node.h - the node that a command is about, which shows on the terminal what it is at */
#ifndef EP_CLI_OPEN_NODE_H
#define EP_CLI_OPEN_NODE_H

#include "cli/cli.h"
#include "node/node.h"

/* Opens the node of the command line; progress is shown where the call asks for it. dry: nothing is
 * to stay. As ep_node_open. */
EP_MUST_USE enum ep_status ep_open_node(struct ep_node **node, const struct ep_call *call,
                                        enum ep_log_mode mode, bool dry, struct ep_error *err);

#endif
