#include "backup/backup_folder.h"

#include "backup/page_map.h"
#include "backup/parts.h"
#include "base/file.h"
#include "base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAPS "maps"
#define PACKS "packs"

/* ---- names ---- */

static char *
path_in(const char *folder, const char *inner, const char *name)
{
	char *path;
	return asprintf(&path, "%s/%s/%s", folder, inner, name) < 0 ? NULL : path;
}

char *
ep_map_path(const char *folder, const char *name)
{
	return path_in(folder, MAPS, name);
}

char *
ep_pack_path(const char *folder, uint32_t number)
{
	char name[32];
	snprintf(name, sizeof name, "%08u.pack", number);
	return path_in(folder, PACKS, name);
}

static void
print_name(char name[EP_KEPT_NAME], uint32_t number, uint64_t position, const char *date)
{
	snprintf(name, EP_KEPT_NAME, "%08u-%" PRIu64 "-%s.map", number, position, date);
}

void
ep_map_name(char name[EP_KEPT_NAME], uint32_t number, uint64_t position, int64_t time)
{
	char text[EP_TIME_TEXT];
	char date[EP_KEPT_DATE];
	ep_time_print(text, time);
	size_t size = 0;
	for (const char *at = text; *at && size + 1 < sizeof date; at++) {
		if (*at != '-' && *at != ':')
			date[size++] = *at;
	}
	date[size] = '\0';
	print_name(name, number, position, date);
}

/* Reads the name of a map; false where it is none. */
static bool
read_name(struct ep_kept *kept, const char *name)
{
	char again[EP_KEPT_NAME];
	struct ep_kept found = { 0 };
	if (strlen(name) >= sizeof found.name ||
	    sscanf(name, "%8" SCNu32 "-%20" SCNu64 "-%16[0-9TZ].map", &found.number,
	           &found.position, found.date) != 3)
		return false;
	print_name(again, found.number, found.position, found.date);
	if (strcmp(again, name) != 0 || found.number == 0 || found.number > EP_BACKUP_NUMBER_MAX)
		return false;
	memcpy(found.name, again, sizeof again);
	*kept = found;
	return true;
}

/* ---- the list ---- */

static uint64_t
size_of(char *path)
{
	struct stat info;
	uint64_t size = path && stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
	free(path);
	return size;
}

static int
compare(const void *one, const void *other)
{
	uint32_t a = ((const struct ep_kept *)one)->number;
	uint32_t b = ((const struct ep_kept *)other)->number;
	return (a > b) - (a < b);
}

static enum ep_status
read_names(struct ep_buffer *found, DIR *names, const char *folder, struct ep_error *err)
{
	const struct dirent *item;
	while ((item = readdir(names)) != NULL) {
		struct ep_kept kept;
		if (!read_name(&kept, item->d_name))
			continue;
		kept.bytes = size_of(ep_map_path(folder, kept.name)) +
		             size_of(ep_pack_path(folder, kept.number));
		EP_TRY(ep_buffer_append(found, &kept, sizeof kept, err));
	}
	return EP_OK;
}

enum ep_status
ep_backup_folder_list(struct ep_kept **list, size_t *count, const char *folder,
                      struct ep_error *err)
{
	EP_BUFFER struct ep_buffer found = { 0 };
	EP_FREE char *maps = ep_path_join(folder, MAPS);
	if (!maps)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	DIR *names = opendir(maps);
	if (!names && (errno == ENOENT || errno == ENOTDIR))
		return ep_fail(err, EP_NOT_FOUND,
		               "%s is not a folder of backups: `backup --to DIR` makes one",
		               folder);
	if (!names)
		return ep_fail_errno(err, errno, "cannot open the folder %s", maps);
	enum ep_status status = read_names(&found, names, folder, err);
	closedir(names);
	EP_TRY(status);
	EP_TRY(ep_buffer_reserve(&found, 1, err)); /* never NULL */
	*count = found.size / sizeof **list;
	*list = (struct ep_kept *)(void *)found.data;
	found.data = NULL;
	if (*count)
		qsort(*list, *count, sizeof **list, compare);
	return EP_OK;
}

enum ep_status
ep_backup_folder_lock(int *lock, const char *folder, struct ep_error *err)
{
	EP_FREE char *maps = ep_path_join(folder, MAPS);
	EP_FREE char *packs = ep_path_join(folder, PACKS);
	EP_FREE char *path = ep_path_join(folder, "lock");
	if (!maps || !packs || !path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_make_folder(folder, err));
	EP_TRY(ep_make_folder(packs, err));
	EP_TRY(ep_make_folder(maps, err));
	EP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return ep_fail(err, EP_BAD_INPUT, "another process makes a backup in %s", folder);
	*lock = ep_fd_take(&fd);
	return EP_OK;
}

