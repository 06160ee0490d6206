/* streams.h - many streams of sound at once: from URLs, files, pipes and devices to samples
 *
 *     "http://..."   Icecast, SHOUTcast, HLS, or a playlist (.m3u, .pls) that names one of these;
 *     "https://..."  the type is told by the bytes, whatever the server says
 *     "-"            standard input
 *     "raw:PATH"     a file, pipe, device or "-" with samples alone: mono, signed 16 bit
 *                    little-endian, EP_SOUND_RATE a second
 *     "PATH"         a file, a named pipe or a device with sound in any format that can be told
 *
 * A sound card is heard through standard input: `arecord -f cd | PROGRAM -`. A named pipe or a
 * device that comes to its end is opened again, as somebody may write to it anew.
 *
 * Each stream has a thread, which does all its waiting, and a decoder process, which is shut in and
 * sees nothing but the bytes (sound/live.h). Whatever happens to one stream - its server dies, its
 * bytes are nonsense, its decoder crashes - costs that stream a connection, and no other anything.
 *
 *     CONNECTING --the first samples--> PLAYING --a file's end--> ENDED
 *         ^  '---------failure-----------. '--failure--.
 *         '----after retry_s seconds-----WAITING <-----'
 *
 * The time to the next attempt doubles with every failure, from 1 s to 5 min, and is drawn at
 * random around that, so that streams of one server do not come back all at once. A minute of play
 * makes it 1 s again.
 */
#ifndef EP_NET_STREAM_STREAMS_H
#define EP_NET_STREAM_STREAMS_H

#include "net/stream/stream_calls.h"

struct ep_streams;

/* Makes an empty set. calls is copied. As a stream has some ten descriptors, the process is allowed
 * as many as the system lets it have. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status
ep_streams_open(struct ep_streams **out, const struct ep_stream_calls *calls, struct ep_error *err);

/* Removes all streams first. Not from within a call. May be NULL. */
void ep_streams_close(struct ep_streams *streams);
EP_DEFINE_OWNED(struct ep_streams, ep_streams_close)

/* Adds a stream, which begins at once.
 *
 * url     as above; copied.
 * stream  the caller's own, which stands for it in all calls: not NULL, each once.
 * EP_BAD_INPUT  a URL of another kind; the text says what would be right. EP_NO_MEMORY. EP_IO a
 * thread cannot be started, or libcurl is not there. That a server or file cannot be reached is not
 * seen here: the stream is then WAITING. */
EP_MUST_USE enum ep_status ep_streams_add(struct ep_streams *streams, const char *url, void *stream,
                                          struct ep_error *err);

/* Asks it to end, and does not wait for that: of many, all are asked before the first is removed.
 * Does nothing where it is not there. */
void ep_streams_stop(struct ep_streams *streams, void *stream);

/* Ends it; when this returns, nothing more is called for it. Not from within a call for it. Does
 * nothing where it is not there. */
void ep_streams_remove(struct ep_streams *streams, void *stream);

/* Tells how it is; from any thread, also from within a call. EP_NOT_FOUND  it is not there. */
EP_MUST_USE enum ep_status ep_streams_facts(struct ep_stream_facts *out, struct ep_streams *streams,
                                            void *stream, struct ep_error *err);

#endif
