/* catalogue.h - tracks by words of their names, ids and fields: a follower of the log
 *
 * A file of SQLite follows the log in large steps, and can be made anew from it at will. Its
 * name and its watermark are a value of the log, so a file that does not belong to the log as it
 * is, for one of them was restored, is not used but made anew. What came since the last step is
 * kept in memory by whoever searches; a log of a few changes has no file. docs/formats/log.md has
 * the value.
 */
#ifndef EP_CATALOGUE_CATALOGUE_H
#define EP_CATALOGUE_CATALOGUE_H

#include "store/log.h"

#include <stdatomic.h>

/* Changes that are left to memory. */
#define EP_CATALOGUE_TAIL 1024

struct ep_catalogue;

/* Makes one for a log, which is borrowed; nothing is read yet. It may be used by any thread, and
 * serves one at a time. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_catalogue_new(struct ep_catalogue **out, struct ep_log *log,
                                            struct ep_error *err);
void ep_catalogue_free(struct ep_catalogue *catalogue);
EP_DEFINE_OWNED(struct ep_catalogue, ep_catalogue_free)

struct ep_catalogue_options {
	const atomic_bool *stop; /* ends it with EP_INTERRUPTED; may be NULL */
	/* Told how far it is, position of last; may be NULL. */
	void (*on_progress)(void *context, uint64_t position, uint64_t last);
	void *context;
};

/* Brings the file up to the end of the log where it is more than EP_CATALOGUE_TAIL behind; makes it
 * anew where it is not of this log, damaged, or more than half of it is stale. The log is open for
 * writing. Waits for other processes that do the same. EP_INTERRUPTED  what is done stays.
 * EP_CORRUPT, EP_IO, EP_NEWER, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_catalogue_follow(struct ep_catalogue *catalogue,
                                               const struct ep_catalogue_options *options,
                                               struct ep_error *err);

/* Reads the file back, all of it; one that is not there, or late, is well. EP_CORRUPT  it is
 * damaged, and is removed: it is made anew by whoever follows next. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_catalogue_check(struct ep_catalogue *catalogue, struct ep_error *err);

/* A place in the order in which tracks are found: those with the words whole come before those with
 * longer words, each by position. Zeroed: before the first. */
struct ep_catalogue_place {
	bool begins; /* among those with longer words */
	uint64_t position;
};

struct ep_catalogue_search {
	struct ep_text text; /* words (words.h) */
	uint32_t source; /* of one source; EP_SOURCE_ANY */
	uint64_t since; /* positions above this one */
	struct ep_catalogue_place after; /* the last one that is known already */
};

/* A track that was found: its entry is borrowed until the call returns. *enough ends the search. */
typedef enum ep_status ep_catalogue_found(void *context, bool *enough, const struct ep_entry *entry,
                                          const struct ep_catalogue_place *place,
                                          struct ep_error *err);

/* Finds live tracks in a snapshot of the log; those without any word are not found.
 *
 * EP_NOT_FOUND  the catalogue is being made, is too far behind, or is damaged: it has to follow
 * first.
 * EP_BAD_INPUT  as ep_words_expression. EP_CORRUPT, EP_IO, EP_NO_MEMORY, and what found fails
 * with. */
EP_MUST_USE enum ep_status ep_catalogue_find(struct ep_catalogue *catalogue,
                                             const struct ep_log_read *read,
                                             const struct ep_catalogue_search *search,
                                             ep_catalogue_found *found, void *context,
                                             struct ep_error *err);

#endif
