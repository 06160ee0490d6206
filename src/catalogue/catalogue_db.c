#include "catalogue/catalogue_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAYOUT 1

/* How long another process is waited for. Writers hold a lock of their own, so it is for readers
 * while a file is made, and short. */
#define BUSY_MS 10000

struct ep_catalogue_db {
	sqlite3 *db;
	sqlite3_stmt *add;
	sqlite3_stmt *set;
	sqlite3_stmt *about;
	sqlite3_stmt *match;
	char *path; /* for messages */
	bool damaged;
};

static enum ep_status
fail(struct ep_catalogue_db *db, int rc, struct ep_error *err)
{
	static const struct {
		int rc;
		enum ep_status status;
	} meanings[] = { { SQLITE_NOMEM, EP_NO_MEMORY },
		         { SQLITE_FULL, EP_NO_SPACE },
		         { SQLITE_CORRUPT, EP_CORRUPT },
		         { SQLITE_NOTADB, EP_CORRUPT },
		         /* A table or a column is not there. */
		         { SQLITE_ERROR, EP_CORRUPT },
		         { SQLITE_CANTOPEN, EP_NOT_FOUND } };
	enum ep_status status = EP_IO;
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
		if ((rc & 0xff) == meanings[i].rc)
			status = meanings[i].status;
	}
	db->damaged |= status == EP_CORRUPT;
	return ep_fail(err, status, "the catalogue %s: %s", db->path,
	               db->db ? sqlite3_errmsg(db->db) : sqlite3_errstr(rc));
}

/* ---- opening ---- */

static const char schema[] =
	"PRAGMA user_version = 1;"
	"CREATE TABLE about(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO about VALUES('watermark', 0), ('rows', 0);"
	/* The words of a query are beginnings of words. Short ones have indexes of their own: else
         * one letter would merge the lists of many words. */
	"CREATE VIRTUAL TABLE words USING fts5(source, text, content='', columnsize=0,"
	" prefix='1 2 3', tokenize='unicode61 remove_diacritics 2');"
	/* Merges more at a time, and so writes less in all. */
	"INSERT INTO words(words, rank) VALUES('automerge', 8);";

static enum ep_status
run(struct ep_catalogue_db *db, const char *statements, struct ep_error *err)
{
	int rc = sqlite3_exec(db->db, statements, NULL, NULL, NULL);
	return rc == SQLITE_OK ? EP_OK : fail(db, rc, err);
}

static int
read_layout(void *layout, int count, char **values, char **names)
{
	(void)names;
	if (count == 1 && values[0])
		*(long *)layout = strtol(values[0], NULL, 10);
	return 0;
}

static enum ep_status
check_layout(struct ep_catalogue_db *db, struct ep_error *err)
{
	long layout = 0;
	int rc = sqlite3_exec(db->db, "PRAGMA user_version", read_layout, &layout, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, err);
	db->damaged |= layout != LAYOUT;
	if (layout == LAYOUT)
		return EP_OK;
	return ep_fail(err, EP_CORRUPT, "the catalogue %s has layout %ld, and not %d", db->path,
	               layout, LAYOUT);
}

static enum ep_status
prepare(sqlite3_stmt **statement, struct ep_catalogue_db *db, const char *text,
        struct ep_error *err)
{
	int rc = sqlite3_prepare_v3(db->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
	return rc == SQLITE_OK ? EP_OK : fail(db, rc, err);
}

static enum ep_status
prepare_all(struct ep_catalogue_db *db, struct ep_error *err)
{
	EP_TRY(prepare(&db->add, db, "INSERT INTO words(rowid, source, text) VALUES(?1, ?2, ?3)",
	               err));
	EP_TRY(prepare(&db->set, db, "UPDATE about SET value = ?2 WHERE name = ?1", err));
	EP_TRY(prepare(&db->about, db, "SELECT value FROM about WHERE name = ?1", err));
	return prepare(&db->match, db,
	               "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid > ?2 ORDER BY rowid",
	               err);
}

/* A file that is being written has companions. */
static void
remove_file(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char *name = sqlite3_mprintf("%s%s", path, ends[i]);
		if (name)
			(void)unlink(name);
		sqlite3_free(name);
	}
}

