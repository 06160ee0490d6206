/* batch_reader.h - what a file holds, recognised and read in batches
 *
 * A dump is rows, or a packet where it begins with a packet's magic; the code generator's output is
 * songs.
 */
#ifndef EP_INGEST_BATCH_READER_H
#define EP_INGEST_BATCH_READER_H

#include "ingest/batch.h"

/* What a file holds. */
enum ep_content { EP_ROWS, EP_SONGS, EP_PACKET, EP_SOUNDS };

struct ep_batch_reader;

/* Opens a reader; source.context is borrowed until it is closed.
 *
 * songs  whether the file is the code generator's; else it is a dump.
 * EP_CORRUPT, EP_NEWER: a packet's header. EP_NO_MEMORY, or what source gives. */
EP_MUST_USE enum ep_status ep_batch_reader_open(struct ep_batch_reader **out,
                                                struct ep_source source, bool songs,
                                                struct ep_error *err);

/* Opens a reader of audio files and folders: paths, ended by NULL, are borrowed. What the log has
 * already is known again. stop may be NULL. EP_NO_MEMORY, EP_IO. */
EP_MUST_USE enum ep_status ep_batch_reader_open_sounds(struct ep_batch_reader **out,
                                                       const char *const *paths, struct ep_log *log,
                                                       const atomic_bool *stop,
                                                       struct ep_error *err);
void ep_batch_reader_close(struct ep_batch_reader *reader);
EP_DEFINE_OWNED(struct ep_batch_reader, ep_batch_reader_close)

enum ep_content ep_batch_reader_content(const struct ep_batch_reader *reader);

/* The header of a packet; NULL of anything else. Borrowed from the reader. */
const struct ep_packet_header *ep_batch_reader_packet(const struct ep_batch_reader *reader);

/* Reads the next piece into batch, or sets *end. One call at a time. EP_BAD_INPUT: malformed JSON;
 * EP_CORRUPT: a damaged packet; EP_NO_MEMORY, or what source gives. */
EP_MUST_USE enum ep_status ep_batch_read(struct ep_batch_reader *reader, struct ep_batch *batch,
                                         bool *end, struct ep_error *err);

/* Makes the tracks of a batch ready, as ep_batch_rows and its like do. Callable from many threads.
 */
EP_MUST_USE enum ep_status ep_batch_make(const struct ep_batch_reader *reader,
                                         struct ep_batch *batch, struct ep_batch_scratch *scratch,
                                         const struct ep_batch_options *options,
                                         struct ep_error *err);

/* Checks that a finished batch continues where the one before ended: call it in their order. At the
 * end it checks that all of them add up to what a packet's header says. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_batch_check(struct ep_batch_reader *reader,
                                          const struct ep_batch *batch, struct ep_error *err);
EP_MUST_USE enum ep_status ep_batch_check_end(const struct ep_batch_reader *reader,
                                              struct ep_error *err);

#endif
