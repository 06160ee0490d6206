/* The disks: changes that were not synced are kept with what was there before. */
#include "disk.h"
#include "tests/must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES 4096
#define CHANGES 4096
#define IMAGES ((size_t)16 << 20) /* bytes as they were and as they came */
#define SECTOR 512

struct file {
	uint64_t inode;
	char path[DISK_PATH];
};

/* What children share. */
struct disks {
	bool keeps;
	uint64_t count; /* of changes by all */
	int victim; /* the machine that loses power or has a full disk; -1 */
	bool fills;
	unsigned left; /* changes until then */
	unsigned limbo;
	struct file files[FILES];
	size_t file_count;
	struct change changes[CHANGES];
	size_t change_count;
	size_t pending;
	size_t image_size;
	uint8_t images[IMAGES];
};

static struct disks *shared;
static char root[DISK_PATH];
static size_t root_size;

bool
disk_keeps(void)
{
	return shared->keeps;
}

bool
disk_in_trouble(void)
{
	return shared->victim == machine_acting();
}

uint8_t *
disk_bytes(size_t at)
{
	return shared->images + at;
}

void
disk_init(const char *folder)
{
	shared = machine_shared(sizeof *shared);
	snprintf(root, sizeof root, "%s", folder);
	root_size = strlen(root);
	disk_reset(false);
}

void
disk_reset(bool keeps)
{
	shared->keeps = keeps;
	shared->count = 0;
	shared->victim = -1;
	shared->limbo = 0;
	shared->change_count = 0;
	shared->pending = 0;
	shared->image_size = 0;
	shared->file_count = 0;
}

/* ---- the system ---- */

