/* Law of forms: any bytes are read; what was written comes back. */
#include "net/form.h"
#include "tests/must.h"

#include <string.h>

void law_form(const uint8_t *bytes, size_t size);

/* A field's value is at most as long as the form, and one that is encoded comes back. */
void
law_form(const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer value = { 0 };
	EP_BUFFER struct ep_buffer form = { 0 };
	bool found;
	must_equal(ep_form_field(&value, &found, (struct ep_text){ (const char *)bytes, size },
	                         "fp_code", NULL),
	           EP_OK);
	must(value.size <= size && (found || value.size == 0));
	must_equal(ep_buffer_append(&form, "a=b&fp_code=", 12, NULL), EP_OK);
	for (size_t i = 0; i < size; i++) {
		static const char digits[] = "0123456789aBcDeF";
		char escape[3] = { '%', digits[bytes[i] >> 4], digits[bytes[i] & 15] };
		must_equal(ep_buffer_append(&form, escape, sizeof escape, NULL), EP_OK);
	}
	must_equal(ep_buffer_append(&form, "&fp_code=x", 10, NULL), EP_OK);
	value.size = 0;
	must_equal(ep_form_field(&value, &found,
	                         (struct ep_text){ (const char *)form.data, form.size }, "fp_code",
	                         NULL),
	           EP_OK);
	must(found && value.size == size && (size == 0 || memcmp(value.data, bytes, size) == 0));
}
