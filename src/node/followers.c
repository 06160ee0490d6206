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

/* The names of a follower's values. */
struct names {
	char watermark[sizeof EP_FOLLOWER_VALUE + EP_FOLLOWER_NAME_MAX];
	char sending[sizeof EP_SENDING_VALUE + EP_FOLLOWER_NAME_MAX];
};

static enum ep_status
names_of(struct names *names, const char *name, struct ep_error *err)
{
	if (strlen(name) > EP_FOLLOWER_NAME_MAX)
		return ep_fail(err, EP_BAD_INPUT, "the name %s is longer than %d bytes", name,
		               EP_FOLLOWER_NAME_MAX);
	snprintf(names->watermark, sizeof names->watermark, EP_FOLLOWER_VALUE "%s", name);
	snprintf(names->sending, sizeof names->sending, EP_SENDING_VALUE "%s", name);
	return EP_OK;
}

enum ep_status
ep_follower_watermark(uint64_t *watermark, const struct ep_log_read *read, const char *name,
                      struct ep_error *err)
{
	struct names names;
	EP_TRY(names_of(&names, name, err));
	return ep_log_number(watermark, read, names.watermark, err);
}

enum ep_status
ep_follower_broke_off(bool *broke_off, const struct ep_log_read *read, const char *name,
                      struct ep_error *err)
{
	struct names names;
	uint64_t number;
	EP_TRY(names_of(&names, name, err));
	EP_TRY(ep_log_number(&number, read, names.sending, err));
	*broke_off = number != 0;
	return EP_OK;
}

enum ep_status
ep_follower_set(struct ep_log *log, const char *name, uint64_t watermark, bool whole,
                struct ep_error *err)
{
	struct names names;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(names_of(&names, name, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_number(write, names.watermark, watermark, err));
	if (whole)
		EP_TRY(ep_log_remove_value(write, names.sending, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_follower_sending(struct ep_log *log, const char *name, struct ep_error *err)
{
	struct names names;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(names_of(&names, name, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_number(write, names.sending, 1, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_follower_remove(bool *was, struct ep_log *log, const char *name, struct ep_error *err)
{
	struct names names;
	struct ep_bytes bytes;
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(names_of(&names, name, err));
	EP_TRY(ep_log_write_begin(&write, log, err));
	*was = ep_log_value(&bytes, ep_log_inside(write), names.watermark, NULL) == EP_OK;
	EP_TRY(ep_log_remove_value(write, names.watermark, err));
	EP_TRY(ep_log_remove_value(write, names.sending, err));
	return ep_log_commit(&write, err);
}
