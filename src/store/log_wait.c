/* The list of what waits for the feed: puts tracks and links on it, and takes them off. */
#include "store/log_internal.h"

#include <string.h>

enum ep_status
ep_log_set_wait(struct ep_log_write *write, const struct ep_subject *subject,
                const struct ep_revision *head, enum ep_wait wait, uint64_t position,
                struct ep_error *err)
{
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	uint8_t value[EP_WAIT_SIZE];
	MDB_val key;
	EP_TRY(ep_subject_key(&key, bytes, subject, err));
	value[0] = (uint8_t)wait;
	memcpy(value + 1, head->bytes, EP_REVISION_SIZE);
	ep_store64(value + 1 + EP_REVISION_SIZE, position);
	return ep_log_put_key(write, write->inside.log->unconfirmed, key,
	                      (MDB_val){ .mv_data = value, .mv_size = sizeof value }, 0, err);
}

enum ep_status
ep_log_remove_wait(struct ep_log_write *write, const struct ep_subject *subject,
                   struct ep_error *err)
{
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	EP_TRY(ep_subject_key(&key, bytes, subject, err));
	EP_TRY(ep_log_remove_key(write, write->inside.log->unconfirmed, key, err));
	return subject->link ? ep_log_remove_key(write, write->inside.log->bases, key, err) : EP_OK;
}
