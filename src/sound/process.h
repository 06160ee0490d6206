/* process.h - a decoder process, started and ended */
#ifndef EP_SOUND_PROCESS_H
#define EP_SOUND_PROCESS_H

#include "base/status.h"

#include <stdbool.h>
#include <sys/types.h>

struct ep_decoder_process {
	pid_t id;
	int socket; /* to talk to it; -1: there is none */
};
#define EP_DECODER_PROCESS_NONE ((struct ep_decoder_process){ .id = -1, .socket = -1 })

/* The descriptor under which a decoder has its end of the socket. */
#define EP_DECODER_SOCKET 3

/* Name of the decoder program. */
#define EP_DECODER_PROGRAM "echoprint-decoder"

/* Where it is from the program's folder in an installation, wherever that was moved. */
#define EP_DECODER_MOVED "../libexec/echoprint/" EP_DECODER_PROGRAM

/* Where it is installed. */
#define EP_DECODER_INSTALLED EP_LIBEXEC "/" EP_DECODER_PROGRAM

/* The word that makes a nursery of it (nursery.h). */
#define EP_DECODER_AS_NURSERY "nursery"

/* Starts a decoder or, with as, what that says; NULL: a decoder.
 *
 * program  its path; NULL: next to this program, else EP_DECODER_MOVED from there, else
 *          EP_DECODER_INSTALLED. EP_IO. */
EP_MUST_USE enum ep_status ep_decoder_process_start(struct ep_decoder_process *process,
                                                    const char *program, const char *as,
                                                    struct ep_error *err);

/* Makes the two ends of a socket to a decoder: *theirs can become EP_DECODER_SOCKET. EP_IO. */
EP_MUST_USE enum ep_status ep_decoder_sockets(int *ours, int *theirs, struct ep_error *err);

/* Ends it, if there is one, and gives how it ended, as waitpid does; 0 if there was none.
 *
 * dying  it has closed its socket, and is waited for, to see how it dies; else it is killed. */
int ep_decoder_process_end(struct ep_decoder_process *process, bool dying);

/* Ends one that has closed its socket by itself, and fails with how it went: EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_decoder_process_tell_death(struct ep_decoder_process *process,
                                                         struct ep_error *err);

#endif
