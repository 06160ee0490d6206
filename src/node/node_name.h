/* node_name.h - what a node is called: in files, by its master, on its page */
#ifndef EP_NODE_NODE_NAME_H
#define EP_NODE_NODE_NAME_H

#include "store/log.h"

/* The host's name as the name of a source, for nodes that were given none. */
void ep_host_name(char name[EP_SOURCE_NAME_MAX + 1]);

/* The name of this node: what `init` was told, else the host's. */
EP_MUST_USE enum ep_status ep_node_name(char name[EP_SOURCE_NAME_MAX + 1],
                                        const struct ep_log_read *read, struct ep_error *err);

/* The same, of an open log. */
EP_MUST_USE enum ep_status ep_log_node_name(char name[EP_SOURCE_NAME_MAX + 1], struct ep_log *log,
                                            struct ep_error *err);

/* The value under which the log keeps it. */
#define EP_NAME_VALUE "name"

#endif
