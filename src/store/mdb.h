/* mdb.h - what LMDB takes and returns; for the log only */
#ifndef EP_STORE_MDB_H
#define EP_STORE_MDB_H

#include "base/status.h"
#include "base/text.h"

#include <lmdb.h>

/* ep_fail for what LMDB returned. */
enum ep_status ep_fail_mdb(struct ep_error *err, int rc, const char *fmt, ...) EP_PRINTF(3, 4);

/* LMDB reports a short write as an I/O error: gives ENOSPC or EFBIG where the disk or the process's
 * limit is full, else rc as it is. */
int ep_explain_write(int rc, const char *folder);

/* Text, or bytes, as LMDB takes them: its keys are not const, and it does not write them. */
MDB_val ep_val_of(struct ep_text text);
MDB_val ep_val_of_bytes(struct ep_bytes bytes);

#endif
