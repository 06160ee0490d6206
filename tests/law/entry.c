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
	if (ep_entry_read(&entry, 1, bytes, size, NULL) == EP_OK && size < EP_ENTRY_HEADER)
		abort();
	EP_FREE uint8_t *made = malloc(EP_ENTRY_HEADER + size + EP_ENTRY_TRAILER);
	if (!made)
		abort();
	struct ep_entry head = { .operation = EP_PUT };
	ep_entry_write(made, &head, bytes, size);
	if (ep_entry_read(&entry, 1, made, EP_ENTRY_HEADER + size + EP_ENTRY_TRAILER, NULL) !=
	    EP_OK)
		return;
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
