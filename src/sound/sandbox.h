/* sandbox.h - what the decoder process takes from itself before it looks at a file */
#ifndef EP_SOUND_SANDBOX_H
#define EP_SOUND_SANDBOX_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Memory that a decoder of files may use, and processor time between two pieces of sound. */
#define EP_DECODER_MEMORY ((size_t)512 << 20)
#define EP_DECODER_CPU_S 60

/* The same of a live one: its processor time is a rate, so much, and a share of the sound that was
 * given out. */
#define EP_LIVE_MEMORY ((size_t)128 << 20)
#define EP_LIVE_CPU_S 20
#define EP_LIVE_CPU_SHARE 4 /* a quarter */

/* Closes all descriptors above keep. */
void ep_sandbox_close_others(int keep);

/* Closes all descriptors above keep, and gives up for good: opening files or finding out whether
 * they exist, sockets, processes and threads, signals to others, making memory executable (by
 * seccomp, where the kernel has it), writing files, dumping core, more than so many
 * bytes of memory. Builds with a sanitizer, which needs them, keep memory and system calls. EP_IO.
 */
EP_MUST_USE enum ep_status ep_sandbox_enter(int keep, size_t memory, struct ep_error *err);

/* Allows another EP_DECODER_CPU_S from now; after them the process dies by SIGXCPU. */
void ep_sandbox_more_time(void);

/* Allows so many seconds since it began. */
void ep_sandbox_all_time(uint64_t seconds);

#endif
