#include "store/log_internal.h"

#include "base/file.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const struct ep_env_kind kind = { "log", (size_t)1 << 40 };

/* ---- opening ---- */

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

/* For ep_env_make. */
static int
fill_new(MDB_txn *txn)
{
	struct ep_log log = { 0 };
	int rc = open_databases(&log, txn, MDB_CREATE);
	return rc ? rc : first_values(&log, txn);
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
		               log->env->folder);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log in %s", log->env->folder);
	uint64_t format = ep_load64(value.mv_data);
	if (format > EP_LOG_FORMAT)
		return ep_fail(err, EP_NEWER,
		               "the log in %s has format %llu, but this program knows only %d",
		               log->env->folder, (unsigned long long)format, EP_LOG_FORMAT);
	if (format < EP_LOG_FORMAT)
		return ep_fail(
			err, EP_DIVERGED,
			"the log in %s has format %llu, of a build before the first release; "
			"dump it with that build (`master-dump --all`) and ingest the dump "
			"into a new data folder",
			log->env->folder, (unsigned long long)format);
	return EP_OK;
}

static enum ep_status
find_databases(struct ep_log *log, struct ep_error *err)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(log->env->mdb, NULL, MDB_RDONLY, &txn);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log in %s", log->env->folder);
	enum ep_status status = check_format(log, txn, err);
	if (status == EP_OK) {
		rc = open_databases(log, txn, 0);
		if (rc == MDB_NOTFOUND)
			status =
				ep_fail(err, EP_CORRUPT, "%s/data.mdb is not a log of this program",
			                log->env->folder);
		else if (rc)
			status =
				ep_fail_mdb(err, rc, "cannot read the log in %s", log->env->folder);
	}
	if (status != EP_OK) {
		mdb_txn_abort(txn);
		return status;
	}
	rc = mdb_txn_commit(txn); /* which is what keeps the handles */
	return rc ? ep_fail_mdb(err, rc, "cannot read the log in %s", log->env->folder) : EP_OK;
}

enum ep_status
ep_log_open_within(struct ep_log **out, const char *folder, enum ep_log_mode mode, size_t map_size,
                   struct ep_error *err)
{
	const struct ep_env_kind within = ep_env_kind_within(&kind, map_size);
	if (mode == EP_LOG_MAKE)
		EP_TRY(ep_env_make(folder, &within, fill_new, err));
	EP_OWNED(ep_log_close)
	struct ep_log *log = calloc(1, sizeof *log);
	if (!log)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	enum ep_status status = ep_env_open(&log->env, folder, &within, mode != EP_LOG_READ, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_NOT_FOUND,
		               "there is no data folder at %s; create it with `echoprint init` or "
		               "an ingest",
		               folder);
	EP_TRY(status);
	EP_TRY(find_databases(log, err));
	if (mode != EP_LOG_READ) {
		/* Before anything is reported as kept, the names that lead to it are durable;
		 * whoever made them may have been killed before it saw to that. */
		EP_TRY(ep_sync_folder(folder, err));
		EP_TRY(ep_sync_name(folder, err));
	}
	*out = EP_TAKE(log);
	return EP_OK;
}

enum ep_status
ep_log_open(struct ep_log **out, const char *folder, enum ep_log_mode mode, struct ep_error *err)
{
	return ep_log_open_within(out, folder, mode, 0, err);
}

void
ep_log_close(struct ep_log *log)
{
	if (!log)
		return;
	ep_env_close(log->env);
	free(log);
}

const char *
ep_log_folder(const struct ep_log *log)
{
	return log->env->folder;
}

void
ep_log_trim(struct ep_log *log)
{
	MDB_envinfo env;
	MDB_stat stat;
	if (!log->env->map || mdb_env_info(log->env->mdb, &env) ||
	    mdb_env_stat(log->env->mdb, &stat))
		return;
	size_t used = (env.me_last_pgno + 1) * (size_t)stat.ms_psize;
	/* The pages stay in the system's cache; nothing that was written is lost, as LMDB writes
	 * with pwrite and maps for reading only. */
	(void)madvise(log->env->map, used < env.me_mapsize ? used : env.me_mapsize, MADV_DONTNEED);
}

void
ep_log_expect_lookups(struct ep_log *log)
{
	MDB_envinfo env;
	if (log->env->map && mdb_env_info(log->env->mdb, &env) == 0)
		(void)madvise(log->env->map, env.me_mapsize, MADV_RANDOM);
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
