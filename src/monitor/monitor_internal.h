/* monitor_internal.h - what the files of the monitor share; of no use elsewhere */
#ifndef EP_MONITOR_MONITOR_INTERNAL_H
#define EP_MONITOR_MONITOR_INTERNAL_H

#include "monitor/channel.h"
#include "monitor/monitor.h"
#include "monitor/webhook.h"

struct ep_monitor {
	struct ep_monitor_options options;
	struct ep_plays *plays;
	struct ep_query_service *queries;
	struct ep_recorder *recorder;
	struct ep_learner *learner;
	struct ep_webhook *webhook;
	struct ep_streams *streams;
	struct ep_channel **channels;
	size_t count;
	int lock_fd;
	double noted_s;
	struct ep_monitor_config rest; /* what could not be applied completely, with has_rest */
	bool has_rest;
	double rest_s; /* when that was tried last */
	char rest_why[sizeof((struct ep_error *)0)->text]; /* and why it failed */
	atomic_bool events; /* there may be some that were not told */
	uint64_t told; /* position of the last event that was */
};

/* Tries again what of a config could not be applied, when it is time. */
void ep_monitor_apply_rest(struct ep_monitor *monitor);

#endif
