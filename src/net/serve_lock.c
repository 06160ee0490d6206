#include "net/serve_lock.h"

#include "base/file.h"
#include "net/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define NAME "serve.lock"

enum ep_status
ep_serve_lock(int *fd, const char *folder, const char *listen, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, NAME);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_FD int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	if (flock(lock, LOCK_EX | LOCK_NB) != 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "another `serve` is running on the data folder %s", folder);
	/* Only a warning depends on it: a full disk does not matter. */
	if (ftruncate(lock, 0) == 0)
		(void)!write(lock, listen, strlen(listen));
	*fd = ep_fd_take(&lock);
	return EP_OK;
}

bool
ep_serve_is_local(const char *folder)
{
	char listen[256];
	EP_FREE char *path = ep_path_join(folder, NAME);
	EP_FD int lock = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (lock < 0 || flock(lock, LOCK_SH | LOCK_NB) == 0)
		return false;
	ssize_t size = read(lock, listen, sizeof listen - 1);
	listen[size > 0 ? size : 0] = '\0';
	return ep_host_is_loopback(ep_host_of(listen));
}
