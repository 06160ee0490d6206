/* env_compact.h - an environment's file without free pages, in place of the one with them
 *
 * LMDB never makes its file smaller. A compact copy can take its place, but only where no other
 * process has the old file open: what it wrote there would be lost.
 */
#ifndef EP_STORE_ENV_COMPACT_H
#define EP_STORE_ENV_COMPACT_H

#include "base/status.h"

#include <stdint.h>

struct ep_env;

/* Sees that no other process has the environment open. Until it is closed, others that want to open
 * it wait. EP_BAD_INPUT  another process has it open; the text says which. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_env_take_alone(struct ep_env *env, struct ep_error *err);

/* Bytes of the file. */
struct ep_compacted {
	uint64_t before;
	uint64_t after;
};

/* Puts a compact copy in place of the file of an environment that was taken alone, durably. The
 * environment still has the old file open then, and is of no use but to be closed.
 *
 * check  compares the copy, which is an environment in a folder, before it gets its place; context
 *        is for it. EP_CORRUPT, EP_IO, EP_NO_SPACE, EP_NO_MEMORY, and what check fails with: the
 *        old file stays, and nothing else is left. */
EP_MUST_USE enum ep_status ep_env_compact(struct ep_compacted *compacted, struct ep_env *env,
                                          enum ep_status (*check)(void *context, const char *folder,
                                                                  struct ep_error *err),
                                          void *context, struct ep_error *err);

#endif
