/* decoder_nursery.h - a process that makes decoders; in the decoder process
 *
 * The libraries take 60 ms to load, and some MB of memory that they change. A nursery has loaded
 * them once, and its children share all that. It reads nothing that comes from outside; each child
 * shuts itself in before it does.
 */
#ifndef EP_SOUND_DECODER_NURSERY_H
#define EP_SOUND_DECODER_NURSERY_H

#include <stdbool.h>

/* Serves as a nursery on EP_DECODER_SOCKET. False when the talk has ended. True in every child,
 * which has a socket of its own there. */
bool ep_decoder_nursery(void);

#endif
