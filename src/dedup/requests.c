#include "dedup/requests.h"

#include "base/bytes.h"
#include "store/values.h"

#include <assert.h>
#include <stdlib.h>

#define REQUEST_SIZE 17

/* What the third field says. */
static const enum ep_dedup hows[] = { EP_DEDUP_OFF, EP_DEDUP_EXACT, EP_DEDUP_MATCH };
#define HOWS (sizeof hows / sizeof hows[0])

enum ep_status
ep_dedup_requests(struct ep_dedup_request **requests, size_t *count, const struct ep_log_read *read,
                  struct ep_error *err)
{
	struct ep_bytes value;
	enum ep_status status = ep_log_value(&value, read, EP_REQUESTS_VALUE, err);
	if (status == EP_NOT_FOUND)
		value = (struct ep_bytes){ 0 };
	else
		EP_TRY(status);
	size_t found = value.size / REQUEST_SIZE;
	EP_FREE struct ep_dedup_request *items = calloc(found + 1, sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for copies");
	bool good = value.size % REQUEST_SIZE == 0;
	uint64_t last = 0;
	for (size_t i = 0; i < found && good; i++) {
		const uint8_t *at = value.at + i * REQUEST_SIZE;
		uint8_t how = at[16];
		good = how < HOWS && ep_load64(at) >= last && ep_load64(at) < ep_load64(at + 8);
		if (!good)
			break;
		items[i] = (struct ep_dedup_request){ ep_load64(at), ep_load64(at + 8), hows[how] };
		last = items[i].last;
	}
	if (!good)
		return ep_fail(err, EP_CORRUPT, "the log's value %s is damaged", EP_REQUESTS_VALUE);
	*requests = EP_TAKE(items);
	*count = found;
	return EP_OK;
}

enum ep_dedup
ep_dedup_requested(const struct ep_dedup_request *requests, size_t count, uint64_t position)
{
	for (size_t i = 0; i < count && requests[i].after < position; i++) {
		if (position <= requests[i].last)
			return requests[i].how;
	}
	return EP_DEDUP_BY_ROLE;
}

static uint8_t
number_of(enum ep_dedup how)
{
	uint8_t number = 0;
	while (number < HOWS - 1 && hows[number] != how)
		number++;
	return number;
}

/* Stores count requests; where there are none, the value goes. */
static enum ep_status
store(struct ep_log_write *write, const struct ep_dedup_request *requests, size_t count,
      struct ep_error *err)
{
	EP_BUFFER struct ep_buffer value = { 0 };
	if (count == 0)
		return ep_log_remove_value(write, EP_REQUESTS_VALUE, err);
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[REQUEST_SIZE];
		ep_store64(bytes, requests[i].after);
		ep_store64(bytes + 8, requests[i].last);
		bytes[16] = number_of(requests[i].how);
		EP_TRY(ep_buffer_append(&value, bytes, sizeof bytes, err));
	}
	return ep_log_set_value(write, EP_REQUESTS_VALUE, ep_buffer_bytes(&value), err);
}

enum ep_status
ep_dedup_request(struct ep_log_write *write, uint64_t after, enum ep_dedup how,
                 struct ep_error *err)
{
	struct ep_log_state state;
	EP_FREE struct ep_dedup_request *requests = NULL;
	size_t count;
	assert(how == EP_DEDUP_OFF || how == EP_DEDUP_EXACT || how == EP_DEDUP_MATCH);
	ep_log_state(&state, ep_log_inside(write));
	if (state.position == after)
		return EP_OK;
	EP_TRY(ep_dedup_requests(&requests, &count, ep_log_inside(write), err));
	struct ep_dedup_request *previous = count ? &requests[count - 1] : NULL;
	if (previous && previous->last == after && previous->how == how)
		previous->last = state.position;
	else /* there is room for one more */
		requests[count++] = (struct ep_dedup_request){ after, state.position, how };
	size_t first = count > EP_DEDUP_REQUESTS_MAX ? 1 : 0;
	return store(write, requests + first, count - first, err);
}

enum ep_status
ep_dedup_forget(struct ep_log_write *write, uint64_t last, struct ep_error *err)
{
	EP_FREE struct ep_dedup_request *requests = NULL;
	size_t count;
	size_t first = 0;
	EP_TRY(ep_dedup_requests(&requests, &count, ep_log_inside(write), err));
	if (count == 0)
		return EP_OK;
	while (first < count && requests[first].last <= last)
		first++;
	if (first < count && requests[first].after < last)
		requests[first].after = last;
	return store(write, requests + first, count - first, err);
}
