/* sandbox.h - what the decoder process takes from itself before it looks at a file */
#ifndef EP_SOUND_SANDBOX_H
#define EP_SOUND_SANDBOX_H

#include "base/status.h"

/* Memory that a decoder may use, and processor time between two pieces of sound. */
#define EP_DECODER_MEMORY ((size_t)512 << 20)
#define EP_DECODER_CPU_S 60

/* Closes all descriptors above keep, and gives up for good: opening files or finding out whether
 * they exist, sockets, processes and threads, signals to others, making memory executable (by
 * seccomp, where the kernel has it), writing files, dumping core, more memory than
 * EP_DECODER_MEMORY. Builds with a sanitizer, which needs them, keep memory and system calls.
 * EP_IO. */
EP_MUST_USE enum ep_status ep_sandbox_enter(int keep, struct ep_error *err);

/* Allows another EP_DECODER_CPU_S from now; after them the process dies by SIGXCPU. */
void ep_sandbox_more_time(void);

#endif
