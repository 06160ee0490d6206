#include "node/fields_json.h"

#include "format/json_text.h"

json_t *
ep_fields_json(const struct ep_fields *fields)
{
	json_t *json = json_object();
	for (size_t i = 0; json && i < fields->count; i++) {
		const struct ep_field *field = &fields->items[i];
		if (json_object_setn_new(json, field->key.at, field->key.size,
		                         ep_json_text(field->value)) < 0) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

json_t *
ep_fields_json_of(struct ep_text bytes)
{
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_reader reader = ep_reader_of(bytes.at, bytes.size);
	struct ep_fields fields;
	if (ep_fields_read(&fields, &reader, &arena, NULL) != EP_OK)
		return NULL;
	return ep_fields_json(&fields);
}
