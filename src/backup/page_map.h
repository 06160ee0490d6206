/* page_map.h - the files of a folder of backups: maps, which say where each page is, and packs,
 * which hold pages
 *
 *     maps/NUMBER-POSITION-DATE.map   container: manifest; key, ingest.token as they are; of
 *                                     data.mdb and plays/data.mdb a table of pages
 *     packs/NUMBER.pack               container: the pages that were new in the backup of that
 *                                     number
 *
 * docs/formats/backup.md has the bytes.
 */
#ifndef EP_BACKUP_PAGE_MAP_H
#define EP_BACKUP_PAGE_MAP_H

#include "backup/backup_manifest.h"
#include "backup/container.h"

/* Where a page is, and its hash: the front of its BLAKE2b-256. */
#define EP_PAGE_HASH 16
struct ep_page_ref {
	uint32_t pack; /* its number; 0: the page is free, and all zeros */
	uint32_t index; /* in the pack, from 0; ascending with the page for one pack and table */
	uint8_t hash[EP_PAGE_HASH];
};
#define EP_PAGE_REF 24

/* What stands before the refs of a table. */
struct ep_page_table {
	uint32_t page_size; /* 512 to 65,536, a power of two */
	uint64_t count; /* pages */
};
#define EP_PAGE_TABLE 16

/* Largest number of a backup, and of pages in a table: those of 1 TiB. */
#define EP_BACKUP_NUMBER_MAX 1000000
#define EP_PAGES_MAX (UINT64_C(1) << 31)

/* ---- writing ---- */

/* Writes a table's front as the part of that name; a ref of it. As ep_container_add. */
EP_MUST_USE enum ep_status ep_page_table_write(struct ep_container_writer *map, const char *name,
                                               const struct ep_page_table *table,
                                               struct ep_error *err);
EP_MUST_USE enum ep_status ep_page_ref_write(struct ep_container_writer *map,
                                             const struct ep_page_ref *ref, struct ep_error *err);

/* The hash of a page. */
void ep_page_hash(uint8_t hash[EP_PAGE_HASH], const uint8_t *bytes, size_t size);

/* ---- reading ---- */

/* A map or a pack that is open. */
struct ep_page_file;

/* EP_CORRUPT  also where there is none. As ep_container_open, with the path in the text. */
EP_MUST_USE enum ep_status ep_page_file_open(struct ep_page_file **out, const char *path,
                                             struct ep_error *err);
void ep_page_file_close(struct ep_page_file *file);
EP_DEFINE_OWNED(struct ep_page_file, ep_page_file_close)

/* Its container; the file's own. */
struct ep_container_reader *ep_page_file_reader(const struct ep_page_file *file);

/* Goes on to the part of that name. EP_NOT_FOUND  there is none behind; the file is whole. */
EP_MUST_USE enum ep_status ep_page_file_find(struct ep_page_file *file, const char *name,
                                             struct ep_error *err);

/* Reads the front of a table, at the start of its part; its next ref. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_page_table_read(struct ep_page_table *table,
                                              struct ep_container_reader *reader,
                                              struct ep_error *err);
EP_MUST_USE enum ep_status
ep_page_ref_read(struct ep_page_ref *ref, struct ep_container_reader *reader, struct ep_error *err);

#endif
