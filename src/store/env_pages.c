#include "store/env_pages.h"

#include "store/env.h"
#include "store/env_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* LMDB's own list of free pages, and how many pages at the front say which state is the newest. */
#define FREE_DBI 0
#define METAS 2

/* Bytes that are read at once. */
#define READ_SIZE ((size_t)1 << 20)

struct ep_env_pages {
	struct ep_env *env;
	MDB_txn *txn;
	mdb_filehandle_t fd;
	size_t page_size;
	uint64_t count;
	uint8_t *free; /* a bit for each page */
	uint8_t *metas; /* the first pages, as they were when the snapshot was begun */
	uint8_t *bytes; /* READ_SIZE of the file, */
	uint64_t first; /* from this page on; */
	size_t got; /* so many of it; 0: none */
};

/* ---- beginning ---- */

/* Reads up to size bytes at an offset; fewer where the file ends. */
static enum ep_status
read_at(size_t *got, const struct ep_env_pages *pages, uint8_t *bytes, size_t size, uint64_t offset,
        struct ep_error *err)
{
	size_t done = 0;
	while (done < size) {
		ssize_t count = pread(pages->fd, bytes + done, size - done, (off_t)(offset + done));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return ep_fail_errno(err, errno, "cannot read the %s in %s",
			                     pages->env->what, pages->env->folder);
		if (count == 0)
			break;
		done += (size_t)count;
	}
	*got = done;
	return EP_OK;
}

/* Marks the pages of the snapshot's free list: each value is a count and so many numbers, all of
 * the machine's word. */
static enum ep_status
mark_free(struct ep_env_pages *pages, struct ep_error *err)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_open(pages->txn, FREE_DBI, &cursor);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the %s in %s", pages->env->what,
		                   pages->env->folder);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		size_t count = value.mv_size / sizeof(size_t);
		const size_t *numbers = value.mv_data;
		for (size_t i = 1; i < count && i <= numbers[0]; i++) {
			if (numbers[i] >= METAS && numbers[i] < pages->count)
				pages->free[numbers[i] / 8] |= (uint8_t)(1U << numbers[i] % 8);
		}
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? EP_OK
	                          : ep_fail_mdb(err, rc, "cannot read the %s in %s",
	                                        pages->env->what, pages->env->folder);
}

/* Begins a snapshot, and reads the first pages; *good says whether nobody has committed meanwhile,
 * so that the first pages are of the same state. */
static enum ep_status
begin(bool *good, struct ep_env_pages *pages, struct ep_error *err)
{
	MDB_envinfo info;
	MDB_envinfo later;
	MDB_stat stat;
	size_t got = 0;
	int rc = mdb_txn_begin(pages->env->mdb, NULL, MDB_RDONLY, &pages->txn);
	if (!rc)
		rc = mdb_env_info(pages->env->mdb, &info);
	if (!rc)
		rc = mdb_env_stat(pages->env->mdb, &stat);
	if (!rc)
		rc = mdb_env_get_fd(pages->env->mdb, &pages->fd);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the %s in %s", pages->env->what,
		                   pages->env->folder);
	pages->page_size = stat.ms_psize;
	pages->count = info.me_last_pgno + 1;
	pages->metas = realloc(pages->metas, METAS * pages->page_size);
	if (!pages->metas)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(read_at(&got, pages, pages->metas, METAS * pages->page_size, 0, err));
	if (got < METAS * pages->page_size || pages->count < METAS)
		return ep_fail(err, EP_CORRUPT, "%s/data.mdb was truncated", pages->env->folder);
	*good = mdb_env_info(pages->env->mdb, &later) == 0 &&
	        later.me_last_txnid == mdb_txn_id(pages->txn) &&
	        info.me_last_txnid == later.me_last_txnid;
	return EP_OK;
}

enum ep_status
ep_env_pages_open(struct ep_env_pages **out, struct ep_env *env, struct ep_error *err)
{
	EP_OWNED(ep_env_pages_close)
	struct ep_env_pages *pages = calloc(1, sizeof *pages);
	bool good = false;
	double began = 0;
	if (!pages)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pages->env = env;
	do {
		if (pages->txn)
			mdb_txn_abort(EP_TAKE(pages->txn));
		EP_TRY(begin(&good, pages, err));
	} while (!good && ep_env_try_again(&began));
	if (!good)
		return ep_fail(err, EP_IO, "the %s in %s changes too fast to be copied; try again",
		               env->what, env->folder);
	pages->free = calloc(1, pages->count / 8 + 1);
	pages->bytes = malloc(READ_SIZE);
	if (!pages->free || !pages->bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(mark_free(pages, err));
	*out = EP_TAKE(pages);
	return EP_OK;
}

void
ep_env_pages_close(struct ep_env_pages *pages)
{
	if (!pages)
		return;
	if (pages->txn)
		mdb_txn_abort(pages->txn);
	free(pages->free);
	free(pages->metas);
	free(pages->bytes);
	free(pages);
}

/* ---- pages ---- */

uint64_t
ep_env_pages_state(const struct ep_env_pages *pages)
{
	return mdb_txn_id(pages->txn);
}

uint32_t
ep_env_page_size(const struct ep_env_pages *pages)
{
	return (uint32_t)pages->page_size;
}

uint64_t
ep_env_page_count(const struct ep_env_pages *pages)
{
	return pages->count;
}

enum ep_status
ep_env_page(const uint8_t **bytes, struct ep_env_pages *pages, uint64_t number,
            struct ep_error *err)
{
	if (number < METAS) {
		*bytes = pages->metas + number * pages->page_size;
		return EP_OK;
	}
	if (pages->free[number / 8] >> number % 8 & 1) {
		*bytes = NULL;
		return EP_OK;
	}
	if (number < pages->first || number >= pages->first + pages->got / pages->page_size) {
		pages->got = 0;
		pages->first = number;
		EP_TRY(read_at(&pages->got, pages, pages->bytes, READ_SIZE,
		               number * pages->page_size, err));
	}
	if (pages->got < pages->page_size)
		return ep_fail(err, EP_CORRUPT, "%s/data.mdb was truncated before page %llu",
		               pages->env->folder, (unsigned long long)number);
	*bytes = pages->bytes + (number - pages->first) * pages->page_size;
	return EP_OK;
}
