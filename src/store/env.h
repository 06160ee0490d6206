/* env.h - an LMDB environment: data.mdb and lock.mdb in a folder of their own
 *
 * What is made is complete or absent, what is damaged is told and never a signal (guard.h), and a
 * file that was cut short is refused. Several processes may have one open.
 */
#ifndef EP_STORE_ENV_H
#define EP_STORE_ENV_H

#include "base/status.h"
#include "store/mdb.h"

#include <stdbool.h>
#include <stddef.h>

/* What an environment holds. */
struct ep_env_kind {
	const char *what; /* for texts: "log" */
	size_t map_size; /* bytes that it may have; a map takes as many addresses */
};

struct ep_env {
	MDB_env *mdb;
	char *folder;
	const char *what;
	void *map; /* NULL where it is not known */
	size_t map_size;
	int door; /* its lock on data.mdb where it is alone (env_compact.h); else -1 */
};

/* Makes the folder and the environment in it, where they are not there, durably.
 *
 * fill  makes its databases, in a transaction that is committed where it gives 0; gives what LMDB
 *       returned. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_env_make(const char *folder, const struct ep_env_kind *kind,
                                       int (*fill)(MDB_txn *txn), struct ep_error *err);

/* The kind with another map; map_size 0: with its own. */
struct ep_env_kind ep_env_kind_within(const struct ep_env_kind *kind, size_t map_size);

/* Opens one. EP_NOT_FOUND  there is no file data.mdb. EP_CORRUPT  it is cut short, or not one of
 * LMDB's. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_env_open(struct ep_env **out, const char *folder,
                                       const struct ep_env_kind *kind, bool writing,
                                       struct ep_error *err);

/* Closes it; its transactions must have ended. Accepts NULL. */
void ep_env_close(struct ep_env *env);
EP_DEFINE_OWNED(struct ep_env, ep_env_close)

#endif
