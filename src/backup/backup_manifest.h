/* backup_manifest.h - what a backup is of: JSON at its front, shown to the user and compared with
 * the log when it is restored */
#ifndef EP_BACKUP_BACKUP_MANIFEST_H
#define EP_BACKUP_BACKUP_MANIFEST_H

#include "base/hash.h"
#include "base/sign.h"
#include "base/time.h"
#include "store/log.h"

#include <jansson.h>

#define EP_BACKUP_PROGRAM 32

struct ep_backup_manifest {
	char program[EP_BACKUP_PROGRAM]; /* version of the program that made it */
	char node[EP_SOURCE_NAME_MAX + 1]; /* name of the node */
	char id[2 * EP_NODE_ID_SIZE + 1]; /* of its log, in hex */
	char key[EP_KEY_TEXT]; /* its public key; empty: it had none yet */
	char master[EP_KEY_TEXT]; /* public key of the master that it follows; empty: none */
	char digest[EP_HASH_TEXT]; /* state digest at position */
	uint64_t position;
	uint64_t documents;
	uint64_t tracks;
	uint64_t epoch; /* its number */
	int64_t time; /* when it was made */
	bool with_key; /* the secret key is in it */
};

/* Fills it from a snapshot of the log; program and time are set, with_key is false.
 * folder  the data folder, for the key. EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_backup_manifest_of(struct ep_backup_manifest *manifest,
                                                 const struct ep_log_read *read, const char *folder,
                                                 struct ep_error *err);

/* As JSON; NULL where there is no memory. */
json_t *ep_backup_manifest_json(const struct ep_backup_manifest *manifest);

/* The same as text, for free(). EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_backup_manifest_text(char **text,
                                                   const struct ep_backup_manifest *manifest,
                                                   struct ep_error *err);

/* Reads it. EP_CORRUPT  it is none. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_backup_manifest_read(struct ep_backup_manifest *manifest,
                                                   struct ep_text text, struct ep_error *err);

/* Whether a log at this snapshot is the one of the manifest: same position, same digest.
 * EP_CORRUPT  it is not. EP_IO. */
EP_MUST_USE enum ep_status ep_backup_manifest_check(const struct ep_backup_manifest *manifest,
                                                    const struct ep_log_read *read,
                                                    struct ep_error *err);

#endif
