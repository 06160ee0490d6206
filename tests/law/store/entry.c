/* Law of the log's entries: any bytes are read and decoded or refused, without a crash; histories
 * and links come back as they were. */
#include "store/entry.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

void law_entry(const uint8_t *bytes, size_t size);

static struct ep_codes_coder *
coder(void)
{
	static struct ep_codes_coder *kept;
	if (!kept)
		must_equal(ep_codes_coder_new(&kept, EP_CODES_ONSET, NULL), EP_OK);
	return kept;
}

/* A history comes back as the same bytes. */
static void
history_comes_back(const struct ep_entry *entry)
{
	EP_ARENA struct ep_arena arena = { 0 };
	EP_BUFFER struct ep_buffer again = { 0 };
	struct ep_history history;
	if (ep_entry_history(&history, entry, 3, NULL, &arena, NULL) != EP_OK)
		return;
	must_equal(ep_history_write(&again, &history, NULL, NULL), EP_OK);
	must_equal(again.size, entry->history.size);
	must(memcmp(again.data, entry->history.at, again.size) == 0);
}

/* What a link says comes back as the same bytes. */
static void
link_comes_back(const struct ep_entry *entry)
{
	EP_BUFFER struct ep_buffer again = { 0 };
	struct ep_link link;
	if (ep_entry_link(&link, entry, NULL) != EP_OK)
		return;
	must_equal(ep_entry_link_body(&again, entry->id, &link, NULL), EP_OK);
	must(again.size >= entry->rest.size);
	must(memcmp(again.data + again.size - entry->rest.size, entry->rest.at, entry->rest.size) ==
	     0);
}

/* Every text of a put can be read, whatever it is. */
static void
rows_can_be_read(const struct ep_entry *entry)
{
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_hash hash;
	struct ep_codes_usage usage = { 0 };
	if (ep_entry_decode(&decoded, entry, coder(), NULL) != EP_OK)
		return;
	ep_track_hash(&hash, &decoded.track);
	must_equal(ep_entry_usage(&usage, entry, NULL), EP_OK);
}

/* The bytes as the history and body of an entry whose checksum is right, to get behind it. The
 * first byte says how many of the others are the history. */
static void
try_entry(enum ep_operation operation, const uint8_t *bytes, size_t size)
{
	struct ep_entry entry;
	size_t of_history = bytes[0] % size;
	struct ep_entry head = { .operation = operation,
		                 .history = { bytes + 1, of_history },
		                 .body = { bytes + 1 + of_history, size - 1 - of_history } };
	size_t made_size = ep_entry_size(&head);
	EP_FREE uint8_t *made = malloc(made_size);
	must(made != NULL);
	ep_entry_write(made, &head);
	if (ep_entry_read(&entry, 1, made, made_size, NULL) != EP_OK)
		return;
	history_comes_back(&entry);
	if (operation == EP_PUT)
		rows_can_be_read(&entry);
	if (operation == EP_LINK)
		link_comes_back(&entry);
}

void
law_entry(const uint8_t *bytes, size_t size)
{
	struct ep_entry entry;
	must(ep_entry_read(&entry, 1, bytes, size, NULL) != EP_OK || size >= 48);
	if (size == 0)
		return;
	try_entry(EP_PUT, bytes, size);
	try_entry(EP_DELETE, bytes, size);
	try_entry(EP_LINK, bytes, size);
}
