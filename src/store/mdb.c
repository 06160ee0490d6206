#include "store/mdb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

/* Less free space than this is a full disk. */
#define FULL_BYTES ((uint64_t)4 << 20)

enum ep_status
ep_fail_mdb(struct ep_error *err, int rc, const char *fmt, ...)
{
	char what[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	switch (rc) {
	case MDB_MAP_FULL:
		return ep_fail(err, EP_NO_SPACE, "%s: the log is full; increase ECHOPRINT_MAP_SIZE",
		               what);
	case MDB_VERSION_MISMATCH:
		return ep_fail(err, EP_NEWER, "%s: made by another version of LMDB", what);
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_PANIC:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_TXN:
	case MDB_CURSOR_FULL: /* pages that lead to one another in a circle */
	case MDB_PAGE_FULL:
	case MDB_BAD_VALSIZE:
	case MDB_NOTFOUND: /* where it must be there, or must not */
	case MDB_KEYEXIST:
		return ep_fail(err, EP_CORRUPT, "%s: %s", what, mdb_strerror(rc));
	default:
		break;
	}
	if (rc > 0)
		return ep_fail_errno(err, rc, "%s", what);
	return ep_fail(err, EP_IO, "%s: %s", what, mdb_strerror(rc));
}

int
ep_explain_write(int rc, const char *folder)
{
	struct statvfs disk;
	struct rlimit limit;
	if (rc != EIO)
		return rc;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		return EFBIG;
	if (statvfs(folder, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < FULL_BYTES)
		return ENOSPC;
	return rc;
}

MDB_val
ep_val_of_bytes(struct ep_bytes bytes)
{
	MDB_val val = { .mv_size = bytes.size };
	memcpy(&val.mv_data, &bytes.at, sizeof val.mv_data);
	return val;
}

MDB_val
ep_val_of(struct ep_text text)
{
	return ep_val_of_bytes(ep_bytes_of_text(text));
}
