#include "cli/monitor_watch.h"

#include "base/time.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* A file that was not changed for so long, in seconds, has been written. */
#define QUIET_S 1.0

static atomic_bool hung_up;

static void
on_hangup(int number)
{
	(void)number;
	atomic_store(&hung_up, true);
}

void
ep_watch_start(struct ep_watch *watch, const char *path)
{
	*watch = (struct ep_watch){ .path = path };
	if (!path)
		return;
	struct sigaction action = { .sa_handler = on_hangup };
	sigemptyset(&action.sa_mask);
	sigaction(SIGHUP, &action, NULL);
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
	bool asked = atomic_exchange(&hung_up, false);
	if (!watch->path || stat(watch->path, &now) != 0)
		return asked;
	if (!same(&now, &watch->seen)) {
		watch->seen = now;
		watch->seen_at = ep_clock_s();
	}
	bool changed = !same(&now, &watch->as_read) && ep_clock_s() - watch->seen_at >= QUIET_S;
	if (asked || changed)
		watch->as_read = now;
	return asked || changed;
}
