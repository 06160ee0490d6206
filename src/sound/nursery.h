/* nursery.h - decoder processes by the hundred: one that has loaded its libraries makes the others
 *
 *     program --FORK, a socket--> nursery --fork--> decoder, shut in, with that socket
 *             <--FORKED, its id--'
 *
 * A decoder so made takes 1 ms instead of 60, and shares the memory of the libraries. It is the
 * program's child, as if the program had started it. A nursery that dies is made anew; the decoders
 * that it made live on.
 */
#ifndef EP_SOUND_NURSERY_H
#define EP_SOUND_NURSERY_H

#include "sound/process.h"

struct ep_nursery;

/* The process is started with the first decoder. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_nursery_open(struct ep_nursery **out, struct ep_error *err);
void ep_nursery_close(struct ep_nursery *nursery);
EP_DEFINE_OWNED(struct ep_nursery, ep_nursery_close)

/* Makes a decoder, to be ended with ep_decoder_process_end; any thread may call. EP_IO. */
EP_MUST_USE enum ep_status ep_nursery_make(struct ep_decoder_process *process,
                                           struct ep_nursery *nursery, struct ep_error *err);

#endif
