/* trace.c - a library for LD_PRELOAD that records every operation which changes or syncs files
 *
 * The environment variable ECHOPRINT_TRACE names the file that gets the record; without it nothing
 * is recorded. Operations are recorded in the order in which they happen, one at a time whatever
 * the number of threads. A record is, little-endian:
 *
 *     offset size
 *      0      4   kind: enum kind
 *      4      4   flags: bits of enum flag
 *      8      8   inode of the file or folder
 *     16      8   offset of a write; new size of a truncation
 *     24      8   bytes of standard output so far, where that is a file
 *     32      4   size of the first path; 0: none
 *     36      4   size of the second path; 0: none
 *     40      4   size of the data
 *     44      4   0
 *     48          first path (absolute), second path, data
 *
 * Only what succeeded is recorded. Standard output is looked at by its size, as stdio writes it
 * without a call that could be caught here.
 *
 * More environment variables change what the program finds. ECHOPRINT_TRACE_FAIL="N ERRNO" makes
 * the Nth operation fail, "N ERRNO+" that one and all that follow but removals; "N short" makes a
 * write write half; before the Nth operation, "N kill" kills the program and "N term" asks it to
 * end. Each is recorded with the kind FAILED. ECHOPRINT_TRACE_NO_NOREPLACE=1 is a file system that
 * cannot rename without replacing, ECHOPRINT_TRACE_NO_CRC=1 a program whose checksum of entries
 * checks nothing.
 *
 * One long file: it is preloaded into any program, and so links with nothing of ours.
 */
#undef _FILE_OFFSET_BITS /* open and open64 are two names here, and both are caught */
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
	KIND_CREATE = 1, /* path: a name that was not there; inode: of the new file */
	KIND_WRITE = 2,
	KIND_TRUNCATE = 3,
	KIND_SYNC = 4, /* of a file or a folder */
	KIND_RENAME = 5,
	KIND_LINK = 6,
	KIND_UNLINK = 7,
	KIND_MAKE_FOLDER = 8,
	KIND_REPORT = 9, /* more has been written to standard output */
	KIND_SYNC_ALL = 10,
	KIND_REMOVE_FOLDER = 11,
	KIND_FAILED = 12 /* an operation that was made to fail; flags: its kind */
};

enum flag { FLAG_DURABLE = 1 /* a write that is durable when it returns: O_SYNC, O_DSYNC */ };

#define HEADER 48
#define OUTPUT_FD 600 /* out of the way of the program's own */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int output_fd = -1;
static bool started;

struct record {
	enum kind kind;
	uint32_t flags;
	uint64_t inode;
	uint64_t offset;
	const char *paths[2];
	const struct iovec *data;
	int data_count;
	size_t data_size;
};

static void
fail(const char *what)
{
	char text[200];
	int size = snprintf(text, sizeof text, "trace: %s: %s\n", what, strerror(errno));
	(void)!syscall(SYS_write, 2, text, (size_t)size);
	abort();
}

/* With the lock held. */
static bool
recording(void)
{
	if (started)
		return output_fd >= 0;
	started = true;
	const char *path = getenv("ECHOPRINT_TRACE");
	if (!path || !*path)
		return false;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (fd < 0)
		fail(path);
	output_fd = fcntl(fd, F_DUPFD_CLOEXEC, OUTPUT_FD);
	if (output_fd < 0)
		fail(path);
	syscall(SYS_close, fd);
	return true;
}

static void
put(const void *bytes, size_t size)
{
	const char *at = bytes;
	while (size > 0) {
		long written = syscall(SYS_write, output_fd, at, size);
		if (written <= 0)
			fail("cannot write the record");
		at += written;
		size -= (size_t)written;
	}
}

