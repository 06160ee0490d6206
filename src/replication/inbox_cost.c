#include "base/file.h"
#include "format/packet_cost.h"
#include "replication/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ep_status
read_file(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	const int *fd = context;
	ssize_t done;
	do
		done = read(*fd, bytes, size);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return ep_fail_errno(err, errno, "cannot read the contribution");
	*got = (size_t)done;
	return EP_OK;
}

enum ep_status
ep_inbox_weigh(const char *path, struct ep_error *err)
{
	struct stat info;
	uint64_t cost;
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	int borrowed = fd;
	struct ep_source source = { .read = read_file, .context = &borrowed };
	return ep_packet_weigh(&cost, source, (uint64_t)info.st_size, err);
}
