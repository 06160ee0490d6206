/* env_internal.h - what the files of an environment share; of no use elsewhere */
#ifndef EP_STORE_ENV_INTERNAL_H
#define EP_STORE_ENV_INTERNAL_H

#include "store/env.h"

#include <sys/stat.h>

/* Waits for the lock that whoever opens or closes an environment holds meanwhile. */
int ep_env_lock_door(const char *folder);

/* LMDB reads its map without looking at the file's size, so that a file that was cut short would be
 * a bus error; but it also does not write pages that were made and freed in one transaction, so
 * that a file may be short and whole. Fills *info with what the file is.
 *
 * writing  it was opened for writing: a short but whole file is made longer.
 * EP_CORRUPT  cut short. EP_NOT_FOUND  short, and to be looked at by one that writes. */
EP_MUST_USE enum ep_status ep_env_check_size(struct ep_env *env, struct stat *info, bool writing,
                                             struct ep_error *err);

#endif
