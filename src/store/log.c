#include "store/log_internal.h"

#include "base/file.h"
#include "store/guard.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAP_SIZE ((size_t)1 << 40)

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

static enum ep_status
map_size(size_t *size, struct ep_error *err)
{
	*size = MAP_SIZE;
	const char *text = getenv("ECHOPRINT_MAP_SIZE");
	if (!text || !*text)
		return EP_OK;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || *text == '-' || value < 1048576 || value > SIZE_MAX / 2)
		return ep_fail(err, EP_USAGE,
		               "ECHOPRINT_MAP_SIZE is \"%s\", but must be a number of bytes, at "
		               "least 1048576",
		               text);
	*size = (size_t)value / 4096 * 4096;
	return EP_OK;
}

/* Whether there is a log in the folder; EP_NOT_FOUND says where it was looked for. */
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
	return ep_fail(
		err, EP_NOT_FOUND,
		"there is no data folder at %s; create it with `echoprint init` or an ingest",
		folder);
}

/* Opens all databases, with MDB_CREATE makes them; gives what LMDB returned. */
static int
open_databases(struct ep_log *log, MDB_txn *txn, unsigned flags)
{
	struct {
		const char *name;
		MDB_dbi *dbi;
		unsigned flags;
	} databases[] = {
		{ "log", &log->log, MDB_INTEGERKEY },
		{ "ids", &log->ids, 0 },
		{ "by_source", &log->by_source, 0 },
		{ "sources", &log->sources, 0 },
		{ "parties", &log->parties, 0 },
		{ "links", &log->links, 0 },
		{ "aside", &log->aside, 0 },
		{ "unconfirmed", &log->unconfirmed, 0 },
		{ "proofs", &log->proofs, 0 },
		{ "bases", &log->bases, 0 },
		{ "marks", &log->marks, MDB_INTEGERKEY },
		{ "values", &log->values, 0 },
	};
	for (size_t i = 0; i < sizeof databases / sizeof *databases; i++) {
		int rc = mdb_dbi_open(txn, databases[i].name, databases[i].flags | flags,
		                      databases[i].dbi);
		if (rc)
			return rc;
	}
	return 0;
}

/* Puts the first values into a new log. */
static int
first_values(struct ep_log *log, MDB_txn *txn)
{
	uint8_t format[8];
	ep_store64(format, EP_LOG_FORMAT);
	uint8_t zeros[EP_DIGEST_BYTES] = { 0 };
	uint8_t id[EP_NODE_ID_SIZE];
	uint8_t epoch[16];
	randombytes_buf(id, sizeof id);
	randombytes_buf(epoch, sizeof epoch);
	ep_store64(epoch, 1);
	struct {
		const char *name;
		void *bytes;
		size_t size;
	} values[] = {
		{ EP_FORMAT_VALUE, format, sizeof format },  { EP_STATE_VALUE, zeros, 40 },
		{ EP_DIGEST_VALUE, zeros, EP_DIGEST_BYTES }, { EP_ID_VALUE, id, sizeof id },
		{ EP_EPOCH_VALUE, epoch, sizeof epoch },
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char name[16];
		snprintf(name, sizeof name, "%s", values[i].name);
		MDB_val key = { .mv_data = name, .mv_size = strlen(name) };
		MDB_val value = { .mv_data = values[i].bytes, .mv_size = values[i].size };
		int rc = mdb_put(txn, log->values, &key, &value, MDB_NOOVERWRITE);
		if (rc && rc != MDB_KEYEXIST)
			return rc;
	}
	for (uint32_t number = EP_SOURCE_LOCAL; number <= EP_SOURCE_MASTER; number++) {
		uint32_t big = htobe32(number);
		uint8_t bytes[EP_SOURCE_FIXED + 6] = { 0 };
		memcpy(bytes + EP_SOURCE_FIXED, number == EP_SOURCE_LOCAL ? "local" : "master", 6);
		MDB_val key = { .mv_data = &big, .mv_size = sizeof big };
		MDB_val value = { .mv_data = bytes,
			          .mv_size =
			                  EP_SOURCE_FIXED + (number == EP_SOURCE_LOCAL ? 5 : 6) };
		int rc = mdb_put(txn, log->sources, &key, &value, MDB_NOOVERWRITE);
		if (rc && rc != MDB_KEYEXIST)
			return rc;
	}
	return 0;
}

