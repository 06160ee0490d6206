/* hear.h - the songs of a stream of samples, on an index that follows the log meanwhile */
#ifndef EP_NODE_HEAR_H
#define EP_NODE_HEAR_H

#include "match/listen.h"
#include "node/node.h"

/* Reads raw samples (ep_audio_stream) from fd until the stream ends, or the node's `stop` is set,
 * which is how a stream without end ends, and tells the songs in it.
 *
 * calls  whom to tell; its match and name are not used. As ep_node_open_index, ep_audio_stream,
 *        and what the calls fail with. */
EP_MUST_USE enum ep_status ep_node_listen(struct ep_node *node, int fd,
                                          const struct ep_listen_calls *calls,
                                          struct ep_error *err);

#endif
