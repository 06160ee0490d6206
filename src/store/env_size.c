#include "store/env_internal.h"

#include <sys/stat.h>
#include <unistd.h>

/* LMDB's own list of free pages. */
#define FREE_DBI 0

/* Whether all pages from `first` up to `last` are free; false also where the list cannot be read.
 * Each value of the list is a number of pages and their numbers, all of the machine's word. */
static bool
all_free(MDB_env *mdb, uint64_t first, uint64_t last)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	uint64_t found = 0;
	if (mdb_txn_begin(mdb, NULL, MDB_RDONLY, &txn)) /* others may not read the list */
		return false;
	if (mdb_cursor_open(txn, FREE_DBI, &cursor)) {
		mdb_txn_abort(txn);
		return false;
	}
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		size_t count = value.mv_size / sizeof(size_t);
		const size_t *pages = value.mv_data;
		for (size_t i = 1; i < count && i <= pages[0]; i++)
			found += pages[i] >= first && pages[i] <= last;
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return found == last - first + 1;
}

/* Looks at a short file while nobody writes: makes it as long as LMDB counts it where only free
 * pages are missing, else leaves it as it is. */
static enum ep_status
lengthen(struct ep_env *env, mdb_filehandle_t fd, struct stat *info, struct ep_error *err)
{
	MDB_txn *txn;
	MDB_envinfo at;
	MDB_stat stat;
	int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot write the %s in %s", env->what, env->folder);
	bool known = !mdb_env_info(env->mdb, &at) && !mdb_env_stat(env->mdb, &stat) &&
	             fstat(fd, info) == 0;
	off_t size = info->st_size;
	off_t needed = known ? (off_t)(at.me_last_pgno + 1) * stat.ms_psize : size;
	bool good = known;
	if (known && size < needed) {
		/* Longer first: what is not there must not be touched in the map. */
		good = ftruncate(fd, needed) == 0 &&
		       all_free(env->mdb, (uint64_t)size / stat.ms_psize, at.me_last_pgno);
		if (!good)
			(void)!ftruncate(fd, size);
	}
	mdb_txn_abort(txn);
	return good ? EP_OK
	            : ep_fail(err, EP_CORRUPT,
	                      "%s/data.mdb was truncated: it has %lld bytes and needs %lld",
	                      env->folder, (long long)size, (long long)needed);
}

enum ep_status
ep_env_check_size(struct ep_env *env, struct stat *info, bool writing, struct ep_error *err)
{
	mdb_filehandle_t fd;
	MDB_envinfo at;
	MDB_stat stat;
	if (mdb_env_info(env->mdb, &at) || mdb_env_stat(env->mdb, &stat) ||
	    mdb_env_get_fd(env->mdb, &fd) || fstat(fd, info) != 0)
		return ep_fail(err, EP_IO, "cannot inspect the %s in %s", env->what, env->folder);
	uint64_t needed = ((uint64_t)at.me_last_pgno + 1) * stat.ms_psize;
	if ((uint64_t)info->st_size >= needed)
		return EP_OK;
	return writing ? lengthen(env, fd, info, err)
	               : ep_fail(err, EP_NOT_FOUND, "the %s in %s must be extended", env->what,
	                         env->folder);
}
