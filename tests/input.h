/* input.h - bytes in memory as a source, given a piece at a time: for tests of what reads */
#ifndef EP_TESTS_INPUT_H
#define EP_TESTS_INPUT_H

#include "format/source.h"

#include <stdint.h>
#include <string.h>

struct input {
	const void *at;
	size_t size;
	size_t piece; /* bytes a read, at most */
};

static inline enum ep_status
read_input(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct input *input = context;
	size_t count = size < input->piece ? size : input->piece;
	(void)err;
	if (count > input->size)
		count = input->size;
	if (count > 0)
		memcpy(bytes, input->at, count);
	input->at = (const uint8_t *)input->at + count;
	input->size -= count;
	*got = count;
	return EP_OK;
}

#endif
