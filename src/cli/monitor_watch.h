/* monitor_watch.h - tells when the configuration of `monitor` is to be read again */
#ifndef EP_CLI_MONITOR_WATCH_H
#define EP_CLI_MONITOR_WATCH_H

#include <stdbool.h>
#include <sys/stat.h>

struct ep_watch {
	const char *path; /* NULL: nothing is watched */
	struct stat as_read;
	struct stat seen; /* the newest */
	double seen_at; /* when it was first seen so, by ep_clock_s */
};

/* Begins with the file as it is now; path (borrowed) may be NULL. */
void ep_watch_start(struct ep_watch *watch, const char *path);

/* Whether the file has changed and was then left alone for a second: one that is away, or changes,
 * is being written. */
bool ep_watch_changed(struct ep_watch *watch);

#endif
