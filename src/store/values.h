/* values.h - the named values of a log, all of them
 *
 * docs/formats/log.md ("Named values") says what the bytes of each are; tools/check_values.py holds
 * the two lists against each other. "number" is 64 bits, little-endian.
 */
#ifndef EP_STORE_VALUES_H
#define EP_STORE_VALUES_H

/* Of every log, from its first moment on. */
#define EP_FORMAT_VALUE "format" /* number: of the log's format */
#define EP_ID_VALUE "id" /* tells this log from all others (ep_log_node_id) */
#define EP_EPOCH_VALUE "epoch" /* number and tag of the epoch (ep_log_epoch) */
#define EP_STATE_VALUE "state" /* position and counts (ep_log_state) */
#define EP_DIGEST_VALUE "digest" /* of the state (ep_log_digest) */

/* Of the histories that this log is part of. */
#define EP_KNOWN_VALUE "known" /* number: up to there it is what was published before the epoch */
#define EP_STALE_VALUE "stale" /* it is an older copy of what was published (ep_log_set_stale) */
#define EP_FOLLOWS_VALUE "follows" /* which master, and in which era (ep_log_follows) */

/* How far others have read it. */
#define EP_MASTER_DUMP_VALUE "watermark.master-dump" /* number: dumped for the slaves */
#define EP_SLAVE_DUMP_VALUE "watermark.slave-dump" /* number: local changes, for the master */
#define EP_FOLLOWER_VALUE "follower." /* and a name: number: another system has it */
#define EP_SENDING_VALUE "sending." /* and a name: number: a push to it broke off */
#define EP_COPIES_VALUE "watermark.copies" /* number: searched for copies */
#define EP_REQUESTS_VALUE "copies.requests" /* how to search behind it (dedup/requests.h) */
#define EP_INDEX_VALUE "index" /* files of the search index (index/manifest.h) */
#define EP_CATALOGUE_VALUE "catalogue" /* the file of the catalogue (catalogue/catalogue.h) */
#define EP_MASTER_LASTDUMP_VALUE "lastdump.master" /* text: when the last such dump was made */
#define EP_SLAVE_LASTDUMP_VALUE "lastdump.slave" /* the same */
#define EP_MASTER_NOTE_VALUE "note.master-dump" /* a dump that is being published */
#define EP_SLAVE_NOTE_VALUE "note.slave-dump" /* the same (dump/publish.c) */

/* This node, and whom it knows. */
#define EP_NAME_VALUE "name" /* text: of this node */
#define EP_URL_VALUE "url" /* text: the address in invitations */
#define EP_PEER_VALUE "peer." /* and a name: a slave that may contribute (peer/peer.h) */
#define EP_TOKEN_VALUE "token." /* and a name: who may use the HTTP interface (peer/tokens.h) */
#define EP_MASTER_VALUE "master" /* the master of this slave (peer/peer.h) */

/* Files that were ingested. */
#define EP_FILE_VALUE "file." /* and the hash of a path: an audio file (ingest/sound_marks.c) */

#endif
