#include "sync/feed_files.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/time.h"
#include "sync/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files that feed.json no longer names stay for so long. */
#define GRACE_S 3600

#define TURN_FILE ".checked"

/* So many notes of slaves are looked at, at a time. */
#define NOTES_MAX 4096

/* ---- one file ---- */

enum ep_status
ep_feed_check_file(bool *good, int fd, const struct ep_feed_packet *packet, const char *path,
                   struct ep_error *err)
{
	struct ep_sha256 sha;
	struct ep_hash hash;
	EP_FREE uint8_t *bytes = malloc(65536);
	uint64_t size = 0;
	if (!bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	ep_sha256_init(&sha);
	if (lseek(fd, 0, SEEK_SET) != 0)
		return ep_fail_errno(err, errno, "cannot read %s", path);
	for (size_t got = 1; got > 0; size += got) {
		EP_TRY(ep_read_some(&got, fd, bytes, 65536, path, err));
		ep_sha256_add(&sha, bytes, got);
	}
	ep_sha256_done(&hash, &sha);
	*good = size == packet->size && memcmp(&hash, &packet->sha256, EP_HASH_SIZE) == 0;
	return EP_OK;
}

/* Whether the packet says the same of its range as the feed does. */
static bool
has_range(int fd, const struct ep_feed_packet *packet)
{
	uint8_t bytes[EP_PACKET_FRONT];
	if (pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return false;
	struct ep_packet_front front = ep_packet_front(bytes);
	return front.after == packet->after && front.last == packet->last;
}

static bool
has_size(int packets, const char *name, const struct ep_feed_packet *packet)
{
	struct stat info;
	return fstatat(packets, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
	       (uint64_t)info.st_size == packet->size;
}

/* Whether a packet can be read as it should be. A disk that fails to give its bytes has none. */
static enum ep_status
check_bytes(bool *good, int packets, const struct ep_feed_packet *packet, struct ep_error *err)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, packet);
	*good = false;
	if (!has_size(packets, name, packet))
		return EP_OK;
	EP_FD int fd = openat(packets, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return ep_fail_errno(err, errno, "cannot open %s", name);
	if (fd < 0)
		return EP_OK;
	enum ep_status status = ep_feed_check_file(good, fd, packet, name, err);
	if (status == EP_IO)
		return EP_OK;
	*good = status == EP_OK && *good && has_range(fd, packet);
	return status;
}

/* ---- a turn ---- */

/* A check on its way. */
struct check {
	const char *folder;
	const struct ep_feed *feed;
	const atomic_bool *stop;
	int packets; /* its folder */
	bool *damaged;
	uint64_t left; /* bytes that may still be hashed */
};

static enum ep_status
check_packet(struct check *check, size_t at, struct ep_error *err)
{
	const struct ep_feed_packet *packet = &check->feed->packets[at];
	bool good;
	if (check->stop && atomic_load(check->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (packet->size == 0 || check->damaged[at])
		return EP_OK;
	EP_TRY(check_bytes(&good, check->packets, packet, err));
	check->damaged[at] = !good;
	check->left -= packet->size < check->left ? packet->size : check->left;
	return EP_OK;
}

static bool
is_behind(const struct ep_feed_packet *one, const struct ep_feed_packet *other)
{
	return one->last > other->last || (one->last == other->last && one->after > other->after);
}

/* The packet behind the one that was checked last; packet_count: there is none. */
static size_t
next_of(const struct ep_feed *feed, const struct ep_feed_packet *checked)
{
	size_t next = feed->packet_count;
	for (size_t i = 0; i < feed->packet_count; i++) {
		const struct ep_feed_packet *packet = &feed->packets[i];
		if (is_behind(packet, checked) &&
		    (next == feed->packet_count || is_behind(&feed->packets[next], packet)))
			next = i;
	}
	return next;
}

static void
load_turn(struct ep_feed_packet *checked, const char *path)
{
	char text[64] = "";
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	*checked = (struct ep_feed_packet){ 0 };
	if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 &&
	    sscanf(text, "%" SCNu64 " %" SCNu64, &checked->last, &checked->after) != 2)
		*checked = (struct ep_feed_packet){ 0 };
}

/* Where it is lost, the turn begins again; so nothing waits for it to be durable. */
static void
store_turn(const struct ep_feed_packet *checked, const char *path)
{
	char text[64];
	/* Not into what somebody left there. */
	(void)unlink(path);
	if (checked->last == 0)
		return;
	EP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	int size = snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 "\n", checked->last,
	                    checked->after);
	if (fd >= 0)
		(void)!write(fd, text, (size_t)size);
}

/* Hashes what comes next, as far as the bytes go. */
static enum ep_status
take_turn(struct check *check, bool *ended, struct ep_error *err)
{
	struct ep_feed_packet checked;
	EP_FREE char *path = ep_path_join(check->folder, TURN_FILE);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	load_turn(&checked, path);
	bool was_there = checked.last > 0;
	while (!*ended && check->left > 0) {
		size_t next = next_of(check->feed, &checked);
		*ended = next == check->feed->packet_count;
		checked = *ended ? (struct ep_feed_packet){ 0 } : check->feed->packets[next];
		if (!*ended)
			EP_TRY(check_packet(check, next, err));
	}
	if (was_there || checked.last > 0)
		store_turn(&checked, path);
	return EP_OK;
}

void
ep_feed_check_anew(const char *folder)
{
	EP_FREE char *path = ep_path_join(folder, TURN_FILE);
	if (path)
		(void)unlink(path);
}

/* ---- what slaves found ---- */

static bool
is_named(size_t *at, const struct ep_feed *feed, const char *name)
{
	char named[EP_FEED_NAME];
	for (size_t i = 0; i < feed->packet_count; i++) {
		ep_feed_packet_name(named, &feed->packets[i]);
		if (feed->packets[i].size == 0 || strcmp(named, name) != 0)
			continue;
		*at = i;
		return true;
	}
	return false;
}

/* Opens the list of slaves' notes; NULL where there is none, or something else in its place. */
static DIR *
open_notes(const char *folder)
{
	EP_FOLDER struct ep_folder opened = EP_FOLDER_NONE;
	EP_FOLDER struct ep_folder notes = EP_FOLDER_NONE;
	DIR *names = NULL;
	if (ep_folder_open(&opened, folder, NULL) != EP_OK ||
	    ep_folder_enter(&notes, &opened, EP_FEED_DAMAGED, NULL) != EP_OK ||
	    ep_folder_list(&names, &notes, NULL) != EP_OK)
		return NULL;
	return names;
}

static enum ep_status
check_doubted(struct check *check, struct ep_error *err)
{
	DIR *notes = open_notes(check->folder);
	struct dirent *item;
	enum ep_status status = EP_OK;
	for (int i = 0; i < NOTES_MAX && notes && status == EP_OK && check->left > 0 &&
	                (item = readdir(notes)) != NULL;
	     i++) {
		size_t at;
		if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
			continue;
		if (is_named(&at, check->feed, item->d_name))
			status = check_packet(check, at, err);
		if (status == EP_OK)
			(void)unlinkat(dirfd(notes), item->d_name, 0);
	}
	if (notes)
		closedir(notes);
	return status;
}

void
ep_feed_doubt(const char *folder, const char *name)
{
	EP_FOLDER struct ep_folder opened = EP_FOLDER_NONE;
	EP_FOLDER struct ep_folder packets = EP_FOLDER_NONE;
	EP_FOLDER struct ep_folder notes = EP_FOLDER_NONE;
	struct stat info;
	if (ep_folder_open(&opened, folder, NULL) != EP_OK ||
	    ep_folder_enter(&packets, &opened, EP_FEED_PACKETS, NULL) != EP_OK ||
	    fstatat(packets.fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
	    ep_folder_make(&notes, &opened, EP_FEED_DAMAGED, NULL) != EP_OK)
		return;
	EP_FD int fd =
		openat(notes.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	(void)fd;
}

/* ---- all of them ---- */

enum ep_status
ep_feed_check(bool *damaged, size_t *count, bool *ended, const char *folder,
              const struct ep_feed *feed, uint64_t bytes, const atomic_bool *stop,
              struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, EP_FEED_PACKETS);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_FD int packets = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct check check = { folder, feed, stop, packets, damaged, bytes };
	for (size_t i = 0; i < feed->packet_count; i++) {
		char name[EP_FEED_NAME];
		ep_feed_packet_name(name, &feed->packets[i]);
		damaged[i] = feed->packets[i].size > 0 &&
		             (packets < 0 || !has_size(packets, name, &feed->packets[i]));
	}
	*ended = false;
	if (bytes > 0 && packets >= 0) {
		EP_TRY(check_doubted(&check, err));
		EP_TRY(take_turn(&check, ended, err));
	}
	*count = 0;
	for (size_t i = 0; i < feed->packet_count; i++)
		*count += damaged[i];
	return EP_OK;
}

/* ---- names that are taken ---- */

#define NAMES_MAX 100

enum ep_status
ep_feed_part(int *fd, char **out, const char *folder, const char *name, struct ep_error *err)
{
	for (int i = 1; i <= NAMES_MAX; i++) {
		char number[16] = "";
		EP_FREE char *path = NULL;
		if (i > 1)
			snprintf(number, sizeof number, "-%d", i);
		if (asprintf(&path, "%s/%s%s.part", folder, name, number) < 0)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		(void)unlink(path);
		*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (*fd < 0 && errno == EEXIST && i < NAMES_MAX)
			continue;
		if (*fd < 0)
			return ep_fail_errno(err, errno, "cannot create %s", path);
		*out = EP_TAKE(path);
		return EP_OK;
	}
	return ep_fail(err, EP_IO, "cannot create %s/%s.part", folder, name);
}

enum ep_status
ep_feed_make_way(bool *moved, const char *path, bool folder, struct ep_error *err)
{
	struct stat info;
	*moved = false;
	if (lstat(path, &info) != 0 ||
	    (folder ? S_ISDIR(info.st_mode) || S_ISLNK(info.st_mode) : !S_ISDIR(info.st_mode)))
		return EP_OK;
	for (int i = 1; i <= NAMES_MAX && !*moved; i++) {
		char number[16] = "";
		EP_FREE char *away = NULL;
		if (i > 1)
			snprintf(number, sizeof number, "-%d", i);
		if (asprintf(&away, "%s.away%s", path, number) < 0)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		if (lstat(away, &info) == 0)
			continue;
		if (rename(path, away) != 0)
			return ep_fail_errno(err, errno, "cannot rename %s to %s", path, away);
		*moved = true;
	}
	return *moved ? EP_OK
	              : ep_fail(err, EP_IO,
	                        "%s is not a %s, and cannot be renamed: all names for it are taken",
	                        path, folder ? "folder" : "file");
}

/* ---- files that go ---- */

void
ep_feed_retire(const char *packets, const struct ep_feed *old, const struct ep_feed *feed)
{
	size_t at;
	for (size_t i = 0; i < old->packet_count; i++) {
		char name[EP_FEED_NAME];
		ep_feed_packet_name(name, &old->packets[i]);
		EP_FREE char *path = ep_path_join(packets, name);
		if (path && old->packets[i].size > 0 && !is_named(&at, feed, name))
			(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
	}
}

void
ep_feed_sweep(const char *packets, const struct ep_feed *feed)
{
	DIR *folder = opendir(packets);
	struct dirent *item;
	size_t at;
	while (folder && (item = readdir(folder)) != NULL) {
		struct stat info;
		const char *dot = strrchr(item->d_name, '.');
		if (!dot || (strcmp(dot, ".packet") != 0 && strcmp(dot, ".part") != 0) ||
		    is_named(&at, feed, item->d_name) ||
		    fstatat(dirfd(folder), item->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (info.st_mtime < ep_time_now() - GRACE_S)
			(void)unlinkat(dirfd(folder), item->d_name, 0);
	}
	if (folder)
		closedir(folder);
}

void
ep_feed_drop(const char *packets, const struct ep_feed_packet *packet, const struct ep_feed *feed)
{
	char name[EP_FEED_NAME];
	size_t at;
	ep_feed_packet_name(name, packet);
	EP_FREE char *path = ep_path_join(packets, name);
	if (path && !is_named(&at, feed, name))
		(void)unlink(path);
}
