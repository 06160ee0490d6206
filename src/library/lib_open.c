#include "library/library_internal.h"

#include "base/text.h"
#include "code/pairs.h"
#include "sound/process.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert((int)ECHOPRINT_NO_MEMORY == EP_NO_MEMORY && (int)ECHOPRINT_IO == EP_IO &&
                       (int)ECHOPRINT_NO_SPACE == EP_NO_SPACE &&
                       (int)ECHOPRINT_NOT_FOUND == EP_NOT_FOUND &&
                       (int)ECHOPRINT_BAD_INPUT == EP_BAD_INPUT &&
                       (int)ECHOPRINT_CORRUPT == EP_CORRUPT && (int)ECHOPRINT_NEWER == EP_NEWER &&
                       (int)ECHOPRINT_INTERRUPTED == EP_INTERRUPTED &&
                       (int)ECHOPRINT_UNREACHABLE == EP_UNREACHABLE &&
                       (int)ECHOPRINT_DIVERGED == EP_DIVERGED && (int)ECHOPRINT_USAGE == EP_USAGE,
               "the statuses of the library are those inside");
_Static_assert((int)ECHOPRINT_READ == EP_LOG_READ && (int)ECHOPRINT_WRITE == EP_LOG_WRITE &&
                       (int)ECHOPRINT_CREATE == EP_LOG_MAKE,
               "the modes, too");

/* ---- what all functions do ---- */

enum echoprint_status
ep_told(struct echoprint_error *err, enum ep_status status, const struct ep_error *why)
{
	_Static_assert(sizeof err->text >= sizeof why->text, "a text fits");
	if (err) {
		err->status = (int)status;
		memcpy(err->text, status == EP_OK ? "" : why->text,
		       status == EP_OK ? 1 : strlen(why->text) + 1);
	}
	return (enum echoprint_status)status;
}

enum ep_status
ep_db_check(const struct echoprint_db *db, bool writing, struct ep_error *err)
{
	if (!db)
		return ep_fail(err, EP_USAGE, "the database is NULL");
	if (!ep_place_is_here(db->place))
		return ep_fail(err, EP_USAGE,
		               "the database was opened before this process was forked: open the "
		               "data folder again in this process");
	if (writing && !db->writes)
		return ep_fail(err, EP_USAGE,
		               "the database was opened to read only: open it for writing");
	return EP_OK;
}

enum ep_status
ep_read_sized_struct(void *ours, size_t size, const void *given, struct ep_error *err)
{
	size_t theirs = 0;
	memset(ours, 0, size);
	if (!given)
		return EP_OK;
	memcpy(&theirs, given, sizeof theirs);
	if (theirs < sizeof theirs || theirs > 65536)
		return ep_fail(err, EP_USAGE, "size is %zu, but must be the sizeof of the struct",
		               theirs);
	for (size_t i = size; i < theirs; i++) {
		if (((const char *)given)[i])
			return ep_fail(err, EP_USAGE,
			               "a struct has members that only a later library knows");
	}
	memcpy(ours, given, theirs < size ? theirs : size);
	return EP_OK;
}

enum ep_status
ep_write_sized_struct(void *given, const void *ours, size_t size, struct ep_error *err)
{
	size_t theirs = 0;
	memcpy(&theirs, given, sizeof theirs);
	if (theirs < sizeof theirs || theirs > 65536)
		return ep_fail(err, EP_USAGE, "size is %zu, but must be the sizeof of the struct",
		               theirs);
	size_t known = theirs < size ? theirs : size;
	memcpy((char *)given + sizeof theirs, (const char *)ours + sizeof theirs,
	       known - sizeof theirs);
	return EP_OK;
}

enum ep_status
ep_keep_text(const char **kept, struct ep_arena *arena, struct ep_text text, struct ep_error *err)
{
	char *copy = ep_arena_alloc(arena, text.size + 1);
	if (!copy)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (text.size)
		memcpy(copy, text.at, text.size);
	copy[text.size] = '\0';
	*kept = copy;
	return EP_OK;
}

