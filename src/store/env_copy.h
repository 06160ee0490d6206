/* env_copy.h - a copy of an environment as it was at one moment, while others write
 *
 * The bytes are those of a file data.mdb without free pages (LMDB's MDB_CP_COMPACT). They are made
 * in a thread of their own and come through a pipe, so that whoever reads them decides how fast.
 */
#ifndef EP_STORE_ENV_COPY_H
#define EP_STORE_ENV_COPY_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct ep_env;
struct ep_env_copy;

/* How long it is tried to begin at a moment in which nobody commits, in seconds. While a commit is
 * being synced, which may take long, LMDB shows two newest states; so there is a pause between
 * tries. */
#define EP_ENV_TRY_S 60

/* The pause; false when the time is over. *began is 0 before the first call. */
bool ep_env_try_again(double *began);

/* Begins a copy; when it returns, the moment is past whose state is copied. The environment must
 * stay open until the copy is closed. Until then, pages that others free are not used again, so
 * that the file grows with what they write. EP_IO, EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_env_copy_open(struct ep_env_copy **out, struct ep_env *env,
                                            struct ep_error *err);

/* Puts 1 to size bytes into bytes and their number into *got; 0 at the end of a whole copy. size is
 * at least 1. EP_CORRUPT  LMDB cannot read a page. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_env_copy_read(size_t *got, struct ep_env_copy *copy, void *bytes,
                                            size_t size, struct ep_error *err);

/* Ends it, also before its end. Accepts NULL. */
void ep_env_copy_close(struct ep_env_copy *copy);
EP_DEFINE_OWNED(struct ep_env_copy, ep_env_copy_close)

#endif
