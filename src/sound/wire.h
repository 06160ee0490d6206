/* wire.h - what the program and its decoder process say to each other, over a socket
 *
 * A message is a header and a payload; integers are little-endian.
 *
 *     header   kind 1 byte, size of the payload 4 bytes
 *
 *     kind     from     payload
 *     ASK      program  with the file as a descriptor: flags 1, start 8, duration 8 (microseconds),
 *                       the rest: the file's name, of which the ending helps to recognise it
 *     SAMPLES  decoder  mono samples, 16 bits signed each, EP_SOUND_RATE a second
 *     FORMAT   decoder  of a live one, before its first samples: sample rate 4, bit rate 4 (bit/s),
 *                       the rest: the codec's name
 *     TITLE    decoder  of a live one: what plays now, as text
 *     DONE     decoder  sample rate 4, bit rate 4 (bit/s), duration 8 (microseconds); then six
 *                       texts, 2 bytes of size each: artist, release, title, genre, ISRC,
 *                       MusicBrainz recording id
 *     NONE     decoder  why there is no sound in the file, as text
 *     FAILED   decoder  why it cannot be decoded, as text
 *
 *     FORK     program  with a socket as a descriptor: nothing; for a nursery alone
 *     FORKED   nursery  process id 4, 0 where it failed; errno 4
 *
 * An ASK is answered by any number of SAMPLES, FORMAT and TITLE and one of DONE, NONE and FAILED.
 */
#ifndef EP_SOUND_WIRE_H
#define EP_SOUND_WIRE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum ep_wire_kind {
	EP_WIRE_ASK = 1,
	EP_WIRE_SAMPLES,
	EP_WIRE_DONE,
	EP_WIRE_NONE,
	EP_WIRE_FAILED,
	EP_WIRE_FORMAT,
	EP_WIRE_TITLE,
	EP_WIRE_FORK,
	EP_WIRE_FORKED
};

#define EP_WIRE_HEADER 5
#define EP_WIRE_ASK_FIXED 17
#define EP_WIRE_DONE_FIXED 16
#define EP_WIRE_TEXTS 6
#define EP_WIRE_FORMAT_FIXED 8
#define EP_WIRE_FORKED_SIZE 8

/* Flag of ASK: if the format is only a guess, the file counts as having no audio. */
#define EP_WIRE_SURE 1
/* Flag of ASK: sound that comes as it is heard, and may have no end: it is begun with little of it,
 * and given out as it comes. */
#define EP_WIRE_LIVE 2
/* Flag of ASK: there are samples alone, as those of SAMPLES. */
#define EP_WIRE_RAW 4

/* The largest payload, in bytes. */
#define EP_WIRE_MAX ((size_t)64 << 10)

/* The largest of a live one: half a second of samples. */
#define EP_WIRE_LIVE_MAX ((size_t)11024)

/* The longest text of DONE, and the longest name. */
#define EP_WIRE_TEXT_MAX ((size_t)4096)
#define EP_WIRE_NAME_MAX ((size_t)255)

/* Bytes of a text, cut to most, so that no character is cut in two. */
size_t ep_wire_cut(const char *text, size_t most);

/* Sends a message, and with it the descriptor fd where it is not negative. EP_IO. */
EP_MUST_USE enum ep_status ep_wire_send(int socket, enum ep_wire_kind kind, const void *payload,
                                        size_t size, int fd, struct ep_error *err);

#endif
