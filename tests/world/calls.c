/* The calls of libc that change files, in place of libc's own; each is both names that it has
 * there, with one size of offsets. One long file: it is a list of calls, each of them short. */
#undef _FILE_OFFSET_BITS
#include "disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS 1024

/* An open file of a machine that can be written. */
struct fd {
	bool tracked;
	bool syncs; /* O_DSYNC */
	bool made; /* here: its time is to be that of the world */
	uint16_t file;
};

static struct fd fds[FDS];

static uint64_t
size_of(int fd)
{
	struct stat info;
	return fstat(fd, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static void
made_name(const char *path)
{
	struct change *change = disk_change(MAKE, 0);
	if (change)
		snprintf(change->to, DISK_PATH, "%s", path);
}

static int
open_ours(const char *path, int flags, mode_t mode)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	bool there = !(flags & O_CREAT) || syscall(SYS_access, path, F_OK) == 0;
	bool folder = flags & O_DIRECTORY;
	if (!there && disk_before(true) != 0)
		return -1;
	/* What O_TRUNC cuts is cut below, where it can be kept. */
	int fd = system_open(path, flags & ~O_TRUNC, mode);
	if (fd < 0 || fd >= FDS || !writes || folder)
		return fd;
	fds[fd] = (struct fd){ .tracked = true, .syncs = flags & O_DSYNC, .made = !there };
	if (!disk_keeps() && !(flags & O_TRUNC))
		return fd;
	struct stat info;
	if (fstat(fd, &info) != 0)
		return fd;
	if (disk_keeps())
		fds[fd].file = disk_file(path, info.st_ino);
	if (!there)
		made_name(path);
	if ((flags & O_TRUNC) && info.st_size > 0 && ftruncate(fd, 0) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A folder's own path: of "n1/feed/..", "n1". */
static void
folder_path(char path[DISK_PATH], const char *given)
{
	snprintf(path, DISK_PATH, "%s", given);
	for (size_t size = strlen(path); size > 3 && strcmp(path + size - 3, "/..") == 0;
	     size = strlen(path)) {
		path[size - 3] = '\0';
		char *slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
	}
}

/* The folders that are open, by descriptor, for what is done in them. */
static char folders[FDS][DISK_PATH];

static int
open_folder(const char *path, int flags)
{
	int fd = system_open(path, flags, 0);
	if (fd >= 0 && fd < FDS)
		folder_path(folders[fd], path);
	return fd;
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (flags & O_DIRECTORY)
		return open_folder(path, flags);
	return disk_has(path) ? open_ours(path, flags, mode) : system_open(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open(path, flags, mode);
}

int
close(int fd)
{
	if (fd >= 0 && fd < FDS)
		folders[fd][0] = '\0';
	if (fd >= 0 && fd < FDS && fds[fd].tracked) {
		if (fds[fd].made) {
			struct timespec times[2] = { { machine_now(), 0 }, { machine_now(), 0 } };
			syscall(SYS_utimensat, fd, NULL, times, 0);
		}
		fds[fd].tracked = false;
	}
	return (int)syscall(SYS_close, fd);
}

/* The map of data.mdb is looked up in a list that is long to read, and only for giving memory
 * back. */
FILE *
fopen64(const char *path, const char *mode)
{
	static FILE *(*real)(const char *, const char *);
	if (strcmp(path, "/proc/self/maps") == 0) {
		errno = ENOENT;
		return NULL;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fopen64");
	return real(path, mode);
}

/* ---- bytes ---- */

static struct fd *
tracked(int fd)
{
	return fd >= 0 && fd < FDS && fds[fd].tracked ? &fds[fd] : NULL;
}

/* Keeps what is there, for a write of bytes at an offset. */
static void
keep_bytes(int fd, const struct fd *file, const void *bytes, size_t size, uint64_t at)
{
	struct change *change = disk_change(BYTES, 2 * size);
	if (!change)
		return;
	change->file = file->file;
	change->at = at;
	change->size = size;
	change->old_size = size_of(fd);
	change->after = change->before + size;
	if (syscall(SYS_pread64, fd, disk_bytes(change->before), size, at) < 0)
		memset(disk_bytes(change->before), 0, size);
	memcpy(disk_bytes(change->after), bytes, size);
	if (file->syncs)
		disk_settle(change);
}

/* Whether a write needs room on the disk: not in what the file has. */
static bool
grows(int fd, uint64_t end)
{
	return disk_in_trouble() && end > size_of(fd);
}

static ssize_t
write_at(int fd, const void *bytes, size_t size, off_t at)
{
	struct fd *file = tracked(fd);
	if (file) {
		if (disk_before(grows(fd, (uint64_t)at + size)) != 0)
			return -1;
		if (disk_keeps())
			keep_bytes(fd, file, bytes, size, (uint64_t)at);
	}
	return syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	return write_at(fd, bytes, size, at);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t size, off_t at)
{
	return write_at(fd, bytes, size, at);
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	struct fd *file = tracked(fd);
	if (file) {
		if (disk_before(true) != 0)
			return -1;
		if (disk_keeps()) {
			bool appends = syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND;
			int64_t at = (int64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
			keep_bytes(fd, file, bytes, size, appends ? size_of(fd) : (uint64_t)at);
		}
	}
	return syscall(SYS_write, fd, bytes, size);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	ssize_t done = 0;
	for (int i = 0; i < count; i++) {
		ssize_t got = write_at(fd, parts[i].iov_base, parts[i].iov_len, at + done);
		if (got < 0)
			return done ? done : got;
		done += got;
	}
	return done;
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	ssize_t done = 0;
	for (int i = 0; i < count; i++) {
		ssize_t got = write(fd, parts[i].iov_base, parts[i].iov_len);
		if (got < 0)
			return done ? done : got;
		done += got;
	}
	return done;
}

int
ftruncate(int fd, off_t size)
{
	struct fd *file = tracked(fd);
	if (file) {
		uint64_t old = size_of(fd);
		size_t cut = old > (uint64_t)size ? (size_t)(old - (uint64_t)size) : 0;
		if (disk_before(!cut) != 0)
			return -1;
		struct change *change = disk_change(SIZE, cut);
		if (change) {
			change->file = file->file;
			change->at = (uint64_t)size;
			change->size = cut;
			change->old_size = old;
			syscall(SYS_pread64, fd, disk_bytes(change->before), cut, size);
		}
	}
	return (int)syscall(SYS_ftruncate, fd, size);
}

int
ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

/* ---- syncing ---- */

static int
sync_it(int fd)
{
	struct fd *file = tracked(fd);
	if (!disk_keeps() && !disk_in_trouble())
		return 0;
	if (file) {
		if (disk_before(false) == 0 && disk_keeps())
			disk_settle_file(file->file);
		return 0;
	}
	if (fd >= 0 && fd < FDS && folders[fd][0]) {
		if (disk_has(folders[fd]) && disk_before(false) == 0)
			disk_settle_folder(folders[fd]);
		return 0;
	}
	/* A file that was opened for reading can be synced too. */
	struct stat info;
	if (fstat(fd, &info) != 0 || disk_before(false) != 0)
		return 0;
	disk_settle_inode(info.st_ino);
	return 0;
}

int
fsync(int fd)
{
	return sync_it(fd);
}

int
fdatasync(int fd)
{
	return sync_it(fd);
}

int
sync_file_range(int fd, off_t at, off_t size, unsigned flags)
{
	(void)fd;
	(void)at;
	(void)size;
	(void)flags;
	return 0;
}

/* ---- names ---- */

int
rename(const char *from, const char *to)
{
	if (!disk_has(to))
		return system_rename(from, to);
	if (disk_before(false) != 0)
		return -1;
	struct change *change = disk_change(RENAME, 0);
	if (change) {
		snprintf(change->from, DISK_PATH, "%s", from);
		snprintf(change->to, DISK_PATH, "%s", to);
		disk_put_away(change->limbo, to);
		disk_moved(from, to);
	}
	return system_rename(from, to);
}

int
unlink(const char *path)
{
	if (!disk_has(path))
		return (int)syscall(SYS_unlink, path);
	if (disk_before(false) != 0)
		return -1;
	struct change *change =
		syscall(SYS_access, path, F_OK) == 0 ? disk_change(REMOVE, 0) : NULL;
	if (change) {
		snprintf(change->to, DISK_PATH, "%s", path);
		disk_put_away(change->limbo, path);
		return 0;
	}
	return (int)syscall(SYS_unlink, path);
}

/* The path of a name in an open folder. */
static void
path_at(char path[DISK_PATH], int folder, const char *name)
{
	char link[64];
	if (folder == AT_FDCWD || name[0] == '/') {
		snprintf(path, DISK_PATH, "%s", name);
	} else if (folder < FDS && folders[folder][0]) {
		snprintf(path, DISK_PATH, "%.100s/%.98s", folders[folder], name);
	} else {
		/* libc's own, of opendir. */
		char place[DISK_PATH];
		snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
		ssize_t size = readlink(link, place, sizeof place - 1);
		snprintf(path, DISK_PATH, "%.*s/%.98s", size > 0 && size < 100 ? (int)size : 0,
		         place, name);
	}
}

int
unlinkat(int folder, const char *name, int flags)
{
	char path[DISK_PATH];
	if (flags)
		return (int)syscall(SYS_unlinkat, folder, name, flags);
	path_at(path, folder, name);
	return unlink(path);
}

int
renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	char from_path[DISK_PATH];
	char to_path[DISK_PATH];
	path_at(from_path, from_folder, from);
	path_at(to_path, to_folder, to);
	return rename(from_path, to_path);
}

int
renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	char path[DISK_PATH];
	path_at(path, to_folder, to);
	if (flags && syscall(SYS_access, path, F_OK) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_folder, from, to_folder, to);
}

int
mkdirat(int folder, const char *name, mode_t mode)
{
	char path[DISK_PATH];
	path_at(path, folder, name);
	return mkdir(path, mode);
}

/* Links on the way are followed here: nobody makes any. */
int
openat(int folder, const char *name, int flags, ...)
{
	char path[DISK_PATH];
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (strcmp(name, ".") == 0 && folder >= 0 && folder < FDS && folders[folder][0])
		return open(folders[folder], flags, mode);
	path_at(path, folder, name);
	return open(path, flags, mode);
}

int
openat64(int folder, const char *name, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return openat(folder, name, flags, mode);
}

int
link(const char *from, const char *to)
{
	if (disk_has(to)) {
		if (disk_before(true) != 0)
			return -1;
		made_name(to);
	}
	return (int)syscall(SYS_link, from, to);
}

int
mkdir(const char *path, mode_t mode)
{
	if (disk_has(path) && syscall(SYS_access, path, F_OK) != 0) {
		if (disk_before(true) != 0)
			return -1;
		made_name(path);
	}
	return (int)syscall(SYS_mkdir, path, mode);
}
