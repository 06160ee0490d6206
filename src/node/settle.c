#include "node/settle.h"

static void
on_progress(void *context, uint64_t position, uint64_t last)
{
	const struct ep_node_options *options = context;
	options->on_work(options->context, EP_NODE_LINKS, position, last);
}

/* What came is kept, whatever becomes of the catalogue: who searches it makes it up. */
static enum ep_status
follow_catalogue(struct ep_node *node, struct ep_error *err)
{
	EP_OWNED(ep_catalogue_free)
	struct ep_catalogue *catalogue = NULL;
	EP_TRY(ep_catalogue_new(&catalogue, ep_node_log(node), err));
	enum ep_status status = ep_node_follow_catalogue(node, catalogue, err);
	return status == EP_INTERRUPTED ? status : EP_OK;
}

enum ep_status
ep_node_settle(struct ep_copies_report *report, struct ep_node *node, struct ep_error *err)
{
	struct ep_node_options given = *ep_node_options(node);
	struct ep_copies_options options = { .stop = given.stop,
		                             .on_progress = given.on_work ? on_progress : NULL,
		                             .context = &given };
	*report = (struct ep_copies_report){ 0 };
	EP_TRY(ep_node_follow_index(node, err));
	enum ep_status status = ep_link_copies(report, ep_node_log(node), &options, err);
	if (given.on_work)
		given.on_work(given.context, EP_NODE_RESTS, 0, 0);
	if (status == EP_OK && report->tracks)
		status = ep_node_follow_index(node, err);
	return status == EP_OK ? follow_catalogue(node, err) : status;
}
