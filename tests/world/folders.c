/* Folders that are copied and removed as nobody's doing. */
#include "disk.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
copy_file(const char *from, const char *to)
{
	static char bytes[1 << 18];
	struct stat old;
	struct stat new;
	bool there = lstat(to, &new) == 0;
	if (lstat(from, &old) != 0)
		return;
	int in = system_open(from, O_RDONLY, 0);
	int out = system_open(to, O_WRONLY | O_CREAT, 0600);
	long got;
	while (in >= 0 && out >= 0 && (got = syscall(SYS_read, in, bytes, sizeof bytes)) > 0)
		syscall(SYS_write, out, bytes, (size_t)got);
	if (there && new.st_size > old.st_size)
		syscall(SYS_ftruncate, out, old.st_size);
	if (!strstr(from, ".mdb")) {
		struct timespec times[2] = { old.st_mtim, old.st_mtim };
		syscall(SYS_utimensat, out, NULL, times, 0);
	}
	syscall(SYS_close, in);
	syscall(SYS_close, out);
}

/* Calls for each name in a folder. */
static void
each_name(const char *folder, const char *other,
          void (*call)(const char *, const char *, const struct dirent *))
{
	char path[2 * DISK_PATH];
	char to[2 * DISK_PATH];
	DIR *names = opendir(folder);
	struct dirent *name;
	while (names && (name = readdir(names)) != NULL) {
		if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%.190s/%.200s", folder, name->d_name);
		snprintf(to, sizeof to, "%.190s/%.200s", other, name->d_name);
		call(path, to, name);
	}
	if (names)
		closedir(names);
}

static void
copy_any(const char *from, const char *to, const struct dirent *name)
{
	if (strcmp(name->d_name, "lock.mdb") == 0)
		return;
	if (name->d_type == DT_DIR)
		machine_copy(from, to);
	else
		copy_file(from, to);
}

void
machine_copy(const char *from, const char *to)
{
	syscall(SYS_mkdir, to, 0755);
	each_name(from, to, copy_any);
}

static void
remove_any(const char *path, const char *other, const struct dirent *name)
{
	(void)other;
	if (name->d_type == DT_DIR)
		machine_remove(path);
	else
		syscall(SYS_unlink, path);
}

void
machine_remove(const char *folder)
{
	each_name(folder, "", remove_any);
	syscall(SYS_rmdir, folder);
}

/* Removes what is not in the other folder; folders with all that is in them. */
static void
remove_more(const char *path, const char *other, const struct dirent *name)
{
	if (syscall(SYS_access, other, F_OK) != 0)
		remove_any(path, other, name);
}

void
machine_make_alike(const char *from, const char *to)
{
	char path[DISK_PATH];
	static const char *const folders_in[] = { "", "/incoming", "/feed", "/feed/packets" };
	for (size_t i = 0; i < sizeof folders_in / sizeof *folders_in; i++) {
		char other[DISK_PATH];
		snprintf(path, sizeof path, "%.150s%s", to, folders_in[i]);
		snprintf(other, sizeof other, "%.150s%s", from, folders_in[i]);
		each_name(path, other, remove_more);
	}
	machine_copy(from, to);
}

void
machine_make(const char *folder)
{
	syscall(SYS_mkdir, folder, 0755);
}
