#include "store/env_compact.h"

#include "base/file.h"
#include "store/env_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The copy is made in this folder of the environment's own. What a killed process left there goes
 * when the next one begins. */
#define TMP "compact.tmp"

/* ---- being alone ---- */

/* "process 123 (echoprint serve)". */
static void
describe(char *text, size_t size, long pid)
{
	char path[48];
	char line[120] = "";
	size_t got = 0;
	snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
	EP_FD int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0 && ep_read_some(&got, fd, line, sizeof line - 1, path, NULL) != EP_OK)
		got = 0;
	while (got && !line[got - 1])
		got--;
	for (size_t i = 0; i < got; i++)
		line[i] = line[i] ? line[i] : ' ';
	line[got] = '\0';
	snprintf(text, size, "process %ld%s%s%s", pid, got ? " (" : "", line, got ? ")" : "");
}

enum ep_status
ep_env_take_alone(struct ep_env *env, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(env->folder, "lock.mdb");
	char who[200];
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	env->door = ep_env_lock_door(env->folder);
	/* Each process that has an environment open holds a shared lock on the first byte. Closing
	 * this descriptor gives up our own, which nobody misses: others wait at the door. */
	EP_FD int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock others = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	if (env->door < 0 || fd < 0 || fcntl(fd, F_GETLK, &others) != 0) {
		int reason = errno;
		ep_fd_close(&env->door);
		return ep_fail_errno(err, reason, "cannot lock the %s in %s", env->what,
		                     env->folder);
	}
	if (others.l_type == F_UNLCK)
		return EP_OK;
	ep_fd_close(&env->door);
	describe(who, sizeof who, (long)others.l_pid);
	return ep_fail(err, EP_BAD_INPUT, "%s has the %s in %s open; stop it first", who, env->what,
	               env->folder);
}

/* ---- the copy ---- */

static void
remove_tmp(int folder_fd)
{
	(void)unlinkat(folder_fd, TMP "/data.mdb", 0);
	(void)unlinkat(folder_fd, TMP "/lock.mdb", 0);
	(void)unlinkat(folder_fd, TMP, AT_REMOVEDIR);
}

static enum ep_status
make_copy(struct ep_env *env, int folder_fd, struct ep_error *err)
{
	remove_tmp(folder_fd);
	if (mkdirat(folder_fd, TMP, 0700) != 0)
		return ep_fail_errno(err, errno, "cannot create %s/" TMP, env->folder);
	EP_FD int fd = openat(folder_fd, TMP "/data.mdb",
	                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot create %s/" TMP "/data.mdb", env->folder);
	int rc = mdb_env_copyfd2(env->mdb, fd, MDB_CP_COMPACT);
	if (rc)
		return ep_fail_mdb(err, ep_explain_write(rc, env->folder),
		                   "cannot copy the %s in %s", env->what, env->folder);
	if (fsync(fd) != 0)
		return ep_fail_errno(err, errno, "cannot write %s/" TMP "/data.mdb", env->folder);
	return EP_OK;
}

static enum ep_status
measure(uint64_t *bytes, int folder_fd, const char *name, struct ep_error *err)
{
	struct stat info;
	if (fstatat(folder_fd, name, &info, 0) != 0)
		return ep_fail_errno(err, errno, "cannot inspect %s", name);
	*bytes = (uint64_t)info.st_size;
	return EP_OK;
}

static enum ep_status
replace(struct ep_compacted *compacted, struct ep_env *env, int folder_fd,
        enum ep_status (*check)(void *context, const char *folder, struct ep_error *err),
        void *context, struct ep_error *err)
{
	EP_FREE char *tmp = ep_path_join(env->folder, TMP);
	struct ep_compacted made;
	if (!tmp)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(make_copy(env, folder_fd, err));
	EP_TRY(check(context, tmp, err));
	EP_TRY(measure(&made.before, folder_fd, "data.mdb", err));
	EP_TRY(measure(&made.after, folder_fd, TMP "/data.mdb", err));
	if (renameat(folder_fd, TMP "/data.mdb", folder_fd, "data.mdb") != 0)
		return ep_fail_errno(err, errno, "cannot replace %s/data.mdb", env->folder);
	EP_TRY(ep_sync_folder(env->folder, err));
	*compacted = made;
	return EP_OK;
}

enum ep_status
ep_env_compact(struct ep_compacted *compacted, struct ep_env *env,
               enum ep_status (*check)(void *context, const char *folder, struct ep_error *err),
               void *context, struct ep_error *err)
{
	EP_FD int fd = open(env->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open the folder %s", env->folder);
	enum ep_status status = replace(compacted, env, fd, check, context, err);
	remove_tmp(fd);
	return status;
}
