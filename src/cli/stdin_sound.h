/* stdin_sound.h - audio on standard input, which is read as a file */
#ifndef EP_CLI_STDIN_SOUND_H
#define EP_CLI_STDIN_SOUND_H

#include "cli/cli.h"

/* Audio that came by a pipe and is kept in memory may have so many bytes. */
#define EP_STDIN_SOUND_MAX ((size_t)256 << 20)

/* Looks whether standard input is audio, as far as its first bytes tell; nothing of it is read.
 * Waits for them where it is a pipe, and the first argument: otherwise the arguments before it come
 * first.
 *
 * *path  what to open instead of "-", for free(): the file that standard input is, or, with copy, a
 *        copy in memory; NULL: it is no audio.
 * EP_BAD_INPUT  it is audio from a pipe, and a copy was not wanted, or would be too large. EP_IO,
 * EP_INTERRUPTED, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_stdin_sound(char **path, bool copy, const struct ep_call *call,
                                          struct ep_error *err);

#endif