/* ---- what is needed ---- */

static enum ep_status
mark_table(uint8_t *needed, struct ep_page_file *map, struct ep_error *err)
{
	struct ep_container_reader *reader = ep_page_file_reader(map);
	struct ep_page_table table;
	EP_TRY(ep_page_table_read(&table, reader, err));
	for (uint64_t number = 0; number < table.count; number++) {
		struct ep_page_ref ref;
		EP_TRY(ep_page_ref_read(&ref, reader, err));
		needed[ref.pack / 8] |= (uint8_t)(1U << ref.pack % 8);
	}
	return EP_OK;
}

enum ep_status
ep_packs_needed(uint8_t *needed, const char *folder, const char *name, struct ep_error *err)
{
	EP_FREE char *path = ep_map_path(folder, name);
	EP_OWNED(ep_page_file_close)
	struct ep_page_file *map = NULL;
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_page_file_open(&map, path, err));
	for (;;) {
		const char *part;
		enum ep_status status = ep_container_next(&part, ep_page_file_reader(map), err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		if (strcmp(part, EP_PART_LOG) == 0 || strcmp(part, EP_PART_PLAYS) == 0)
			EP_TRY(mark_table(needed, map, err));
	}
}

/* Removes the packs that are not needed, and part files of killed runs. */
static enum ep_status
remove_packs(const uint8_t *needed, const char *folder, struct ep_error *err)
{
	EP_FREE char *packs = ep_path_join(folder, PACKS);
	DIR *names = packs ? opendir(packs) : NULL;
	const struct dirent *item;
	if (!names)
		return ep_fail_errno(err, errno, "cannot open the folder %s", packs);
	while ((item = readdir(names)) != NULL) {
		uint32_t number;
		int end = 0;
		if (sscanf(item->d_name, "%8" SCNu32 ".pack%n", &number, &end) != 1 || !end)
			continue;
		bool part = strcmp(item->d_name + end, ".part") == 0;
		bool old = !item->d_name[end] && (number > EP_BACKUP_NUMBER_MAX ||
		                                  !(needed[number / 8] >> number % 8 & 1));
		if (part || old)
			(void)unlinkat(dirfd(names), item->d_name, 0);
	}
	closedir(names);
	return ep_sync_folder(packs, err);
}

/* Removes maps[0..count), durably, before packs that they need go; and part files. */
static enum ep_status
remove_maps(const struct ep_kept *list, size_t count, const char *folder, struct ep_error *err)
{
	EP_FREE char *maps = ep_path_join(folder, MAPS);
	DIR *names = maps ? opendir(maps) : NULL;
	const struct dirent *item;
	int failed = 0;
	if (!names)
		return ep_fail_errno(err, errno, "cannot open the folder %s", maps);
	/* A map that stays needs its packs. */
	for (size_t i = 0; i < count && !failed; i++)
		failed = unlinkat(dirfd(names), list[i].name, 0) != 0 ? errno : 0;
	while ((item = readdir(names)) != NULL) {
		const char *end = strstr(item->d_name, ".map.part");
		if (end && strcmp(end, ".map.part") == 0)
			(void)unlinkat(dirfd(names), item->d_name, 0);
	}
	closedir(names);
	if (failed)
		return ep_fail_errno(err, failed, "cannot remove a file of %s", maps);
	return ep_sync_folder(maps, err);
}

enum ep_status
ep_backup_folder_sweep(const char *folder, size_t keep, struct ep_error *err)
{
	EP_FREE struct ep_kept *list = NULL;
	EP_FREE uint8_t *needed = calloc(1, EP_BACKUP_NUMBER_MAX / 8 + 1);
	size_t count = 0;
	if (!needed)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_backup_folder_list(&list, &count, folder, err));
	size_t gone = keep && count > keep ? count - keep : 0;
	/* While no map goes, only packs of killed runs are not needed: those above the newest map.
	 * Else all maps that stay are read before anything goes. */
	uint32_t newest = count ? list[count - 1].number : 0;
	for (uint32_t number = 0; !gone && number <= newest; number++)
		needed[number / 8] |= (uint8_t)(1U << number % 8);
	for (size_t i = gone; gone && i < count; i++)
		EP_TRY(ep_packs_needed(needed, folder, list[i].name, err));
	EP_TRY(remove_maps(list, gone, folder, err));
	return remove_packs(needed, folder, err);
}
