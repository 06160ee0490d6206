/* catalogue_db.h - a full-text index of tracks, in a file or in memory, by SQLite's FTS5
 *
 * A row is a track at its position in the log, which is the rowid:
 *
 *     words(source, text)       FTS5 without contents; text: names, id and fields, separated by
 *                               line feeds
 *     about(name, value)        "layout", "watermark": the position up to which the log has been
 *                               read, and "rows"
 *
 * Rows are only ever added. One whose position no longer stands in the log is stale, and whoever
 * searches passes it over.
 */
#ifndef EP_CATALOGUE_CATALOGUE_DB_H
#define EP_CATALOGUE_CATALOGUE_DB_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct ep_catalogue_db;

/* Opens one. path: of its file; NULL: in memory, empty.
 *
 * make  it is made, in place of what is there.
 * EP_NOT_FOUND  there is no file. EP_CORRUPT  it is damaged, or of another layout. EP_IO,
 * EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_catalogue_db_open(struct ep_catalogue_db **out, const char *path,
                                                bool make, struct ep_error *err);
void ep_catalogue_db_close(struct ep_catalogue_db *db);
EP_DEFINE_OWNED(struct ep_catalogue_db, ep_catalogue_db_close)

/* Whether a failure so far was of the file itself, which is damaged or of another layout. */
bool ep_catalogue_db_is_damaged(const struct ep_catalogue_db *db);

/* Reads all of it back. EP_CORRUPT  it is damaged. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_catalogue_db_check(struct ep_catalogue_db *db, struct ep_error *err);

/* How far it has followed the log, and how many rows it has. EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_catalogue_db_about(uint64_t *watermark, uint64_t *rows,
                                                 struct ep_catalogue_db *db, struct ep_error *err);

/* Begins to write, or to read one state of it; ends that. What ep_catalogue_db_end keeps is durable
 * on EP_OK, or, with keep false, as before ep_catalogue_db_begin. EP_CORRUPT, EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_catalogue_db_begin(struct ep_catalogue_db *db, bool write,
                                                 struct ep_error *err);
EP_MUST_USE enum ep_status ep_catalogue_db_end(struct ep_catalogue_db *db, bool keep,
                                               struct ep_error *err);

/* Adds a row. Between ep_catalogue_db_begin and _end; fails as these do. */
EP_MUST_USE enum ep_status ep_catalogue_db_add(struct ep_catalogue_db *db, uint64_t position,
                                               uint32_t source, struct ep_text text,
                                               struct ep_error *err);

/* Sets what ep_catalogue_db_about gives. */
EP_MUST_USE enum ep_status ep_catalogue_db_set(struct ep_catalogue_db *db, uint64_t watermark,
                                               uint64_t rows, struct ep_error *err);

/* Calls each with the positions of the rows behind `after` that match an expression of FTS5, in
 * ascending order, until it sets *enough. Fails as ep_catalogue_db_begin, and as each does. */
EP_MUST_USE enum ep_status
ep_catalogue_db_match(struct ep_catalogue_db *db, const char *expression, uint64_t after,
                      enum ep_status (*each)(void *context, bool *enough, uint64_t position,
                                             struct ep_error *err),
                      void *context, struct ep_error *err);

#endif
