#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
ep_error_set(struct ep_error *err, enum ep_status status, const char *fmt, ...)
{
	if (!err)
		return;
	err->status = status;
	va_list args;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
}

static enum ep_status
status_of_errno(int errno_value)
{
	switch (errno_value) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return EP_NO_SPACE;
	case ENOMEM:
		return EP_NO_MEMORY;
	default:
		return EP_IO;
	}
}

enum ep_status
ep_fail_errno(struct ep_error *err, int errno_value, const char *fmt, ...)
{
	enum ep_status status = status_of_errno(errno_value);
	if (!err)
		return status;
	err->status = status;
	va_list args;
	va_start(args, fmt);
	int used = vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof err->text)
		snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s",
		         strerror(errno_value));
	return status;
}

void
ep_error_prefix(struct ep_error *err, const char *fmt, ...)
{
	if (!err)
		return;
	char old[sizeof err->text];
	memcpy(old, err->text, sizeof old);
	va_list args;
	va_start(args, fmt);
	int used = vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof err->text)
		snprintf(err->text + used, sizeof err->text - (size_t)used, "%s", old);
}

void
ep_free_owned(void *variable)
{
	void *memory;
	memcpy(&memory, variable, sizeof memory);
	free(memory);
}