static enum ep_status
make_databases(struct ep_log *log, struct ep_error *err)
{
	MDB_txn *txn = NULL;
	int rc = mdb_txn_begin(log->env, NULL, 0, &txn);
	if (!rc) {
		rc = open_databases(log, txn, MDB_CREATE);
		if (!rc)
			rc = first_values(log, txn);
		if (rc)
			mdb_txn_abort(txn);
		else
			rc = mdb_txn_commit(txn);
	}
	return rc ? ep_fail_mdb(err, ep_explain_write(rc, log->folder),
	                        "cannot create the log in %s", log->folder)
	          : EP_OK;
}

/* The format of a log, before its databases are opened: other formats have others. */
static enum ep_status
check_format(struct ep_log *log, MDB_txn *txn, struct ep_error *err)
{
	char name[] = EP_FORMAT_VALUE;
	MDB_dbi values;
	MDB_val key = { .mv_data = name, .mv_size = strlen(name) };
	MDB_val value;
	int rc = mdb_dbi_open(txn, "values", 0, &values);
	if (!rc)
		rc = mdb_get(txn, values, &key, &value);
	if (rc == MDB_NOTFOUND || (!rc && value.mv_size != 8))
		return ep_fail(err, EP_CORRUPT, "%s/data.mdb is not a log of this program",
		               log->folder);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log in %s", log->folder);
	uint64_t format = ep_load64(value.mv_data);
	if (format > EP_LOG_FORMAT)
		return ep_fail(err, EP_NEWER,
		               "the log in %s has format %llu, but this program knows only %d",
		               log->folder, (unsigned long long)format, EP_LOG_FORMAT);
	if (format < EP_LOG_FORMAT)
		return ep_fail(
			err, EP_DIVERGED,
			"the log in %s has format %llu, of a build before the first release; "
			"dump it with that build (`master-dump --all`) and ingest the dump "
			"into a new data folder",
			log->folder, (unsigned long long)format);
	return EP_OK;
}