/* An empty file for its owner alone, as all of the data folder is; its companions take its mode. */
static enum ep_status
make_file(const char *path, struct ep_error *err)
{
	remove_file(path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot create %s", path);
	close(fd);
	return EP_OK;
}

enum ep_status
ep_catalogue_db_open(struct ep_catalogue_db **out, const char *path, bool make,
                     struct ep_error *err)
{
	EP_OWNED(ep_catalogue_db_close)
	struct ep_catalogue_db *db = calloc(1, sizeof *db);
	if (!db)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	db->path = strdup(path ? path : "in memory");
	if (!db->path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (make && path)
		EP_TRY(make_file(path, err));
	int rc = sqlite3_open_v2(path ? path : ":memory:", &db->db,
	                         SQLITE_OPEN_READWRITE | (make ? SQLITE_OPEN_CREATE : 0) |
	                                 SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	                         NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, err);
	sqlite3_busy_timeout(db->db, BUSY_MS);
	EP_TRY(run(db,
	           "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	           "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY",
	           err));
	EP_TRY(make ? run(db, schema, err) : check_layout(db, err));
	EP_TRY(prepare_all(db, err));
	*out = EP_TAKE(db);
	return EP_OK;
}

void
ep_catalogue_db_close(struct ep_catalogue_db *db)
{
	if (!db)
		return;
	sqlite3_finalize(db->add);
	sqlite3_finalize(db->set);
	sqlite3_finalize(db->about);
	sqlite3_finalize(db->match);
	sqlite3_close(db->db);
	free(db->path);
	free(db);
}

bool
ep_catalogue_db_is_damaged(const struct ep_catalogue_db *db)
{
	return db->damaged;
}

static int
read_ok(void *ok, int count, char **values, char **names)
{
	(void)names;
	*(bool *)ok = count == 1 && values[0] && strcmp(values[0], "ok") == 0;
	return 0;
}

enum ep_status
ep_catalogue_db_check(struct ep_catalogue_db *db, struct ep_error *err)
{
	bool ok = false;
	int rc = sqlite3_exec(db->db, "PRAGMA quick_check(1)", read_ok, &ok, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, err);
	if (ok)
		return run(db, "INSERT INTO words(words) VALUES('integrity-check')", err);
	db->damaged = true;
	return ep_fail(err, EP_CORRUPT, "the catalogue %s is damaged", db->path);
}

/* ---- statements ---- */

/* Runs a statement that gives nothing. */
static enum ep_status
step(struct ep_catalogue_db *db, sqlite3_stmt *statement, struct ep_error *err)
{
	int rc = sqlite3_step(statement);
	enum ep_status status = rc == SQLITE_DONE ? EP_OK : fail(db, rc, err);
	sqlite3_reset(statement);
	return status;
}

static enum ep_status
get(uint64_t *value, struct ep_catalogue_db *db, const char *name, struct ep_error *err)
{
	sqlite3_bind_text(db->about, 1, name, -1, SQLITE_STATIC);
	int rc = sqlite3_step(db->about);
	enum ep_status status = EP_OK;
	if (rc == SQLITE_ROW)
		*value = (uint64_t)sqlite3_column_int64(db->about, 0);
	else
		status = fail(db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, err);
	sqlite3_reset(db->about);
	return status;
}

static enum ep_status
set(struct ep_catalogue_db *db, const char *name, uint64_t value, struct ep_error *err)
{
	sqlite3_bind_text(db->set, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(db->set, 2, (sqlite3_int64)value);
	return step(db, db->set, err);
}

enum ep_status
ep_catalogue_db_about(uint64_t *watermark, uint64_t *rows, struct ep_catalogue_db *db,
                      struct ep_error *err)
{
	EP_TRY(get(watermark, db, "watermark", err));
	return get(rows, db, "rows", err);
}

enum ep_status
ep_catalogue_db_set(struct ep_catalogue_db *db, uint64_t watermark, uint64_t rows,
                    struct ep_error *err)
{
	EP_TRY(set(db, "watermark", watermark, err));
	return set(db, "rows", rows, err);
}

enum ep_status
ep_catalogue_db_begin(struct ep_catalogue_db *db, bool write, struct ep_error *err)
{
	return run(db, write ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

enum ep_status
ep_catalogue_db_end(struct ep_catalogue_db *db, bool keep, struct ep_error *err)
{
	enum ep_status status = run(db, keep ? "COMMIT" : "ROLLBACK", err);
	if (status != EP_OK && !sqlite3_get_autocommit(db->db))
		(void)run(db, "ROLLBACK", NULL);
	return status;
}

enum ep_status
ep_catalogue_db_add(struct ep_catalogue_db *db, uint64_t position, uint32_t source,
                    struct ep_text text, struct ep_error *err)
{
	sqlite3_bind_int64(db->add, 1, (sqlite3_int64)position);
	sqlite3_bind_int64(db->add, 2, source);
	sqlite3_bind_text64(db->add, 3, text.at, text.size, SQLITE_STATIC, SQLITE_UTF8);
	return step(db, db->add, err);
}

enum ep_status
ep_catalogue_db_match(struct ep_catalogue_db *db, const char *expression, uint64_t after,
                      enum ep_status (*each)(void *context, bool *enough, uint64_t position,
                                             struct ep_error *err),
                      void *context, struct ep_error *err)
{
	if (after > INT64_MAX)
		return EP_OK;
	sqlite3_bind_text(db->match, 1, expression, -1, SQLITE_STATIC);
	sqlite3_bind_int64(db->match, 2, (sqlite3_int64)after);
	enum ep_status status = EP_OK;
	bool enough = false;
	int rc = SQLITE_ROW;
	while (status == EP_OK && !enough) {
		rc = sqlite3_step(db->match);
		if (rc != SQLITE_ROW)
			break;
		status = each(context, &enough, (uint64_t)sqlite3_column_int64(db->match, 0), err);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		status = fail(db, rc, err);
	sqlite3_reset(db->match);
	return status;
}
