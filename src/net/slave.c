#include "net/slave.h"

#include "net/way.h"
#include "node/node_name.h"

#include <stdio.h>

enum ep_status
ep_slave_join(bool *waits, struct ep_log *log, struct ep_invitation *invitation, bool has_secret,
              const char *mirror, const atomic_bool *stop, struct ep_error *err)
{
	EP_OWNED(ep_way_close)
	struct ep_way *way = NULL;
	EP_OWNED(ep_way_close)
	struct ep_way *feed = NULL;
	EP_TRY(ep_way_open(&way, invitation->url, stop, err));
	snprintf(invitation->url, sizeof invitation->url, "%s", ep_way_url(way));
	if (mirror)
		EP_TRY(ep_way_open(&feed, mirror, stop, err));
	EP_TRY(ep_join_check(ep_way_transport(feed ? feed : way), &invitation->key, err));
	return ep_join_master(waits, log, ep_way_transport(way), invitation, has_secret,
	                      feed ? ep_way_url(feed) : NULL, err);
}

enum ep_status
ep_slave_sync(struct ep_sync_report *report, struct ep_log *log,
              const struct ep_sync_options *options, struct ep_error *err)
{
	EP_OWNED(ep_way_close)
	struct ep_way *master = NULL;
	EP_OWNED(ep_way_close)
	struct ep_way *feed = NULL;
	char name[EP_SOURCE_NAME_MAX + 1];
	struct ep_sync_options wanted = *options;
	wanted.name = name;
	EP_TRY(ep_log_node_name(name, log, err));
	EP_TRY(ep_way_of_master(&master, EP_WAY_MASTER, log, wanted.stop, err));
	EP_TRY(ep_way_of_master(&feed, EP_WAY_FEED, log, wanted.stop, err));
	enum ep_status status = ep_sync(report, log, ep_way_transport(master),
	                                ep_way_transport(feed), &wanted, err);
	if (status != EP_INTERRUPTED)
		ep_sync_note(log, status, err);
	return status;
}
