#include "plays/plays_internal.h"

#include "base/file.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "log of plays"

/* Some hundred million plays. */
static const struct ep_env_kind kind = { WHAT, (size_t)64 << 30 };

/* Opens all databases, with MDB_CREATE makes them; gives what LMDB returned. */
static int
open_databases(struct ep_plays *plays, MDB_txn *txn, unsigned flags)
{
	struct {
		const char *name;
		MDB_dbi *dbi;
	} databases[] = {
		{ "plays", &plays->plays },     { "gaps", &plays->gaps },
		{ "by_time", &plays->by_time }, { "events", &plays->events },
		{ "streams", &plays->streams }, { "names", &plays->names },
		{ "values", &plays->values },
	};
	for (size_t i = 0; i < sizeof databases / sizeof *databases; i++) {
		int rc = mdb_dbi_open(txn, databases[i].name, flags, databases[i].dbi);
		if (rc)
			return rc;
	}
	return 0;
}

/* For ep_env_make. */
static int
fill_new(MDB_txn *txn)
{
	struct ep_plays plays;
	uint8_t format[8];
	uint8_t id[8];
	ep_store64(format, EP_PLAYS_FORMAT_FIRST);
	randombytes_buf(id, sizeof id);
	int rc = open_databases(&plays, txn, MDB_CREATE);
	struct {
		const char *name;
		uint8_t *bytes;
	} values[] = { { EP_PLAYS_FORMAT_VALUE, format }, { EP_PLAYS_ID_VALUE, id } };
	for (size_t i = 0; !rc && i < sizeof values / sizeof *values; i++) {
		MDB_val key = ep_val_of(ep_text_of(values[i].name));
		MDB_val value = { .mv_data = values[i].bytes, .mv_size = 8 };
		rc = mdb_put(txn, plays.values, &key, &value, 0);
	}
	return rc;
}

static enum ep_status
check_format(const struct ep_plays_read *read, struct ep_error *err)
{
	const char *folder = read->plays->env->folder;
	struct ep_bytes value = { 0 };
	enum ep_status status =
		ep_plays_get(&value, read, read->plays->values, EP_PLAYS_FORMAT_VALUE,
	                     sizeof EP_PLAYS_FORMAT_VALUE - 1, err);
	if (status == EP_NOT_FOUND || (status == EP_OK && value.size != 8))
		return ep_fail(err, EP_CORRUPT, "%s/data.mdb is not a " WHAT, folder);
	EP_TRY(status);
	uint64_t format = ep_load64(value.at);
	if (format > EP_PLAYS_FORMAT)
		return ep_fail(err, EP_NEWER,
		               "the " WHAT " in %s has format %llu, but this program knows only %d",
		               folder, (unsigned long long)format, EP_PLAYS_FORMAT);
	return EP_OK;
}

static enum ep_status
find_databases(struct ep_plays *plays, struct ep_error *err)
{
	struct ep_plays_read read = { .plays = plays };
	int rc = mdb_txn_begin(plays->env->mdb, NULL, MDB_RDONLY, &read.txn);
	if (rc)
		return ep_plays_read_failed(&read, rc, err);
	rc = open_databases(plays, read.txn, 0);
	enum ep_status status =
		rc ? ep_plays_read_failed(&read, rc, err) : check_format(&read, err);
	if (status != EP_OK) {
		mdb_txn_abort(read.txn);
		return status;
	}
	rc = mdb_txn_commit(read.txn); /* which is what keeps the handles */
	return rc ? ep_plays_read_failed(&read, rc, err) : EP_OK;
}

/* What was made is durable before anything is reported as kept. */
static enum ep_status
sync_names(const char *folder, struct ep_error *err)
{
	EP_TRY(ep_sync_folder(folder, err));
	return ep_sync_name(folder, err);
}

enum ep_status
ep_plays_open_at(struct ep_plays **out, const char *folder, bool make, size_t map_size,
                 struct ep_error *err)
{
	const struct ep_env_kind within = ep_env_kind_within(&kind, map_size);
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = calloc(1, sizeof *plays);
	if (!plays)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (make)
		EP_TRY(ep_env_make(folder, &within, fill_new, err));
	EP_TRY(ep_env_open(&plays->env, folder, &within, make, err));
	EP_TRY(find_databases(plays, err));
	if (make)
		EP_TRY(sync_names(folder, err));
	*out = EP_TAKE(plays);
	return EP_OK;
}

enum ep_status
ep_plays_open(struct ep_plays **out, const char *data_folder, bool make, size_t map_size,
              struct ep_error *err)
{
	EP_FREE char *folder = ep_path_join(data_folder, EP_PLAYS_FOLDER);
	if (!folder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	enum ep_status status = ep_plays_open_at(out, folder, make, map_size, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_NOT_FOUND,
		               "there is no " WHAT " in %s; `echoprint monitor` writes one",
		               data_folder);
	return status;
}

void
ep_plays_close(struct ep_plays *plays)
{
	if (!plays)
		return;
	ep_env_close(plays->env);
	free(plays);
}
