/* open_node.h - the node that a command is about, which shows on the terminal what it is at */
#ifndef EP_CLI_OPEN_NODE_H
#define EP_CLI_OPEN_NODE_H

#include "cli/cli.h"
#include "node/node.h"

/* The map of a log, in bytes, as ECHOPRINT_MAP_SIZE says; 0: it says nothing. EP_USAGE. */
EP_MUST_USE enum ep_status ep_map_size(size_t *size, struct ep_error *err);

/* Opens the log of the command line. As ep_log_open and ep_map_size. */
EP_MUST_USE enum ep_status ep_open_log(struct ep_log **log, const struct ep_call *call,
                                       enum ep_log_mode mode, struct ep_error *err);

/* Opens the node of the command line; progress is shown where the call asks for it. dry: nothing is
 * to stay. As ep_node_open and ep_map_size. */
EP_MUST_USE enum ep_status ep_open_node(struct ep_node **node, const struct ep_call *call,
                                        enum ep_log_mode mode, bool dry, struct ep_error *err);

#endif
