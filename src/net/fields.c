#include "net/fields.h"

#include <string.h>
#include <strings.h>

/* Reads digits; gives what is behind them, NULL where there are none. Above 2^64 it is 2^64 - 1. */
static const char *
read_number(uint64_t *number, const char *text)
{
	const char *at = text;
	*number = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');
		*number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
	}
	return at > text ? at : NULL;
}

unsigned
ep_field_wait(const char *prefer)
{
	uint64_t seconds;
	const char *wait = prefer ? strstr(prefer, "wait=") : NULL;
	if (!wait || !read_number(&seconds, wait + strlen("wait=")))
		return 0;
	return seconds > EP_FIELD_WAIT_MAX ? EP_FIELD_WAIT_MAX : (unsigned)seconds;
}

bool
ep_field_has_tag(const char *list, const char *tag)
{
	return list && (strcmp(list, "*") == 0 || strstr(list, tag) != NULL);
}

/* "LAST": so many bytes of the end. */
static bool
read_last(uint64_t *from, const char *text, uint64_t size)
{
	uint64_t last;
	const char *end = read_number(&last, text);
	if (!end || *end)
		return false;
	*from = last == 0 ? size : last < size ? size - last : 0;
	return true;
}

bool
ep_field_range(uint64_t *from, uint64_t *to, const char *range, uint64_t size)
{
	if (!range || strncmp(range, "bytes=", 6) != 0)
		return false;
	range += 6;
	*to = size - 1;
	if (*range == '-')
		return read_last(from, range + 1, size);
	const char *end = read_number(from, range);
	if (!end || *end != '-')
		return false;
	if (end[1]) {
		uint64_t given;
		const char *close = read_number(&given, end + 1);
		if (!close || *close || given < *from)
			return false;
		*to = given < *to ? given : *to;
	}
	if (*from > size)
		*from = size;
	return true;
}

bool
ep_field_value(char *value, size_t room, const char *name, const char *line, size_t size)
{
	size_t at = strlen(name);
	if (size <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
		return false;
	at++;
	while (at < size && (line[at] == ' ' || line[at] == '\t'))
		at++;
	while (size > at && strchr(" \t\r\n", line[size - 1]))
		size--;
	size_t length = size - at;
	bool good = length < room;
	for (size_t i = 0; good && i < length; i++)
		good = (unsigned char)line[at + i] >= ' ' && line[at + i] != 0x7f;
	if (good)
		memcpy(value, line + at, length);
	value[good ? length : 0] = '\0';
	return true;
}
