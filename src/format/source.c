#include "format/source.h"

#include <errno.h>
#include <unistd.h>

static enum ep_status
read_fd(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	const int *fd = context;
	ssize_t done;
	do
		done = read(*fd, bytes, size);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return ep_fail_errno(err, errno, "cannot read the file");
	*got = (size_t)done;
	return EP_OK;
}

struct ep_source
ep_source_of_fd(int *fd)
{
	return (struct ep_source){ .read = read_fd, .context = fd };
}
