/* Law of a track's fields: any bytes are refused, or are fields that may be and come back as the
 * same bytes; and joined with nothing, or with themselves, they stay what they are. */
#include "store/track_fields.h"
#include "tests/must.h"

#include <string.h>

void law_track_fields(const uint8_t *bytes, size_t size);

static void
comes_back(const struct ep_fields *fields, const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer again = { 0 };
	must_equal(ep_fields_check(fields, NULL), EP_OK);
	must_equal(ep_fields_write(&again, fields, NULL), EP_OK);
	must_equal(again.size, size);
	must(memcmp(again.data, bytes, size) == 0);
}

static void
stays(const struct ep_fields *fields, struct ep_arena *arena)
{
	static const struct ep_fields none;
	struct ep_fields joined;
	must_equal(ep_fields_join(&joined, fields, NULL, 0, arena, NULL), EP_OK);
	must(ep_fields_equal(&joined, fields));
	must_equal(ep_fields_join(&joined, fields, fields->items, fields->count, arena, NULL),
	           EP_OK);
	must(ep_fields_equal(&joined, fields));
	must_equal(ep_fields_join(&joined, &none, fields->items, fields->count, arena, NULL),
	           EP_OK);
	must(ep_fields_equal(&joined, fields));
}

void
law_track_fields(const uint8_t *bytes, size_t size)
{
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_fields fields;
	struct ep_field field;
	struct ep_reader reader = ep_reader_of(bytes, size);
	if (ep_fields_read(&fields, &reader, &arena, NULL) == EP_OK) {
		comes_back(&fields, bytes, size - ep_reader_left(&reader));
		stays(&fields, &arena);
	}
	struct ep_text text = { (const char *)bytes, size };
	if (ep_field_parse(&field, text, NULL) == EP_OK && field.value.size)
		must_equal(ep_field_check(&field, NULL), EP_OK);
}
