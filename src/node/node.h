/* node.h - one open node: a data folder with its log, and the index that follows the log
 *
 * Commands and the server open one and call down. What takes long is told by on_work, from the
 * thread that called.
 */
#ifndef EP_NODE_NODE_H
#define EP_NODE_NODE_H

#include "catalogue/catalogue.h"
#include "index/index.h"
#include "peer/peer.h"
#include "store/log.h"

/* What a node is at. */
enum ep_node_work {
	EP_NODE_RESTS, /* it has ended, or failed */
	EP_NODE_INDEXES,
	EP_NODE_LINKS, /* looks for copies */
	EP_NODE_LISTS /* makes the catalogue */
};

struct ep_node_options {
	const char *folder; /* the data folder */
	enum ep_log_mode mode;
	size_t map_size; /* ep_log_open_within */
	const char *decoder; /* path of the decoder program (sound/process.h); NULL: as installed */
	bool dry; /* nothing is to stay: where there is no data folder, an empty one stands for it
	           */
	const atomic_bool *stop; /* ends what takes long; may be NULL */
	/* Told how far it is, position of last, and when it rests again; may be NULL. */
	void (*on_work)(void *context, enum ep_node_work work, uint64_t position, uint64_t last);
	void *context;
};

struct ep_node;

/* Opens a node; options is copied, what it points to borrowed. As ep_log_open. */
EP_MUST_USE enum ep_status ep_node_open(struct ep_node **out, const struct ep_node_options *options,
                                        struct ep_error *err);

/* Closes it; snapshots and writers of its log must have ended. Accepts NULL. */
void ep_node_close(struct ep_node *node);
EP_DEFINE_OWNED(struct ep_node, ep_node_close)

/* Its log, and how it was opened; both are the node's. ep_node_open_index may open the log anew. */
struct ep_log *ep_node_log(const struct ep_node *node);
const struct ep_node_options *ep_node_options(const struct ep_node *node);

/* *is_there says whether this node has joined a master; master is filled then. EP_CORRUPT, EP_IO.
 */
EP_MUST_USE enum ep_status ep_node_master(bool *is_there, struct ep_master *master,
                                          const struct ep_node *node, struct ep_error *err);

/* ---- the index ---- */

/* As ep_index_follow and ep_index_rebuild, telling on_work; the node is open for writing. */
EP_MUST_USE enum ep_status ep_node_follow_index(struct ep_node *node, struct ep_error *err);

/* The same after a change was committed: the text of a failure says first that it is kept. */
EP_MUST_USE enum ep_status ep_node_follow_change(struct ep_node *node, struct ep_error *err);
EP_MUST_USE enum ep_status ep_node_rebuild_index(struct ep_node *node, struct ep_error *err);

/* Reads the index back, all of its files; one that is only late is well. EP_CORRUPT  what is wrong
 * with it. EP_NEWER, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_node_check_index(const struct ep_node *node, struct ep_error *err);

/* Opens the index for queries; where it is far behind it is brought up to date first, and the log
 * opened again for that: nobody may use it meanwhile. As ep_index_open and ep_index_follow. */
EP_MUST_USE enum ep_status ep_node_open_index(struct ep_node *node, struct ep_error *err);

/* The index that was opened, or NULL; the node's. */
struct ep_index *ep_node_index(const struct ep_node *node);

/* Opens the index anew where the log has changed since it was opened, but not within
 * EP_NODE_REFRESH_S of the last time. While what changed it, a large ingest, is still at it, the
 * index stays as it was. Nobody may use the index meanwhile. EP_CORRUPT, EP_NEWER, EP_IO,
 * EP_NO_MEMORY. */
#define EP_NODE_REFRESH_S 30
EP_MUST_USE enum ep_status ep_node_refresh_index(struct ep_node *node, struct ep_error *err);

/* ---- the catalogue ---- */

/* As ep_catalogue_follow, telling on_work; the node is open for writing. */
EP_MUST_USE enum ep_status ep_node_follow_catalogue(struct ep_node *node,
                                                    struct ep_catalogue *catalogue,
                                                    struct ep_error *err);

#endif
