/* keep_others.h - the other systems that `serve` keeps in step with the log */
#ifndef EP_CLI_KEEP_OTHERS_H
#define EP_CLI_KEEP_OTHERS_H

#include "net/solr/solr.h"
#include "node/node.h"

struct ep_others;

struct ep_others_options {
	struct ep_node *node; /* open for writing */
	const struct ep_solr_options *solr; /* NULL: no collection */
	const char *old_solr; /* of servers of 2011: as of ep_legacy_push_options; NULL: none */
	const char *old_tyrant;
	bool ascii; /* the same */
	void (*on_line)(void *context, bool detail, const char *line);
	void *context;
};

/* Starts what is asked for. options is copied, what it points to borrowed. EP_USAGE, EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_others_start(struct ep_others **out,
                                           const struct ep_others_options *options,
                                           struct ep_error *err);
void ep_others_stop(struct ep_others *others);

#endif
