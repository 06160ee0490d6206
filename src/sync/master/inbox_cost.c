#include "sync/master/inbox_cost.h"

#include "base/file.h"
#include "format/packet_cost.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum ep_status
ep_inbox_weigh(const char *path, struct ep_error *err)
{
	struct stat info;
	uint64_t cost;
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	int borrowed = fd;
	struct ep_source source = ep_source_of_fd(&borrowed);
	return ep_packet_weigh(&cost, source, (uint64_t)info.st_size, err);
}
