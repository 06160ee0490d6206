/* Laws of header fields: any bytes are read or passed over; what is read is within its bounds; what
 * was written comes back. */
#include "net/fields.h"
#include "node/seen.h"
#include "tests/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void law_fields(const uint8_t *bytes, size_t size);

static void
range_is_within(const char *text, uint64_t size)
{
	uint64_t from = 1;
	uint64_t to = 1;
	char made[64];
	if (!ep_field_range(&from, &to, text, size))
		return;
	must(from == size || (from <= to && to < size));
	if (from == size)
		return;
	uint64_t from_again;
	uint64_t to_again;
	snprintf(made, sizeof made, "bytes=%llu-%llu", (unsigned long long)from,
	         (unsigned long long)to);
	must(ep_field_range(&from_again, &to_again, made, size));
	must(from_again == from && to_again == to);
}

static void
value_comes_back(const char *text, size_t size)
{
	char value[64];
	char line[128];
	char again[64];
	memset(value, 'x', sizeof value);
	if (!ep_field_value(value, sizeof value, "ETag", text, size))
		return;
	must(memchr(value, '\0', sizeof value) != NULL);
	for (const char *at = value; *at; at++)
		must((unsigned char)*at >= ' ' && *at != 0x7f);
	int length = snprintf(line, sizeof line, "etag:  %s\r\n", value);
	must(ep_field_value(again, sizeof again, "ETag", line, (size_t)length));
	must(strcmp(again, value) == 0);
}

static void
slaves_are_seen(const char *text)
{
	static struct ep_seen seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	size_t before = seen.count;
	ep_seen_take(&seen, text);
	must(seen.count <= EP_SEEN_MAX && seen.count - before <= 1);
}

void
law_fields(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);
	must(text != NULL);
	if (size)
		memcpy(text, bytes, size);
	text[size] = '\0';
	must(ep_field_wait(text) <= EP_FIELD_WAIT_MAX);
	(void)ep_field_has_tag(text, "\"0123\"");
	static const uint64_t sizes[] = { 1, 100, INT64_MAX, UINT64_MAX };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		range_is_within(text, sizes[i]);
	value_comes_back((const char *)bytes, size);
	slaves_are_seen(text);
	free(text);
}
