/* container.h - a backup as one file: a manifest and named parts, read and written as a stream
 *
 *     header := 89 45 50 42 0d 0a 1a 0a, version (32 bits), 0 (32 bits)
 *     record := kind (1 byte), size (32 bits), bytes
 *     file   := header manifest (part chunk*)* end
 *
 * docs/formats/backup.md has the bytes. Nothing that a file says is believed before it was checked:
 * a record has at most EP_CONTAINER_RECORD bytes, and the end has a hash over all before it.
 */
#ifndef EP_BACKUP_CONTAINER_H
#define EP_BACKUP_CONTAINER_H

#include "base/buffer.h"
#include "base/hash.h"
#include "base/status.h"
#include "format/source.h"

#include <stdbool.h>
#include <stdint.h>

#define EP_CONTAINER_MAGIC \
	"\x89"             \
	"EPB\r\n\x1a\n"
#define EP_CONTAINER_MAGIC_SIZE 8
#define EP_CONTAINER_VERSION 1

/* Bytes of a part that are packed together. */
#define EP_CONTAINER_CHUNK ((size_t)1 << 20)

/* The largest record: a chunk that zstd could not make smaller. */
#define EP_CONTAINER_RECORD (EP_CONTAINER_CHUNK + 65536)

/* The longest name of a part, and the largest manifest, in bytes. */
#define EP_CONTAINER_NAME 64
#define EP_CONTAINER_MANIFEST 65536

/* ---- writing ---- */

struct ep_container_writer {
	int fd; /* borrowed */
	const char *name; /* of the file, for texts; borrowed */
	struct ep_hasher hasher;
	struct ep_buffer chunk; /* bytes of the part that are not written yet */
	uint64_t written; /* bytes of the file so far */
};

/* Writes the header and the manifest. All of these: EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_container_begin(struct ep_container_writer *writer, int fd,
                                              const char *name, struct ep_text manifest,
                                              struct ep_error *err);

/* Begins a part; the one before has ended. name has 1 to EP_CONTAINER_NAME bytes. */
EP_MUST_USE enum ep_status ep_container_part(struct ep_container_writer *writer, const char *name,
                                             struct ep_error *err);

/* Adds bytes to the part. */
EP_MUST_USE enum ep_status ep_container_add(struct ep_container_writer *writer, const void *bytes,
                                            size_t size, struct ep_error *err);

/* Ends the file; nothing is synced. */
EP_MUST_USE enum ep_status ep_container_end(struct ep_container_writer *writer,
                                            struct ep_error *err);

/* Frees what a writer holds, also a zeroed one. */
void ep_container_done(struct ep_container_writer *writer);

/* ---- reading ---- */

struct ep_container_reader;

/* Reads the header and the manifest; source.context is borrowed until the reader is closed.
 * EP_BAD_INPUT  this is no backup. EP_NEWER  of a newer version. EP_CORRUPT  cut short or damaged.
 * EP_NO_MEMORY, and what source fails with. */
EP_MUST_USE enum ep_status ep_container_open(struct ep_container_reader **out,
                                             struct ep_source source, struct ep_error *err);
void ep_container_close(struct ep_container_reader *reader);
EP_DEFINE_OWNED(struct ep_container_reader, ep_container_close)

/* The manifest's bytes, valid until the reader is closed. */
struct ep_text ep_container_manifest(const struct ep_container_reader *reader);

/* Goes to the next part: *name is valid until the next call. EP_NOT_FOUND  there is none: the file
 * is whole and unchanged. EP_CORRUPT, EP_NO_MEMORY, and what source fails with. */
EP_MUST_USE enum ep_status ep_container_next(const char **name, struct ep_container_reader *reader,
                                             struct ep_error *err);

/* The next bytes of the part, valid until the next call; none at its end. Fails likewise. */
EP_MUST_USE enum ep_status
ep_container_read(struct ep_bytes *bytes, struct ep_container_reader *reader, struct ep_error *err);

/* Reads exactly size bytes of the part, which may span chunks; not to be mixed with
 * ep_container_read within one part. EP_CORRUPT  also where the part ends before. */
EP_MUST_USE enum ep_status ep_container_read_exact(struct ep_container_reader *reader, void *bytes,
                                                   size_t size, struct ep_error *err);

/* Bytes of the file that were read. */
uint64_t ep_container_read_bytes(const struct ep_container_reader *reader);

#endif
