#include "sync/slave/mirror.h"

#include "base/file.h"
#include "format/feed.h"
#include "sync/feed_files.h"
#include "sync/places.h"

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

/* Fetches what is not in the file at path yet, which is made where it is not there. */
static enum ep_status
fetch_rest(bool *good, uint64_t *bytes, const char *path, const struct ep_feed_packet *packet,
           bool again, const struct ep_transport *transport, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	EP_FD int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot create %s", path);
	uint64_t before = size_of(fd);
	enum ep_status status = EP_OK;
	if (before < packet->size)
		status = transport->packet(transport->context, fd, name, packet->size, again, err);
	*bytes += size_of(fd) > before ? size_of(fd) - before : 0;
	*good = false;
	/* One that gives more than the packet has is damaged, too. */
	if (status == EP_CORRUPT)
		return EP_OK;
	EP_TRY(status);
	return ep_feed_check_file(good, fd, packet, path, err);
}

enum ep_status
ep_fetch_packet(uint64_t *bytes, const char *path, const struct ep_feed_packet *packet,
                const struct ep_transport *transport, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	for (int attempt = 0; attempt < 2; attempt++) {
		bool good = false;
		EP_TRY(fetch_rest(&good, bytes, path, packet, attempt > 0, transport, err));
		if (good)
			return EP_OK;
		/* Not emptied: it may have another name, in a mirror's folder. */
		if (unlink(path) != 0)
			return ep_fail_errno(err, errno, "cannot remove %s", path);
	}
	return ep_fail(err, EP_CORRUPT, "packet %s was damaged on the way, twice", name);
}

/* ---- a folder of packets ---- */

/* Fetches a packet that the copy does not have as it should be; it gets its name when it is whole.
 */
static enum ep_status
copy_packet(uint64_t *bytes, const char *packets, const struct ep_feed_packet *packet,
            const struct ep_transport *transport, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	bool moved;
	EP_FREE char *part = NULL;
	ep_feed_packet_name(name, packet);
	EP_FREE char *path = ep_path_join(packets, name);
	if (!path || asprintf(&part, "%s/.%s.part", packets, name) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_fetch_packet(bytes, part, packet, transport, err));
	EP_TRY(ep_feed_make_way(&moved, path, false, err));
	EP_FD int fd = open(part, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0 || rename(part, path) != 0)
		return ep_fail_errno(err, errno, "cannot create %s", path);
	return EP_OK;
}

/* Fetches the packets that are not there, or are damaged. The others are fetched although one
 * fails, so that a packet that is damaged at the master keeps no other from being mended. */
static enum ep_status
copy_packets(uint64_t *bytes, const char *folder, const char *packets, const struct ep_feed *feed,
             const struct ep_transport *transport, uint64_t check_bytes, struct ep_error *err)
{
	EP_FREE bool *wanted = calloc(feed->packet_count + 1, sizeof *wanted);
	size_t count;
	bool ended;
	struct ep_error why = { 0 };
	if (!wanted)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the packets of a feed");
	EP_TRY(ep_feed_check(wanted, &count, &ended, folder, feed, check_bytes, NULL, err));
	for (size_t i = 0; count > 0 && i < feed->packet_count; i++) {
		if (!wanted[i])
			continue;
		struct ep_error now;
		enum ep_status status =
			copy_packet(bytes, packets, &feed->packets[i], transport, &now);
		if (status != EP_OK && status != EP_CORRUPT)
			return ep_fail(err, status, "%s", now.text);
		if (status == EP_CORRUPT && why.status == EP_OK)
			why = now;
	}
	if (why.status != EP_OK)
		return ep_fail(err, why.status, "%s", why.text);
	return count ? ep_sync_folder(packets, err) : EP_OK;
}

/* Gives what the copy had, and the new feed does not name, its last hour. */
static void
retire(const char *packets, const char *json, const struct ep_feed *feed)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FEED struct ep_feed old = { 0 };
	if (ep_read_file(&text, json, EP_FEED_JSON_MAX, NULL) == EP_OK &&
	    ep_feed_read(&old, ep_buffer_text(&text), &feed->key, NULL) == EP_OK)
		ep_feed_retire(packets, &old, feed);
}

enum ep_status
ep_mirror(uint64_t *bytes, const char *folder, struct ep_text text, const struct ep_feed *feed,
          const struct ep_transport *transport, uint64_t check_bytes, struct ep_error *err)
{
	EP_FREE char *packets = ep_path_join(folder, EP_FEED_PACKETS);
	EP_FREE char *json = ep_path_join(folder, EP_FEED_JSON);
	if (!packets || !json)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_make_folder(packets, err));
	EP_TRY(copy_packets(bytes, folder, packets, feed, transport, check_bytes, err));
	retire(packets, json, feed);
	EP_TRY(ep_replace_file(json, text.at, text.size, 0600, err));
	ep_feed_sweep(packets, feed);
	return EP_OK;
}

enum ep_status
ep_mirror_mend(uint64_t *bytes, const char *folder, const struct ep_key *key,
               const struct ep_transport *transport, uint64_t check_bytes, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FEED struct ep_feed feed = { 0 };
	EP_FREE char *packets = ep_path_join(folder, EP_FEED_PACKETS);
	EP_FREE char *json = ep_path_join(folder, EP_FEED_JSON);
	if (!packets || !json)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_read_file(&text, json, EP_FEED_JSON_MAX, err));
	EP_TRY(ep_feed_read(&feed, ep_buffer_text(&text), key, err));
	return copy_packets(bytes, folder, packets, &feed, transport, check_bytes, err);
}
