#include "backup/compact.h"

#include "plays/plays.h"

enum ep_status
ep_compact(struct ep_compact_report *report, struct ep_node *node, struct ep_error *err)
{
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = NULL;
	struct ep_compact_report made = { 0 };
	enum ep_status status = ep_plays_open(&plays, ep_node_options(node)->folder, false,
	                                      ep_node_options(node)->map_size, err);
	if (status != EP_NOT_FOUND)
		EP_TRY(status);
	/* Both are free before one of them is changed. */
	EP_TRY(ep_log_take_alone(ep_node_log(node), err));
	if (plays)
		EP_TRY(ep_plays_take_alone(plays, err));
	EP_TRY(ep_node_follow_index(node, err));
	EP_TRY(ep_log_compact(&made.log, ep_node_log(node), err));
	if (plays)
		EP_TRY(ep_plays_compact(&made.plays, plays, err));
	*report = made;
	return EP_OK;
}
