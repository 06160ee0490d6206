/* inbox_cost.h - refuses contributions that would be too much work */
#ifndef EP_SYNC_MASTER_INBOX_COST_H
#define EP_SYNC_MASTER_INBOX_COST_H

#include "base/status.h"

/* Checks that the packet in the file at path costs no more work than one of its size may; call it
 * before a transaction begins. EP_CORRUPT  it costs more, or it is damaged; EP_NEWER, EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_inbox_weigh(const char *path, struct ep_error *err);

#endif
