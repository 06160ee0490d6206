/* feed_folder.h - a node that publishes into a folder, where its slaves leave what they have for it
 */
#ifndef EP_NODE_FEED_FOLDER_H
#define EP_NODE_FEED_FOLDER_H

#include "node/node.h"
#include "sync/master/feed_writer.h"

struct ep_publish_options {
	bool new_epoch; /* begins a new history, above all that the folder shows */
	/* Told which file of a slave was refused, and why. */
	void (*on_refused)(const char *file, const char *why);
	/* Told which file of the feed is damaged, and what becomes of it. */
	void (*on_damage)(void *context, const char *file, const char *what);
	void *context;
};

/* Begins a new history with the feed that `serve` keeps in the data folder, before that is
 * published. As ep_feed_new_epoch. */
EP_MUST_USE enum ep_status ep_node_new_epoch(struct ep_node *node, struct ep_error *err);

/* Takes in what slaves left in the folder, links copies among it, and publishes. What lies there
 * keeps nobody from the feed: a failure of it is told only afterwards.
 *
 * taken  how many files were taken in. As ep_inbox_folder, ep_node_settle and ep_feed_publish. */
EP_MUST_USE enum ep_status ep_node_publish(struct ep_feed_report *report, size_t *taken,
                                           struct ep_node *node, const char *folder,
                                           const struct ep_publish_options *options,
                                           struct ep_error *err);

#endif