int
system_open(const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
system_rename(const char *from, const char *to)
{
	return (int)syscall(SYS_rename, from, to);
}

bool
disk_has(const char *path)
{
	return root_size && strncmp(path, root, root_size) == 0 && path[root_size] == '/' &&
	       !strstr(path, "/lock.mdb");
}

/* ---- changes ---- */

/* Where there is no more room, what came before counts as durable: it reaches the disk some day. */
struct change *
disk_change(enum change_kind kind, size_t bytes)
{
	if (!shared->keeps || bytes > IMAGES / 4)
		return NULL;
	if (shared->change_count == CHANGES || shared->image_size + bytes > IMAGES) {
		shared->change_count = 0;
		shared->pending = 0;
		shared->image_size = 0;
	}
	struct change *change = &shared->changes[shared->change_count++];
	*change = (struct change){ .kind = (uint8_t)kind,
		                   .machine = (uint8_t)machine_acting(),
		                   .before = shared->image_size };
	shared->image_size += bytes;
	shared->pending++;
	return change;
}

void
disk_settle(struct change *change)
{
	if (change->durable)
		return;
	change->durable = true;
	if (--shared->pending == 0) {
		shared->change_count = 0;
		shared->image_size = 0;
	}
}

void
disk_settle_file(uint16_t file)
{
	for (size_t i = shared->change_count; i-- > 0;) {
		struct change *change = &shared->changes[i];
		if (change->kind <= SIZE && change->file == file)
			disk_settle(change);
	}
}

/* Whether a path is a name in the folder. */
static bool
is_in(const char *path, const char *folder)
{
	size_t size = strlen(folder);
	return strncmp(path, folder, size) == 0 && path[size] == '/' &&
	       !strchr(path + size + 1, '/');
}

void
disk_settle_folder(const char *folder)
{
	for (size_t i = shared->change_count; i-- > 0;) {
		struct change *change = &shared->changes[i];
		if (change->kind > SIZE && is_in(change->to, folder))
			disk_settle(change);
	}
}

/* What comes before each change: gives -1 and errno where the disk is full; ends the process where
 * power is lost before it. */
int
disk_before(bool needs_room)
{
	shared->count++;
	if (shared->victim != machine_acting())
		return 0;
	if (shared->fills) {
		if (shared->left > 0) {
			shared->left -= needs_room;
			return 0;
		}
		if (!needs_room)
			return 0;
		errno = ENOSPC;
		return -1;
	}
	if (shared->left == 0)
		_exit(MACHINE_POWER_LOST);
	shared->left--;
	return 0;
}

/* ---- files ---- */

uint16_t
disk_file(const char *path, uint64_t inode)
{
	for (size_t i = 0; i < shared->file_count; i++) {
		if (shared->files[i].inode == inode) {
			snprintf(shared->files[i].path, DISK_PATH, "%s", path);
			return (uint16_t)i;
		}
	}
	must(shared->file_count < FILES);
	struct file *file = &shared->files[shared->file_count];
	file->inode = inode;
	snprintf(file->path, DISK_PATH, "%s", path);
	return (uint16_t)shared->file_count++;
}

void
disk_moved(const char *from, const char *to)
{
	for (size_t i = 0; i < shared->file_count; i++) {
		if (strcmp(shared->files[i].path, from) == 0)
			snprintf(shared->files[i].path, DISK_PATH, "%s", to);
	}
}

void
disk_put_away(char limbo[DISK_PATH], const char *path)
{
	limbo[0] = '\0';
	if (syscall(SYS_access, path, F_OK) != 0)
		return;
	snprintf(limbo, DISK_PATH, "%.*s/limbo/%u", 150, root, shared->limbo++);
	system_rename(path, limbo);
	disk_moved(path, limbo);
}

void
disk_settle_inode(uint64_t inode)
{
	for (size_t i = 0; i < shared->file_count; i++) {
		if (shared->files[i].inode == inode)
			disk_settle_file((uint16_t)i);
	}
}

/* ---- power ---- */

/* Puts back what was there before a write, or cut. */
static void
undo_bytes(const struct change *change)
{
	int fd = system_open(shared->files[change->file].path, O_RDWR, 0);
	if (fd < 0)
		return;
	uint64_t old = change->old_size;
	if (change->kind == SIZE) {
		syscall(SYS_ftruncate, fd, old);
		syscall(SYS_pwrite64, fd, shared->images + change->before, change->size,
		        change->at);
	} else {
		uint64_t end = change->at + change->size;
		uint64_t known = old > change->at ? (end < old ? end : old) - change->at : 0;
		syscall(SYS_pwrite64, fd, shared->images + change->before, known, change->at);
		if (end > old)
			syscall(SYS_ftruncate, fd, old);
	}
	syscall(SYS_close, fd);
}

/* Does a write again, whole or some sectors of it. */
static void
redo_bytes(const struct change *change, bool torn, uint64_t *random)
{
	int fd = system_open(shared->files[change->file].path, O_RDWR, 0);
	if (fd < 0)
		return;
	if (change->kind == SIZE) {
		syscall(SYS_ftruncate, fd, change->at);
	} else {
		for (uint64_t at = 0; at < change->size; at += SECTOR) {
			uint64_t size = change->size - at < SECTOR ? change->size - at : SECTOR;
			if (torn && machine_chance(random) >> 63)
				continue;
			syscall(SYS_pwrite64, fd, shared->images + change->after + at, size,
			        change->at + at);
		}
	}
	syscall(SYS_close, fd);
}

static void
undo_name(const struct change *change)
{
	if (change->kind == RENAME) {
		system_rename(change->to, change->from);
		disk_moved(change->to, change->from);
	} else if (change->kind == MAKE) {
		if (syscall(SYS_unlink, change->to) != 0)
			syscall(SYS_rmdir, change->to);
	}
	if (change->limbo[0]) {
		system_rename(change->limbo, change->to);
		disk_moved(change->limbo, change->to);
	}
}

/* The folder of a name, as a number. */
static uint64_t
folder_of(const char *path)
{
	uint64_t hash = 14695981039346656037U;
	const char *end = strrchr(path, '/');
	for (path += root_size; path < end; path++)
		hash = (hash ^ (uint8_t)*path) * 1099511628211U;
	return hash;
}

/* How a machine's memory of writes is lost: all, nothing, those from some moment on, or any. */
enum loss { LOSE_ALL, LOSE_NONE, LOSE_LAST, LOSE_ANY };

void
machine_power_back(int machine, uint64_t seed)
{
	uint64_t random = seed * 2 + 1;
	bool kept[CHANGES] = { false };
	machine_chance(&random);
	for (int i = 0; i < 4; i++)
		machine_chance(&random);
	enum loss loss = (enum loss)(machine_chance(&random) >> 62);
	uint64_t salt = machine_chance(&random);
	size_t count = shared->change_count;
	size_t cut = count ? (machine_chance(&random) >> 32) % (count + 1) : 0;
	for (size_t i = count; i-- > 0;) {
		const struct change *change = &shared->changes[i];
		if (change->machine == machine && !change->durable && change->kind <= SIZE)
			undo_bytes(change);
	}
	for (size_t i = 0; i < count; i++) {
		const struct change *change = &shared->changes[i];
		if (change->machine != machine || change->durable || change->kind > SIZE)
			continue;
		uint64_t fate = machine_chance(&random) >> 62;
		bool lost = loss == LOSE_ALL || (loss == LOSE_LAST && i >= cut) ||
		            (loss == LOSE_ANY && fate < 2);
		if (!lost)
			redo_bytes(change, loss == LOSE_ANY && fate == 2, &random);
	}
	/* Of each folder the last names are lost, from a moment on that is its own. */
	for (size_t i = 0; i < count; i++) {
		const struct change *change = &shared->changes[i];
		uint64_t own = (folder_of(change->to) ^ salt) * UINT64_C(2685821657736338717);
		kept[i] = loss == LOSE_NONE || (loss == LOSE_LAST && i < cut) ||
		          (loss == LOSE_ANY && i < (own >> 32) % (count + 1));
	}
	for (size_t i = count; i-- > 0;) {
		const struct change *change = &shared->changes[i];
		if (change->machine == machine && !change->durable && change->kind > SIZE &&
		    !kept[i])
			undo_name(change);
	}
	machine_settle(machine);
}

void
machine_settle(int machine)
{
	for (size_t i = shared->change_count; i-- > 0;) {
		if (shared->changes[i].machine == machine)
			disk_settle(&shared->changes[i]);
	}
}

void
machine_lose_power(int machine, unsigned after)
{
	shared->victim = machine;
	shared->fills = false;
	shared->left = after;
}

void
machine_fill_disk(int machine, unsigned after)
{
	machine_lose_power(machine, after);
	shared->fills = true;
}

void
machine_calm(void)
{
	shared->victim = -1;
}

uint64_t
machine_changes(void)
{
	return shared->count;
}