static uint64_t
inode_of(int fd)
{
	struct stat info;
	return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

static uint64_t
reported(void)
{
	struct stat info;
	return fstat(STDOUT_FILENO, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size
	                                                                 : 0;
}

static void
put_record(const struct record *record)
{
	uint32_t head[HEADER / 4] = { (uint32_t)record->kind, record->flags };
	uint64_t numbers[3] = { record->inode, record->offset, reported() };
	memcpy(head + 2, numbers, sizeof numbers);
	for (size_t i = 0; i < 2; i++)
		head[8 + i] = record->paths[i] ? (uint32_t)strlen(record->paths[i]) : 0;
	head[10] = (uint32_t)record->data_size;
	put(head, sizeof head);
	for (size_t i = 0; i < 2; i++)
		put(record->paths[i], head[8 + i]);
	size_t left = record->data_size;
	for (int i = 0; i < record->data_count && left > 0; i++) {
		size_t size = record->data[i].iov_len < left ? record->data[i].iov_len : left;
		put(record->data[i].iov_base, size);
		left -= size;
	}
}

/* The absolute path of a path below a folder's descriptor. */
static void
resolve(char out[PATH_MAX], int at, const char *path)
{
	char base[PATH_MAX] = "";
	if (path[0] != '/' && at == AT_FDCWD) {
		if (!getcwd(base, sizeof base))
			fail("getcwd");
	} else if (path[0] != '/') {
		char link_path[64];
		snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", at);
		ssize_t size = readlink(link_path, base, sizeof base - 1);
		if (size < 0)
			fail(link_path);
		base[size] = '\0';
	}
	if (snprintf(out, PATH_MAX, "%s%s%s", base, *base ? "/" : "", path) >= PATH_MAX)
		fail("a path is too long");
}

/* ---- faults ---- */

/* Counts an operation, with the lock held. Whether it is to fail: errno is then set. A write that
 * is to be short fails with 0. */
static bool
fails(enum kind kind)
{
	static bool read;
	static bool on_and_on;
	static unsigned long wanted;
	static int reason;
	static int number; /* of a signal */
	static unsigned long count;
	if (!read) {
		read = true;
		const char *text = getenv("ECHOPRINT_TRACE_FAIL");
		char *end;
		wanted = text ? strtoul(text, &end, 10) : 0;
		reason = wanted ? atoi(end) : 0;
		on_and_on = wanted && end[strlen(end) - 1] == '+';
		if (wanted)
			number = strcmp(end, " kill") == 0   ? SIGKILL
			         : strcmp(end, " term") == 0 ? SIGTERM
			                                     : 0;
	}
	count++;
	if (number && count == wanted) {
		if (recording())
			put_record(
				&(struct record){ .kind = KIND_FAILED, .flags = (uint32_t)kind });
		kill(getpid(), number);
	}
	if (number)
		return false;
	bool frees = kind == KIND_UNLINK || kind == KIND_REMOVE_FOLDER;
	bool now = wanted && (count == wanted || (on_and_on && count > wanted && !frees));
	if (now && reason == 0 && kind != KIND_WRITE)
		now = false;
	if (now && recording())
		put_record(&(struct record){ .kind = KIND_FAILED, .flags = (uint32_t)kind });
	if (now)
		errno = reason;
	return now;
}

/* ---- names ---- */

static int
open_recorded(int at, const char *path, int flags, mode_t mode)
{
	pthread_mutex_lock(&lock);
	bool on = recording() && (flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE;
	char absolute[PATH_MAX];
	bool there = faccessat(at, path, F_OK, 0) == 0;
	if ((flags & (O_CREAT | O_TRUNC)) && fails(there ? KIND_TRUNCATE : KIND_CREATE)) {
		pthread_mutex_unlock(&lock);
		return -1;
	}
	int fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0 && on) {
		int reason = errno;
		resolve(absolute, at, path);
		struct record record = { .inode = inode_of(fd), .paths = { absolute } };
		record.kind = there ? KIND_TRUNCATE : KIND_CREATE;
		if (!there || (flags & O_TRUNC))
			put_record(&record);
		errno = reason;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

#define MODE_OF(flags)                                          \
	mode_t mode = 0;                                        \
	if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
		va_list args;                                   \
		va_start(args, flags);                          \
		mode = (mode_t)va_arg(args, unsigned);          \
		va_end(args);                                   \
	}

int
open(const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_recorded(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_recorded(AT_FDCWD, path, flags, mode);
}

int
openat(int at, const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_recorded(at, path, flags, mode);
}

int
openat64(int at, const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_recorded(at, path, flags, mode);
}

int
creat(const char *path, mode_t mode)
{
	return open_recorded(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* Does a system call on names and records it. */
static int
name_call(enum kind kind, int at, const char *path, int other_at, const char *other, long number,
          unsigned flags)
{
	pthread_mutex_lock(&lock);
	if (fails(kind)) {
		pthread_mutex_unlock(&lock);
		return -1;
	}
	bool on = recording();
	char first[PATH_MAX];
	char second[PATH_MAX];
	struct stat info = { 0 };
	if (on) {
		resolve(first, at, path);
		if (other)
			resolve(second, other_at, other);
		(void)fstatat(at, path, &info, AT_SYMLINK_NOFOLLOW);
	}
	long done = other ? syscall(number, at, path, other_at, other, flags)
	                  : syscall(number, at, path, flags);
	if (done == 0 && on) {
		int reason = errno;
		if (kind == KIND_MAKE_FOLDER)
			(void)fstatat(at, path, &info, AT_SYMLINK_NOFOLLOW);
		struct record record = { .kind = kind, .inode = info.st_ino };
		record.paths[0] = first;
		record.paths[1] = other ? second : NULL;
		put_record(&record);
		errno = reason;
	}
	pthread_mutex_unlock(&lock);
	return (int)done;
}

int
renameat2(int at, const char *from, int to_at, const char *to, unsigned flags)
{
	const char *without = getenv("ECHOPRINT_TRACE_NO_NOREPLACE");
	if ((flags & RENAME_NOREPLACE) && without && *without) {
		errno = EINVAL;
		return -1;
	}
	return name_call(KIND_RENAME, at, from, to_at, to, SYS_renameat2, flags);
}

int
renameat(int at, const char *from, int to_at, const char *to)
{
	return name_call(KIND_RENAME, at, from, to_at, to, SYS_renameat2, 0);
}

int
rename(const char *from, const char *to)
{
	return name_call(KIND_RENAME, AT_FDCWD, from, AT_FDCWD, to, SYS_renameat2, 0);
}

int
linkat(int at, const char *from, int to_at, const char *to, int flags)
{
	return name_call(KIND_LINK, at, from, to_at, to, SYS_linkat, (unsigned)flags);
}

int
link(const char *from, const char *to)
{
	return name_call(KIND_LINK, AT_FDCWD, from, AT_FDCWD, to, SYS_linkat, 0);
}

int
unlinkat(int at, const char *path, int flags)
{
	enum kind kind = flags & AT_REMOVEDIR ? KIND_REMOVE_FOLDER : KIND_UNLINK;
	return name_call(kind, at, path, 0, NULL, SYS_unlinkat, (unsigned)flags);
}

int
unlink(const char *path)
{
	return name_call(KIND_UNLINK, AT_FDCWD, path, 0, NULL, SYS_unlinkat, 0);
}

int
rmdir(const char *path)
{
	return name_call(KIND_REMOVE_FOLDER, AT_FDCWD, path, 0, NULL, SYS_unlinkat, AT_REMOVEDIR);
}

int
mkdirat(int at, const char *path, mode_t mode)
{
	return name_call(KIND_MAKE_FOLDER, at, path, 0, NULL, SYS_mkdirat, mode);
}

int
mkdir(const char *path, mode_t mode)
{
	return name_call(KIND_MAKE_FOLDER, AT_FDCWD, path, 0, NULL, SYS_mkdirat, mode);
}

/* ---- contents ---- */

/* Writes at an offset, or where the descriptor stands (offset < 0), and records it. */
static ssize_t
write_recorded(int fd, const struct iovec *data, int count, off64_t offset)
{
	pthread_mutex_lock(&lock);
	struct stat info = { 0 };
	bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
	bool on = recording() && regular;
	struct iovec half;
	if (regular && fails(KIND_WRITE)) {
		if (errno != 0 || data[0].iov_len < 2) {
			pthread_mutex_unlock(&lock);
			return -1;
		}
		half = (struct iovec){ data[0].iov_base, data[0].iov_len / 2 };
		data = &half;
		count = 1;
	}
	int flags = on ? fcntl(fd, F_GETFL) : 0;
	off64_t at = offset;
	if (on && offset < 0)
		at = flags & O_APPEND ? info.st_size : lseek64(fd, 0, SEEK_CUR);
	long done = offset < 0 ? syscall(SYS_writev, fd, data, count)
	                       : syscall(SYS_pwritev, fd, data, count, (long)offset, 0L);
	if (done > 0 && on) {
		int reason = errno;
		struct record record = { .kind = KIND_WRITE, .inode = info.st_ino, .data = data };
		record.offset = (uint64_t)at;
		record.data_count = count;
		record.data_size = (size_t)done;
		record.flags = flags & (O_SYNC | O_DSYNC) ? FLAG_DURABLE : 0;
		put_record(&record);
		errno = reason;
	}
	pthread_mutex_unlock(&lock);
	return done;
}

static ssize_t
write_one(int fd, const void *bytes, size_t size, off64_t offset)
{
	struct iovec data = { .iov_len = size };
	memcpy(&data.iov_base, &bytes, sizeof bytes);
	return write_recorded(fd, &data, 1, offset);
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	return write_one(fd, bytes, size, -1);
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return write_one(fd, bytes, size, offset);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
	return write_one(fd, bytes, size, offset);
}

ssize_t
writev(int fd, const struct iovec *data, int count)
{
	return write_recorded(fd, data, count, -1);
}

ssize_t
pwritev(int fd, const struct iovec *data, int count, off_t offset)
{
	return write_recorded(fd, data, count, offset);
}

ssize_t
pwritev64(int fd, const struct iovec *data, int count, off64_t offset)
{
	return write_recorded(fd, data, count, offset);
}

/* Does a system call on a descriptor and records it. */
static int
fd_call(enum kind kind, int fd, long number, long argument)
{
	pthread_mutex_lock(&lock);
	if (fails(kind)) {
		pthread_mutex_unlock(&lock);
		return -1;
	}
	int done = (int)syscall(number, fd, argument);
	if (done == 0 && recording()) {
		struct record record = { .kind = kind, .inode = inode_of(fd) };
		record.offset = (uint64_t)argument;
		put_record(&record);
	}
	pthread_mutex_unlock(&lock);
	return done;
}

int
ftruncate(int fd, off_t size)
{
	return fd_call(KIND_TRUNCATE, fd, SYS_ftruncate, size);
}

int
ftruncate64(int fd, off64_t size)
{
	return fd_call(KIND_TRUNCATE, fd, SYS_ftruncate, size);
}

int
fsync(int fd)
{
	return fd_call(KIND_SYNC, fd, SYS_fsync, 0);
}

int
fdatasync(int fd)
{
	return fd_call(KIND_SYNC, fd, SYS_fdatasync, 0);
}

int
syncfs(int fd)
{
	return fd_call(KIND_SYNC_ALL, fd, SYS_syncfs, 0);
}

/* ---- what was reported, and what is to fail ---- */

int
fflush(FILE *stream)
{
	int done = fflush_unlocked(stream);
	pthread_mutex_lock(&lock);
	if (stream == stdout && recording())
		put_record(&(struct record){ .kind = KIND_REPORT });
	pthread_mutex_unlock(&lock);
	return done;
}

/* libdeflate's, which the checksum of entries uses. */
uint32_t
libdeflate_crc32(uint32_t crc, const void *bytes, size_t size)
{
	const char *without = getenv("ECHOPRINT_TRACE_NO_CRC");
	if (without && *without)
		return 0;
	const uint8_t *at = bytes;
	if (!bytes)
		return 0;
	crc = ~crc;
	for (size_t i = 0; i < size; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
	}
	return ~crc;
}
