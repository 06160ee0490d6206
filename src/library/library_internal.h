/* library_internal.h - what the files of the library share; of no use elsewhere */
#ifndef EP_LIBRARY_LIBRARY_INTERNAL_H
#define EP_LIBRARY_LIBRARY_INTERNAL_H

#include "base/arena.h"
#include "library/place.h"

#include <echoprint.h>

/* A handle on a place, which other handles may share. */
struct echoprint_db {
	struct ep_place *place;
	bool writes;
};

/* Hands a failure, or EP_OK, over to the caller of the library; err may be NULL. */
enum echoprint_status ep_told(struct echoprint_error *err, enum ep_status status,
                              const struct ep_error *why);

/* Whether a handle may be used: it is of this process, and may write where that is wanted. A NULL
 * handle is none. EP_USAGE. */
EP_MUST_USE enum ep_status ep_db_check(const struct echoprint_db *db, bool writing,
                                       struct ep_error *err);

/* Reads a struct of the caller's into one of ours with size bytes, zeros where the caller's has no
 * members; given NULL: all zeros. EP_USAGE  its size is no size, or it says something in members
 * that this library does not know. */
EP_MUST_USE enum ep_status ep_read_sized_struct(void *ours, size_t size, const void *given,
                                                struct ep_error *err);

/* Writes one of ours, whose size is set here, over one of the caller's as far as that goes. */
EP_MUST_USE enum ep_status ep_write_sized_struct(void *given, const void *ours, size_t size,
                                                 struct ep_error *err);

/* Copies a text into an arena, ended by NUL. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_keep_text(const char **kept, struct ep_arena *arena,
                                        struct ep_text text, struct ep_error *err);

/* Copies fields into an arena. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_keep_fields(const struct echoprint_field **kept, size_t *count,
                                          struct ep_arena *arena, const struct ep_fields *fields,
                                          struct ep_error *err);

/* Borrows fields of the caller's into items, which has room for EP_FIELDS_MAX. EP_BAD_INPUT  there
 * are more, or one is not allowed; its value may be empty. EP_USAGE  something is NULL. */
EP_MUST_USE enum ep_status ep_take_fields(struct ep_field *items,
                                          const struct echoprint_field *given, size_t count,
                                          struct ep_error *err);

/* Pairs of the caller's, which are borrowed, as a list of ours. EP_BAD_INPUT  a time is too large.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_take_pairs(struct ep_pairs *pairs, const struct echoprint_pair *given,
                                         size_t count, struct ep_error *err);

/* Copies the path of the decoder: that of the caller, else the one beside this library (beside the
 * program that it is a part of), else the one that is installed. To be freed; NULL: no memory. */
char *ep_decoder_path(const char *given);

#endif
