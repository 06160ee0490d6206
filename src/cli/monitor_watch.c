#include "cli/monitor_watch.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

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
	bool changed = !same(&now, &watch->as_read);
	watch->as_read = now;
	return asked || changed;
}
