#include "cli/monitor_watch.h"

#include "base/time.h"

#include <stddef.h>

/* A file that was not changed for so long, in seconds, has been written. */
#define QUIET_S 1.0

void
ep_watch_start(struct ep_watch *watch, const char *path)
{
	*watch = (struct ep_watch){ .path = path };
	if (path)
		(void)stat(path, &watch->as_read);
}

static bool
same(const struct stat *one, const struct stat *other)
{
	return one->st_ino == other->st_ino && one->st_dev == other->st_dev &&
	       one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
	       one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

bool
ep_watch_changed(struct ep_watch *watch)
{
	struct stat now;
	if (!watch->path || stat(watch->path, &now) != 0)
		return false;
	if (!same(&now, &watch->seen)) {
		watch->seen = now;
		watch->seen_at = ep_clock_s();
	}
	bool changed = !same(&now, &watch->as_read) && ep_clock_s() - watch->seen_at >= QUIET_S;
	if (changed)
		watch->as_read = now;
	return changed;
}
