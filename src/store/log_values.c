/* Keys and values as the transaction that writes puts them; sources are among them. */
#include "store/log_internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum ep_status
ep_log_check_stale(const struct ep_log_write *write, struct ep_error *err)
{
	if (!write->stale)
		return EP_OK;
	return ep_fail(err, EP_DIVERGED,
	               "the log in %s is an older copy of what was published; begin a new epoch "
	               "with `echoprint publish --new-epoch DIR` or `echoprint serve --new-epoch`, "
	               "and everything that slaves have comes back",
	               write->inside.log->env->folder);
}

/* Heads that are kept: they tell how far back a copy goes, and one would do. */
#define HEADS_MAX 8

enum ep_status
ep_log_set_stale(struct ep_log_write *write, struct ep_bytes head, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	EP_BUFFER struct ep_buffer heads = { 0 };
	uint8_t size[2];
	enum ep_status status = ep_log_value(&value, &write->inside, EP_STALE_VALUE, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	if (value.size > HEADS_MAX * head.size)
		return EP_OK;
	if (value.size)
		EP_TRY(ep_buffer_append(&heads, value.at, value.size, err));
	ep_store16(size, (uint16_t)head.size);
	EP_TRY(ep_buffer_append(&heads, size, sizeof size, err));
	EP_TRY(ep_buffer_append(&heads, head.at, head.size, err));
	write->stale = true;
	return ep_log_set_value(write, EP_STALE_VALUE, ep_buffer_bytes(&heads), err);
}

const struct ep_log_read *
ep_log_inside(const struct ep_log_write *write)
{
	return &write->inside;
}

enum ep_status
ep_log_fail_write(const struct ep_log_write *write, int rc, struct ep_error *err)
{
	const char *folder = write->inside.log->env->folder;
	return ep_fail_mdb(err, ep_explain_write(rc, folder), "cannot write the log in %s", folder);
}

enum ep_status
ep_log_put_key(struct ep_log_write *write, MDB_dbi dbi, MDB_val key, MDB_val value, unsigned flags,
               struct ep_error *err)
{
	int rc = mdb_put(write->inside.txn, dbi, &key, &value, flags);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

enum ep_status
ep_log_remove_key(struct ep_log_write *write, MDB_dbi dbi, MDB_val key, struct ep_error *err)
{
	int rc = mdb_del(write->inside.txn, dbi, &key, NULL);
	return rc && rc != MDB_NOTFOUND ? ep_log_fail_write(write, rc, err) : EP_OK;
}

enum ep_status
ep_log_list_key(struct ep_buffer *keys, MDB_val key, struct ep_error *err)
{
	return ep_put_sized(keys, (struct ep_bytes){ key.mv_data, key.mv_size }, err);
}

enum ep_status
ep_log_each_listed(struct ep_buffer *keys,
                   enum ep_status (*each)(void *context, MDB_val key, struct ep_error *err),
                   void *context, struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(keys->data, keys->size);
	enum ep_status status = EP_OK;
	while (status == EP_OK && ep_reader_left(&reader) > 0)
		status = each(context, ep_val_of_bytes(ep_read_sized(&reader)), err);
	ep_buffer_free(keys);
	return status;
}

struct ep_subject
ep_subject_of_key(MDB_val key)
{
	const char *at = key.mv_data;
	bool link = key.mv_size > 1 && at[0] == 1;
	return (struct ep_subject){ { at + link, key.mv_size - link }, link };
}

enum ep_status
ep_log_set_value(struct ep_log_write *write, const char *name, struct ep_bytes value,
                 struct ep_error *err)
{
	return ep_log_put_key(write, write->inside.log->values, ep_val_of(ep_text_of(name)),
	                      ep_val_of_bytes(value), 0, err);
}

enum ep_status
ep_log_set_number(struct ep_log_write *write, const char *name, uint64_t value,
                  struct ep_error *err)
{
	uint8_t bytes[8];
	ep_store64(bytes, value);
	return ep_log_set_value(write, name, (struct ep_bytes){ bytes, sizeof bytes }, err);
}

enum ep_status
ep_log_remove_value(struct ep_log_write *write, const char *name, struct ep_error *err)
{
	return ep_log_remove_key(write, write->inside.log->values, ep_val_of(ep_text_of(name)),
	                         err);
}

enum ep_status
ep_log_store_source(struct ep_log_write *write, const struct ep_source_info *info,
                    struct ep_error *err)
{
	uint32_t big = htobe32(info->number);
	uint8_t bytes[EP_SOURCE_FIXED + EP_SOURCE_NAME_MAX];
	size_t name_size = strlen(info->name);
	ep_store64(bytes, info->tracks);
	ep_store64(bytes + 8, info->documents);
	ep_store64(bytes + 16, info->tombstones);
	ep_store64(bytes + 24, info->bytes);
	memcpy(bytes + EP_SOURCE_FIXED, info->name, name_size);
	return ep_log_put_key(write, write->inside.log->sources,
	                      (MDB_val){ .mv_data = &big, .mv_size = sizeof big },
	                      (MDB_val){ .mv_data = bytes, .mv_size = EP_SOURCE_FIXED + name_size },
	                      0, err);
}

enum ep_status
ep_log_source(uint32_t *number, struct ep_log_write *write, struct ep_text name,
              struct ep_error *err)
{
	if (!ep_source_name_ok(name))
		return ep_fail(err, EP_BAD_INPUT,
		               "\"%.*s\" is not a valid source name: it must have 1 to %d of A-Z "
		               "a-z 0-9 . _ -",
		               ep_text_print_size(name), name.at, EP_SOURCE_NAME_MAX);
	uint32_t next = EP_SOURCE_MASTER + 1;
	for (size_t i = 0; i < write->source_count; i++) {
		if (ep_text_equal(ep_text_of(write->sources[i].name), name)) {
			*number = write->sources[i].number;
			return EP_OK;
		}
		if (write->sources[i].number >= next)
			next = write->sources[i].number + 1;
	}
	struct ep_source_info *list =
		realloc(write->sources, (write->source_count + 1) * sizeof *list);
	if (!list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of sources");
	write->sources = list;
	struct ep_source_info *info = &list[write->source_count++];
	*info = (struct ep_source_info){ .number = next };
	memcpy(info->name, name.at, name.size);
	*number = next;
	return ep_log_store_source(write, info, err);
}
