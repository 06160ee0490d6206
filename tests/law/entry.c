/* Law of the log's entries: any bytes are read and decoded or refused, without a crash. */
#include "store/entry.h"

#include <stdlib.h>
#include <string.h>

void law_entry(const uint8_t *bytes, size_t size);

static struct ep_codes_coder *
coder(void)
{
	static struct ep_codes_coder *kept;
	if (!kept && ep_codes_coder_new(&kept, EP_CODES_ONSET, NULL) != EP_OK)
		abort();
	return kept;
}

void
law_entry(const uint8_t *bytes, size_t size)
{
	/* As they are; and as the body of an entry whose checksum is right, to get behind it. */
	struct ep_entry entry;
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_history history;
	if (ep_entry_read(&entry, 1, bytes, size, NULL) == EP_OK && size < 48)
		abort();
	/* The first byte says how many of the others are the history. */
	size_t of_history = size ? bytes[0] % size : 0;
	struct ep_entry head = { .operation = EP_PUT,
		                 .history = { (const char *)bytes, of_history } };
	size_t made_size = ep_entry_size(&head, size - of_history);
	EP_FREE uint8_t *made = malloc(made_size);
	if (!made)
		abort();
	ep_entry_write(made, &head, bytes + of_history, size - of_history);
	if (ep_entry_read(&entry, 1, made, made_size, NULL) != EP_OK)
		return;
	if (ep_entry_history(&history, &entry, 3, NULL, &arena, NULL) == EP_OK) {
		EP_BUFFER struct ep_buffer again = { 0 };
		if (ep_history_write(&again, &history, NULL, NULL) != EP_OK ||
		    again.size > of_history)
			abort();
	}
	EP_DECODED struct ep_decoded decoded = { 0 };
	if (ep_entry_decode(&decoded, &entry, coder(), NULL) != EP_OK)
		return;
	/* Every text can be read, whatever it is. */
	struct ep_hash hash;
	ep_track_hash(&hash, &decoded.track);
	struct ep_codes_usage usage = { 0 };
	if (ep_entry_usage(&usage, &entry, NULL) != EP_OK)
		abort();
}
