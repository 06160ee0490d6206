/* monitor_watch.h - tells when the configuration of `monitor` is to be read again */
#ifndef EP_CLI_MONITOR_WATCH_H
#define EP_CLI_MONITOR_WATCH_H

#include <stdbool.h>
#include <sys/stat.h>

struct ep_watch {
	const char *path; /* NULL: nothing is watched */
	struct stat as_read;
};

/* From now on SIGHUP asks for it, where path (borrowed) is not NULL. */
void ep_watch_start(struct ep_watch *watch, const char *path);

/* Whether there was a SIGHUP, or the file has changed, since the last call. One that is away is
 * being replaced: it has not changed until it is there again. */
bool ep_watch_changed(struct ep_watch *watch);

#endif
