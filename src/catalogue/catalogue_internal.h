/* catalogue_internal.h - what the files of the catalogue share; of no use elsewhere */
#ifndef EP_CATALOGUE_CATALOGUE_INTERNAL_H
#define EP_CATALOGUE_CATALOGUE_INTERNAL_H

#include "catalogue/catalogue.h"
#include "catalogue/catalogue_db.h"

#include <pthread.h>

#define EP_CATALOGUE_FOLDER "catalogue"
#define EP_CATALOGUE_TAG_SIZE 8

/* What the log says of its file: which one it is, and up to where it has followed. */
struct ep_catalogue_mark {
	bool is_there;
	uint8_t tag[EP_CATALOGUE_TAG_SIZE];
	uint64_t watermark;
};

struct ep_catalogue {
	struct ep_log *log;
	pthread_mutex_t mutex; /* of all that follows */
	/* Open only within a call: a process that forks must not have locks of SQLite. */
	struct ep_catalogue_db *file;
	uint8_t tag[EP_CATALOGUE_TAG_SIZE]; /* of the file that was opened last */
	struct ep_catalogue_db *tail; /* in memory; NULL: none */
	uint64_t tail_from; /* it has the positions above this one, */
	uint64_t tail_to; /* up to this one */
};

EP_MUST_USE enum ep_status ep_catalogue_mark_load(struct ep_catalogue_mark *mark,
                                                  const struct ep_log_read *read,
                                                  struct ep_error *err);
EP_MUST_USE enum ep_status ep_catalogue_mark_store(const struct ep_catalogue_mark *mark,
                                                   struct ep_log *log, struct ep_error *err);

/* Opens the file of a tag; make: a new, empty one. A tail that belongs to another file goes, as
 * does a damaged file. As ep_catalogue_db_open. */
EP_MUST_USE enum ep_status ep_catalogue_open_file(struct ep_catalogue *catalogue,
                                                  const uint8_t tag[EP_CATALOGUE_TAG_SIZE],
                                                  bool make, struct ep_error *err);

/* Closes it. Where it is damaged it is also removed, so that the next one who follows makes
 * another: true. */
bool ep_catalogue_close_file(struct ep_catalogue *catalogue);

/* Adds the live tracks behind *position, of at most count entries; *position becomes that of the
 * last entry read. Fails as reading the log and writing the database do. */
EP_MUST_USE enum ep_status ep_catalogue_add(struct ep_catalogue_db *db, uint64_t *position,
                                            struct ep_log *log, const struct ep_log_read *read,
                                            size_t count, struct ep_error *err);

#endif
