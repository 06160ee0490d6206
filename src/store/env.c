#include "store/env_internal.h"

#include "base/file.h"
#include "store/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Readers at once, and the bytes of lock.mdb for them. */
#define READERS_MAX 1022
#define LOCK_BYTES 65536

/* ---- opening ---- */

/* Where the kernel mapped data.mdb: LMDB does not tell. */
static void *
find_map(const struct stat *data)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return NULL;
	void *found = NULL;
	char line[4352];
	while (!found && fgets(line, sizeof line, maps)) {
		uintptr_t start = 0;
		unsigned major = 0;
		unsigned minor = 0;
		uint64_t inode = 0;
		if (sscanf(line, "%" SCNxPTR "-%*x %*s %*x %x:%x %" SCNu64, &start, &major, &minor,
		           &inode) == 4 &&
		    inode == data->st_ino && makedev(major, minor) == data->st_dev)
			found = (void *)start;
	}
	fclose(maps);
	return found;
}

struct ep_env_kind
ep_env_kind_within(const struct ep_env_kind *kind, size_t map_size)
{
	struct ep_env_kind within = *kind;
	if (map_size)
		within.map_size = map_size / 4096 * 4096;
	return within;
}

/* LMDB maps lock.mdb without blocks behind it: on a full disk that would be a bus error. Where the
 * file cannot be made at all, LMDB says so. */
static enum ep_status
reserve_lock(const char *folder, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, "lock.mdb");
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int failed = fd < 0 ? 0 : posix_fallocate(fd, 0, LOCK_BYTES);
	if (failed == ENOSPC || failed == EDQUOT || failed == EFBIG)
		return ep_fail_errno(err, failed, "cannot create %s", path);
	return EP_OK;
}

/* When the last process closes an environment, LMDB destroys the mutexes in lock.mdb. A process
 * that opens it at that moment would find them destroyed, and its reads would fail with EINVAL. So
 * whoever opens or closes one holds a lock on data.mdb meanwhile: not on lock.mdb, as closing that
 * file would give up LMDB's own locks. Who waited while the file was replaced (env_compact.c) has
 * the lock of one that is gone, and waits again. Returns a descriptor to be closed; -1 where there
 * is no file yet. */
int
ep_env_lock_door(const char *folder)
{
	EP_FREE char *path = ep_path_join(folder, "data.mdb");
	struct stat mine;
	struct stat there;
	for (;;) {
		int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
		while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
			continue;
		if (fd < 0 || fstat(fd, &mine) != 0 || stat(path, &there) != 0 ||
		    (mine.st_ino == there.st_ino && mine.st_dev == there.st_dev))
			return fd;
		close(fd);
	}
}

static enum ep_status
open_environment(struct ep_env **out, const char *folder, const struct ep_env_kind *kind,
                 bool writing, struct ep_error *err)
{
	EP_OWNED(ep_env_close)
	struct ep_env *env = calloc(1, sizeof *env);
	if (!env)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	env->door = -1;
	env->what = kind->what;
	env->folder = strdup(folder);
	if (!env->folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(reserve_lock(folder, err));
	env->map_size = kind->map_size;
	EP_FD int door = ep_env_lock_door(folder);
	(void)door;
	int rc = mdb_env_create(&env->mdb);
	if (!rc)
		ep_guard_watch(env);
	if (!rc)
		rc = mdb_env_set_maxdbs(env->mdb, 16);
	if (!rc)
		rc = mdb_env_set_maxreaders(env->mdb, READERS_MAX);
	if (!rc)
		rc = mdb_env_set_mapsize(env->mdb, kind->map_size);
	/* MDB_NOTLS: a snapshot may be handed from thread to thread. */
	if (!rc)
		rc = ep_explain_write(mdb_env_open(env->mdb, folder,
		                                   MDB_NOTLS | (writing ? 0 : MDB_RDONLY), 0600),
		                      folder);
	int dead;
	if (!rc)
		rc = mdb_reader_check(env->mdb, &dead); /* frees what killed readers held */
	if (rc)
		return ep_fail_mdb(err, rc, "cannot open the %s in %s", kind->what, folder);
	*out = EP_TAKE(env);
	return EP_OK;
}

void
ep_env_close(struct ep_env *env)
{
	if (!env)
		return;
	ep_guard_forget(env);
	if (env->mdb) {
		if (env->door < 0)
			env->door = ep_env_lock_door(env->folder);
		mdb_env_close(env->mdb);
	}
	ep_fd_close(&env->door);
	free(env->folder);
	free(env);
}

/* Opens one and checks that its file is whole. */
static enum ep_status
open_whole(struct ep_env **out, const char *folder, const struct ep_env_kind *kind, bool writing,
           struct ep_error *err)
{
	EP_OWNED(ep_env_close)
	struct ep_env *env = NULL;
	struct stat info;
	EP_TRY(open_environment(&env, folder, kind, writing, err));
	EP_TRY(ep_env_check_size(env, &info, writing, err));
	env->map = find_map(&info);
	*out = EP_TAKE(env);
	return EP_OK;
}

/* Whether there is one in the folder; EP_NOT_FOUND says where it was looked for. */
static enum ep_status
check_folder(const char *folder, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, "data.mdb");
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct stat info;
	if (stat(path, &info) == 0)
		return info.st_size > 0
		               ? EP_OK
		               : ep_fail(err, EP_CORRUPT, "%s is damaged: it is empty", path);
	if (errno != ENOENT && errno != ENOTDIR)
		return ep_fail_errno(err, errno, "cannot open the data folder %s", folder);
	return ep_fail(err, EP_NOT_FOUND, "%s does not exist", path);
}

