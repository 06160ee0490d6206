#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct ep_bytes
ep_buffer_bytes(const struct ep_buffer *buffer)
{
	return (struct ep_bytes){ buffer->data, buffer->size };
}

bool
ep_bytes_equal(struct ep_bytes one, struct ep_bytes other)
{
	return one.size == other.size && (one.size == 0 || memcmp(one.at, other.at, one.size) == 0);
}

enum ep_status
ep_buffer_reserve(struct ep_buffer *buffer, size_t extra, struct ep_error *err)
{
	size_t max = buffer->max ? buffer->max : EP_BUFFER_MAX;
	if (extra <= buffer->capacity - buffer->size)
		return EP_OK;
	if (extra > max - buffer->size)
		return ep_fail(err, EP_NO_MEMORY, "a buffer would exceed its limit of %zu bytes",
		               max);
	size_t capacity = buffer->size + extra;
	if (capacity < buffer->capacity * 2)
		capacity = buffer->capacity * 2;
	if (capacity < 256)
		capacity = 256;
	if (capacity > max)
		capacity = max;
	uint8_t *data = realloc(buffer->data, capacity);
	if (!data)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a buffer of %zu bytes",
		               capacity);
	buffer->data = data;
	buffer->capacity = capacity;
	return EP_OK;
}

enum ep_status
ep_buffer_append(struct ep_buffer *buffer, const void *bytes, size_t size, struct ep_error *err)
{
	if (size == 0)
		return EP_OK;
	EP_TRY(ep_buffer_reserve(buffer, size, err));
	memcpy(buffer->data + buffer->size, bytes, size);
	buffer->size += size;
	return EP_OK;
}

void
ep_buffer_free(struct ep_buffer *buffer)
{
	free(buffer->data);
	buffer->data = NULL;
	buffer->size = 0;
	buffer->capacity = 0;
}
