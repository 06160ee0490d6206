/* parts.h - which files of a data folder are the parts of a backup */
#ifndef EP_BACKUP_PARTS_H
#define EP_BACKUP_PARTS_H

#include "base/sign.h"
#include "plays/plays.h"

#define EP_PART_LOG "data.mdb"
#define EP_PART_PLAYS EP_PLAYS_FOLDER "/data.mdb"

/* Small files, which are copied as they are. */
#define EP_PART_KEY "key"
#define EP_PART_TOKEN "ingest.token"

/* The most bytes of a small file. */
#define EP_PART_SMALL_MAX 4096

#endif
