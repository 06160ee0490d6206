#include "replication/mirror.h"

#include "base/file.h"
#include "format/feed.h"
#include "replication/feed_files.h"
#include "replication/feed_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- one packet ---- */

static uint64_t
size_of(int fd)
{
	struct stat info;
	return fstat(fd, &info) == 0 ? (uint64_t)info.st_size : 0;
}

enum ep_status
ep_fetch_packet(uint64_t *bytes, const char *path, const struct ep_feed_packet *packet,
                const struct ep_transport *transport, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	EP_FD int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot make %s", path);
	for (int attempt = 0; attempt < 2; attempt++) {
		bool good = false;
		uint64_t before = size_of(fd);
		if (before < packet->size)
			EP_TRY(transport->packet(transport->context, fd, name, packet->size, err));
		*bytes += size_of(fd) > before ? size_of(fd) - before : 0;
		EP_TRY(ep_feed_check_file(&good, fd, packet, path, err));
		if (good)
			return EP_OK;
		if (ftruncate(fd, 0) != 0)
			return ep_fail_errno(err, errno, "cannot empty %s", path);
	}
	return ep_fail(err, EP_CORRUPT, "packet %s was damaged on the way, twice", name);
}

/* ---- a folder of packets ---- */

/* Fetches a packet that the copy does not have; it gets its name when it is whole. */
static enum ep_status
copy_packet(uint64_t *bytes, const char *packets, const struct ep_feed_packet *packet,
            const struct ep_transport *transport, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	EP_FREE char *part = NULL;
	ep_feed_packet_name(name, packet);
	EP_FREE char *path = ep_path_join(packets, name);
	if (!path || asprintf(&part, "%s/.%s.part", packets, name) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (eaccess(path, F_OK) == 0)
		return EP_OK;
	EP_TRY(ep_fetch_packet(bytes, part, packet, transport, err));
	EP_FD int fd = open(part, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0 || rename(part, path) != 0)
		return ep_fail_errno(err, errno, "cannot make %s", path);
	return EP_OK;
}

enum ep_status
ep_mirror(uint64_t *bytes, const char *folder, struct ep_text text, const struct ep_feed *feed,
          const struct ep_transport *transport, struct ep_error *err)
{
	EP_FREE char *packets = ep_path_join(folder, EP_FEED_PACKETS);
	EP_FREE char *json = ep_path_join(folder, EP_FEED_JSON);
	if (!packets || !json)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_make_folder(packets, err));
	for (size_t i = 0; i < feed->packet_count; i++) {
		if (feed->packets[i].size > 0)
			EP_TRY(copy_packet(bytes, packets, &feed->packets[i], transport, err));
	}
	EP_TRY(ep_sync_folder(packets, err));
	EP_TRY(ep_replace_file(json, text.at, text.size, 0600, err));
	ep_feed_sweep(packets, feed);
	return EP_OK;
}
