#include "cli/open_node.h"

/* There is one terminal, and one call. */
static struct terminal {
	const struct ep_call *call;
	double shown; /* since when; 0: nothing is */
} terminal;

static void
on_work(void *context, enum ep_node_work work, uint64_t position, uint64_t last)
{
	struct terminal *at = context;
	if (work == EP_NODE_RESTS) {
		ep_show_progress(&at->shown, "%s", "");
		at->shown = 0;
	} else if (ep_shows_progress(at->call) && work == EP_NODE_INDEXES) {
		ep_show_progress(&at->shown, "indexing: position %s of %s", ep_grouped(position),
		                 ep_grouped(last));
	} else if (ep_shows_progress(at->call) && work == EP_NODE_LISTS) {
		ep_show_progress(&at->shown, "adding names to the catalogue: position %s of %s",
		                 ep_grouped(position), ep_grouped(last));
	} else if (ep_shows_progress(at->call)) {
		ep_show_progress(&at->shown, "looking for copies: position %s of %s",
		                 ep_grouped(position), ep_grouped(last));
	}
}

enum ep_status
ep_open_node(struct ep_node **node, const struct ep_call *call, enum ep_log_mode mode, bool dry,
             struct ep_error *err)
{
	struct ep_node_options options = { .folder = call->folder,
		                           .mode = mode,
		                           .dry = dry,
		                           .stop = call->stop,
		                           .on_work = on_work,
		                           .context = &terminal };
	terminal.call = call;
	return ep_node_open(node, &options, err);
}
