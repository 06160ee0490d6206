/* container_internal.h - what the reader and the writer of a backup share; of no use elsewhere */
#ifndef EP_BACKUP_CONTAINER_INTERNAL_H
#define EP_BACKUP_CONTAINER_INTERNAL_H

/* Bytes of the header, and of a record before its own bytes. */
#define EP_CONTAINER_HEADER 16
#define EP_RECORD_FRONT 5

enum ep_record_kind {
	EP_RECORD_MANIFEST = 1,
	EP_RECORD_PART = 2, /* its name */
	EP_RECORD_CHUNK = 3, /* a zstd frame */
	EP_RECORD_END = 4 /* BLAKE2b-256 of all before these bytes */
};

#endif