static enum ep_status
find_databases(struct ep_log *log, struct ep_error *err)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(log->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log in %s", log->folder);
	enum ep_status status = check_format(log, txn, err);
	if (status == EP_OK) {
		rc = open_databases(log, txn, 0);
		if (rc == MDB_NOTFOUND)
			status = ep_fail(err, EP_CORRUPT,
			                 "%s/data.mdb is not a log of this program", log->folder);
		else if (rc)
			status = ep_fail_mdb(err, rc, "cannot read the log in %s", log->folder);
	}
	if (status != EP_OK) {
		mdb_txn_abort(txn);
		return status;
	}
	rc = mdb_txn_commit(txn); /* which is what keeps the handles */
	return rc ? ep_fail_mdb(err, rc, "cannot read the log in %s", log->folder) : EP_OK;
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
 * file would give up LMDB's own locks. Returns a descriptor to be closed; -1 where there is no file
 * yet. */
static int
lock_door(const char *folder)
{
	EP_FREE char *path = ep_path_join(folder, "data.mdb");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
		continue;
	return fd;
}

static enum ep_status
open_environment(struct ep_log **out, const char *folder, unsigned flags, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = calloc(1, sizeof *log);
	if (!log)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	log->folder = strdup(folder);
	if (!log->folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	size_t size;
	EP_TRY(map_size(&size, err));
	EP_TRY(reserve_lock(folder, err));
	log->map_size = size;
	EP_FD int door = lock_door(folder);
	(void)door;
	int rc = mdb_env_create(&log->env);
	if (!rc)
		ep_guard_watch(log);
	if (!rc)
		rc = mdb_env_set_maxdbs(log->env, 16);
	if (!rc)
		rc = mdb_env_set_maxreaders(log->env, READERS_MAX);
	if (!rc)
		rc = mdb_env_set_mapsize(log->env, size);
	/* MDB_NOTLS: a snapshot may be handed from thread to thread. */
	if (!rc)
		rc = ep_explain_write(mdb_env_open(log->env, folder, MDB_NOTLS | flags, 0600),
		                      folder);
	int dead;
	if (!rc)
		rc = mdb_reader_check(log->env, &dead); /* frees what killed readers held */
	if (rc)
		return ep_fail_mdb(err, rc, "cannot open the log in %s", folder);
	*out = EP_TAKE(log);
	return EP_OK;
}

/* ---- a new log ---- */

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

/* Makes an empty log in folder/NEW_FOLDER and moves it into place: a log is complete or absent, as
 * LMDB's own first pages are not. */
static enum ep_status
make_in_new(const char *folder, int folder_fd, struct ep_error *err)
{
	EP_FREE char *place = ep_path_join(folder, NEW_FOLDER);
	if (!place)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	remove_new(folder_fd);
	if (mkdirat(folder_fd, NEW_FOLDER, 0700) != 0)
		return ep_fail_errno(err, errno, "cannot create the folder %s", place);
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_TRY(open_environment(&log, place, 0, err));
	EP_TRY(make_databases(log, err));
	ep_log_close(EP_TAKE(log));
	if (renameat(folder_fd, NEW_FOLDER "/data.mdb", folder_fd, "data.mdb") != 0)
		return ep_fail_errno(err, errno, "cannot create the log in %s", folder);
	return EP_OK;
}

/* Makes the folder, and the log in it, where they are not there. */
static enum ep_status
make_log(const char *folder, struct ep_error *err)
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
	enum ep_status status = make_in_new(folder, fd, err);
	remove_new(fd);
	return status;
}

/* Opens an environment and checks that its file is whole. */
static enum ep_status
open_whole(struct ep_log **out, struct stat *info, const char *folder, bool writing,
           struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_TRY(open_environment(&log, folder, writing ? 0 : MDB_RDONLY, err));
	enum ep_status status = ep_log_check_size(log, info, writing, err);
	if (status == EP_OK)
		*out = EP_TAKE(log);
	return status;
}

enum ep_status
ep_log_open(struct ep_log **out, const char *folder, enum ep_log_mode mode, struct ep_error *err)
{
	if (mode == EP_LOG_MAKE)
		EP_TRY(make_log(folder, err));
	EP_TRY(check_folder(folder, err));
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	struct stat info;
	enum ep_status status = open_whole(&log, &info, folder, mode != EP_LOG_READ, err);
	if (status == EP_NOT_FOUND) {
		/* A short file: one that writes finds out whether it is whole. */
		EP_TRY(open_whole(&log, &info, folder, true, err));
		ep_log_close(EP_TAKE(log));
		status = open_whole(&log, &info, folder, false, err);
	}
	EP_TRY(status);
	EP_TRY(find_databases(log, err));
	if (mode != EP_LOG_READ) {
		/* Before anything is reported as kept, the names that lead to it are durable;
		 * whoever made them may have been killed before it saw to that. */
		EP_TRY(ep_sync_folder(folder, err));
		EP_TRY(ep_sync_name(folder, err));
	}
	log->map = find_map(&info);
	*out = EP_TAKE(log);
	return EP_OK;
}

void
ep_log_close(struct ep_log *log)
{
	if (!log)
		return;
	ep_guard_forget(log);
	if (log->env) {
		EP_FD int door = lock_door(log->folder);
		(void)door;
		mdb_env_close(log->env);
	}
	free(log->folder);
	free(log);
}

const char *
ep_log_folder(const struct ep_log *log)
{
	return log->folder;
}

void
ep_log_trim(struct ep_log *log)
{
	MDB_envinfo env;
	MDB_stat stat;
	if (!log->map || mdb_env_info(log->env, &env) || mdb_env_stat(log->env, &stat))
		return;
	size_t used = (env.me_last_pgno + 1) * (size_t)stat.ms_psize;
	/* The pages stay in the system's cache; nothing that was written is lost, as LMDB writes
	 * with pwrite and maps for reading only. */
	(void)madvise(log->map, used < env.me_mapsize ? used : env.me_mapsize, MADV_DONTNEED);
}

void
ep_log_expect_lookups(struct ep_log *log)
{
	MDB_envinfo env;
	if (log->map && mdb_env_info(log->env, &env) == 0)
		(void)madvise(log->map, env.me_mapsize, MADV_RANDOM);
}

void
ep_log_trim_after(struct ep_log *log, size_t *untrimmed, size_t bytes, size_t every)
{
	*untrimmed += bytes;
	if (*untrimmed < every)
		return;
	ep_log_trim(log);
	*untrimmed = 0;
}
