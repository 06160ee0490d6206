/* What the steps of a push send: lists of keys, and XML. */
#include "net/legacy/legacy_push_internal.h"

#include <stdlib.h>

enum ep_status
ep_push_key(struct ep_pushing *push, struct ep_text key, struct ep_text value, struct ep_error *err)
{
	if (push->key_count == push->key_capacity) {
		size_t capacity = push->key_capacity ? 2 * push->key_capacity : 512;
		struct ep_text *keys = realloc(push->keys, capacity * sizeof *keys);
		if (keys)
			push->keys = keys;
		struct ep_text *values = realloc(push->values, capacity * sizeof *values);
		if (values)
			push->values = values;
		if (!keys || !values)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu keys", capacity);
		push->key_capacity = capacity;
	}
	push->keys[push->key_count] = key;
	push->values[push->key_count++] = value;
	return EP_OK;
}

enum ep_status
ep_push_begin_xml(struct ep_pushing *push, const char *element, struct ep_error *err)
{
	push->xml.size = 0;
	return ep_old_xml_words(&push->xml, element, err);
}

enum ep_status
ep_push_send_xml(struct ep_pushing *push, const char *end, struct ep_error *err)
{
	EP_TRY(ep_old_xml_words(&push->xml, end, err));
	return ep_old_solr_update(push->solr, ep_buffer_text(&push->xml), err);
}