enum ep_status
ep_take_pairs(struct ep_pairs *pairs, const struct echoprint_pair *given, size_t count,
              struct ep_error *err)
{
	if (count && !given)
		return ep_fail(err, EP_USAGE, "pairs is NULL, but count is %zu", count);
	EP_TRY(ep_pairs_reserve(pairs, count, err));
	for (size_t i = 0; i < count; i++) {
		if (given[i].time > EP_TIME_MAX)
			return ep_fail(err, EP_BAD_INPUT,
			               "pair %zu has the time %u, but times are below 2^31", i + 1,
			               (unsigned)given[i].time);
		pairs->items[pairs->count++] = (struct ep_pair){ given[i].code, given[i].time };
	}
	return EP_OK;
}

char *
ep_decoder_path(const char *given)
{
	Dl_info here;
	char *path = NULL;
	if (given)
		return strdup(given);
	bool known = dladdr((const void *)(uintptr_t)echoprint_version, &here) && here.dli_fname;
	const char *slash = known ? strrchr(here.dli_fname, '/') : NULL;
	if (slash && asprintf(&path, "%.*s/%s", (int)(slash - here.dli_fname), here.dli_fname,
	                      EP_DECODER_PROGRAM) < 0)
		return NULL;
	if (path && eaccess(path, X_OK) == 0)
		return path;
	free(path);
	return strdup(EP_DECODER_INSTALLED);
}

/* ---- opening and closing ---- */

const char *
echoprint_version(void)
{
	return EP_VERSION;
}

static enum ep_status
open_db(struct echoprint_db **out, const char *folder, const struct echoprint_open_options *given,
        struct ep_error *err)
{
	struct echoprint_open_options options;
	EP_TRY(ep_read_sized_struct(&options, sizeof options, given, err));
	if (!folder || !*folder)
		return ep_fail(err, EP_USAGE, "the data folder is not given");
	if (options.mode < ECHOPRINT_READ || options.mode > ECHOPRINT_CREATE)
		return ep_fail(err, EP_USAGE, "mode is %d, but must be 0 to 2", options.mode);
	if (options.map_size && (options.map_size < 1048576 || options.map_size > SIZE_MAX / 2))
		return ep_fail(err, EP_USAGE,
		               "map_size must be a number of bytes, at least 1048576");
	struct ep_node_options wanted = { .folder = folder,
		                          .mode = (enum ep_log_mode)options.mode,
		                          .map_size = (size_t)options.map_size };
	EP_FREE char *decoder = ep_decoder_path(options.decoder);
	EP_FREE struct echoprint_db *db = calloc(1, sizeof *db);
	wanted.decoder = decoder;
	if (!db || !decoder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_place_open(&db->place, &wanted, err));
	db->writes = options.mode != ECHOPRINT_READ;
	*out = EP_TAKE(db);
	return EP_OK;
}

enum echoprint_status
echoprint_open(struct echoprint_db **out, const char *folder,
               const struct echoprint_open_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, open_db(out, folder, options, &why), &why);
}

void
echoprint_close(struct echoprint_db *db)
{
	if (db)
		ep_place_close(db->place);
	free(db);
}

void
echoprint_interrupt(struct echoprint_db *db)
{
	if (db)
		atomic_store(ep_place_stop(db->place), true);
}

void
echoprint_resume(struct echoprint_db *db)
{
	if (db)
		atomic_store(ep_place_stop(db->place), false);
}

enum echoprint_status
echoprint_refresh(struct echoprint_db *db, struct echoprint_error *err)
{
	struct ep_error why;
	struct ep_query_service *queries;
	enum ep_status status = ep_db_check(db, false, &why);
	if (status == EP_OK) {
		ep_log_check_readers(ep_place_log(db->place));
		status = ep_place_queries(&queries, db->place, &why);
	}
	return ep_told(err, status, &why);
}
