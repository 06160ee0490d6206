#include "node/followers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct ep_follower *items;
	size_t count;
	uint64_t position; /* of the log */
};

static enum ep_status
add(void *context, struct ep_text rest, struct ep_bytes value, struct ep_error *err)
{
	struct list *list = context;
	if (rest.size > EP_FOLLOWER_NAME_MAX || value.size != 8)
		return ep_fail(err, EP_CORRUPT, "the log's value %s%.*s is not a number",
		               EP_FOLLOWER_VALUE, ep_text_print_size(rest), rest.at);
	struct ep_follower *more = realloc(list->items, (list->count + 1) * sizeof *more);
	if (!more)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of followers");
	list->items = more;
	struct ep_follower *item = &more[list->count++];
	*item = (struct ep_follower){ .watermark = ep_load64(value.at) };
	memcpy(item->name, rest.at, rest.size);
	if (item->watermark < list->position)
		item->waiting = list->position - item->watermark;
	return EP_OK;
}

enum ep_status
ep_followers(struct ep_follower **followers, size_t *count, const struct ep_log_read *read,
             struct ep_error *err)
{
	struct list list = { 0 };
	struct ep_log_state state;
	ep_log_state(&state, read);
	list.position = state.position;
	enum ep_status status = ep_log_each_value(read, EP_FOLLOWER_VALUE, add, &list, err);
	if (status != EP_OK) {
		free(list.items);
		return status;
	}
	*followers = list.items;
	*count = list.count;
	return EP_OK;
}

json_t *
ep_followers_json(const struct ep_follower *followers, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
		                      json_pack("{s:s, s:I, s:I}", "name", followers[i].name,
		                                "position", (json_int_t)followers[i].watermark,
		                                "waiting", (json_int_t)followers[i].waiting));
	return array;
}

#define VALUE_MAX (sizeof EP_FOLLOWER_VALUE + EP_FOLLOWER_NAME_MAX)

static enum ep_status
value_of(char value[VALUE_MAX], const char *name, struct ep_error *err)
{
	if (strlen(name) > EP_FOLLOWER_NAME_MAX)
		return ep_fail(err, EP_BAD_INPUT, "the name %s is longer than %d bytes", name,
		               EP_FOLLOWER_NAME_MAX);
	snprintf(value, VALUE_MAX, EP_FOLLOWER_VALUE "%s", name);
	return EP_OK;
}

enum ep_status
ep_follower_watermark(uint64_t *watermark, const struct ep_log_read *read, const char *name,
                      struct ep_error *err)
{
	char value[VALUE_MAX];
	EP_TRY(value_of(value, name, err));
	return ep_log_number(watermark, read, value, err);
}

enum ep_status
ep_follower_set(struct ep_log *log, const char *name, uint64_t watermark, struct ep_error *err)
{
	char value[VALUE_MAX];
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(value_of(value, name, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_number(write, value, watermark, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_follower_remove(bool *was, struct ep_log *log, const char *name, struct ep_error *err)
{
	char value[VALUE_MAX];
	struct ep_bytes bytes;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(value_of(value, name, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	*was = ep_log_value(&bytes, ep_log_inside(write), value, NULL) == EP_OK;
	EP_TRY(ep_log_remove_value(write, value, err));
	return ep_log_commit(&write, err);
}