enum ep_status
ep_env_open(struct ep_env **out, const char *folder, const struct ep_env_kind *kind, bool writing,
            struct ep_error *err)
{
	EP_TRY(check_folder(folder, err));
	enum ep_status status = open_whole(out, folder, kind, writing, err);
	if (status == EP_NOT_FOUND) {
		/* A short file: one that writes finds out whether it is whole. */
		struct ep_env *env;
		EP_TRY(open_whole(&env, folder, kind, true, err));
		ep_env_close(env);
		status = open_whole(out, folder, kind, false, err);
	}
	return status;
}

/* ---- a new one ---- */

#define NEW_FOLDER "new.tmp"

/* Removes folder/NEW_FOLDER, whatever of it is there. */
static void
remove_new(int folder_fd)
{
	static const char *const names[] = { NEW_FOLDER "/data.mdb", NEW_FOLDER "/lock.mdb" };
	for (size_t i = 0; i < 2; i++)
		(void)unlinkat(folder_fd, names[i], 0);
	(void)unlinkat(folder_fd, NEW_FOLDER, AT_REMOVEDIR);
}

static enum ep_status
fill_new(struct ep_env *env, int (*fill)(MDB_txn *txn), struct ep_error *err)
{
	MDB_txn *txn = NULL;
	int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
	if (!rc) {
		rc = fill(txn);
		if (rc)
			mdb_txn_abort(txn);
		else
			rc = mdb_txn_commit(txn);
	}
	return rc ? ep_fail_mdb(err, ep_explain_write(rc, env->folder),
	                        "cannot create the %s in %s", env->what, env->folder)
	          : EP_OK;
}

/* Makes an environment in folder/NEW_FOLDER and moves it into place: it is complete or absent, as
 * LMDB's own first pages are not. */
static enum ep_status
make_in_new(const char *folder, const struct ep_env_kind *kind, int folder_fd,
            int (*fill)(MDB_txn *txn), struct ep_error *err)
{
	EP_FREE char *place = ep_path_join(folder, NEW_FOLDER);
	if (!place)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	remove_new(folder_fd);
	if (mkdirat(folder_fd, NEW_FOLDER, 0700) != 0)
		return ep_fail_errno(err, errno, "cannot create the folder %s", place);
	EP_OWNED(ep_env_close)
	struct ep_env *env = NULL;
	EP_TRY(open_environment(&env, place, kind, true, err));
	EP_TRY(fill_new(env, fill, err));
	ep_env_close(EP_TAKE(env));
	if (renameat(folder_fd, NEW_FOLDER "/data.mdb", folder_fd, "data.mdb") != 0)
		return ep_fail_errno(err, errno, "cannot create the %s in %s", kind->what, folder);
	return EP_OK;
}

enum ep_status
ep_env_make(const char *folder, const struct ep_env_kind *kind, int (*fill)(MDB_txn *txn),
            struct ep_error *err)
{
	EP_TRY(ep_make_folder(folder, err));
	EP_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open the folder %s", folder);
	if (faccessat(fd, "data.mdb", F_OK, 0) == 0) {
		remove_new(fd); /* of one that was killed when it had made it */
		return EP_OK;
	}
	/* Others that want to make it wait here, and find it made. */
	while (flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR)
			return ep_fail_errno(err, errno, "cannot lock the folder %s", folder);
	}
	if (faccessat(fd, "data.mdb", F_OK, 0) == 0)
		return EP_OK;
	enum ep_status status = make_in_new(folder, kind, fd, fill, err);
	remove_new(fd);
	return status;
}
