/* Laws of what slaves and their master tell each other: any bytes are read or refused; what is read
 * is written so that it is read as the same. */
#include "format/contribution.h"
#include "tests/law/signed.h"

#include <stdlib.h>

void law_contribution(const uint8_t *bytes, size_t size);
void law_receipt(const uint8_t *bytes, size_t size);
void law_join(const uint8_t *bytes, size_t size);
void law_welcome(const uint8_t *bytes, size_t size);

/* No byte of a trailer can be changed. */
void
law_contribution(const uint8_t *bytes, size_t size)
{
	struct ep_keys keys = test_keys();
	uint8_t trailer[EP_TRAILER_SIZE] = { 0 };
	struct ep_trailer read = { 0 };
	memcpy(trailer, bytes, size < sizeof trailer ? size : sizeof trailer);
	must_equal(ep_trailer_read(&read, trailer, NULL), EP_CORRUPT);
	struct ep_trailer made = { 0 };
	memcpy(made.hash.bytes, trailer, EP_HASH_SIZE);
	memcpy(made.master.bytes, trailer + 96, EP_KEY_SIZE);
	ep_trailer_write(trailer, &made, &keys);
	must_equal(ep_trailer_read(&read, trailer, NULL), EP_OK);
	must(memcmp(&read, &made, sizeof read) == 0);
	size_t at = (size * 131 + (size ? bytes[0] : 0)) % sizeof trailer;
	trailer[at] ^= (uint8_t)(1U << size % 8);
	must_equal(ep_trailer_read(&read, trailer, NULL), EP_CORRUPT);
}

void
law_receipt(const uint8_t *bytes, size_t size)
{
	struct ep_keys keys = test_keys();
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_RECEIPT struct ep_receipt receipt = { 0 };
	EP_RECEIPT struct ep_receipt again = { 0 };
	struct ep_text body = sign_body(&text, &keys, "echoprint receipt 2", bytes, size);
	if (ep_receipt_read(&receipt, body, &keys.key, NULL) != EP_OK)
		return;
	text.size = 0;
	must_equal(ep_receipt_write(&text, &receipt, &keys, NULL), EP_OK);
	must_equal(ep_receipt_read(&again, (struct ep_text){ (const char *)text.data, text.size },
	                           &keys.key, NULL),
	           EP_OK);
	must(again.epoch == receipt.epoch && again.position == receipt.position &&
	     again.track_count == receipt.track_count &&
	     memcmp(&again.id, &receipt.id, EP_HASH_SIZE) == 0);
	for (size_t i = 0; i < receipt.track_count; i++)
		must(again.tracks[i].outcome == receipt.tracks[i].outcome &&
		     ep_text_equal(again.tracks[i].id, receipt.tracks[i].id) &&
		     ep_text_equal(again.tracks[i].detail, receipt.tracks[i].detail));
}

/* A request is read where it is signed by the key that it names, and no byte of it can be changed.
 */
void
law_join(const uint8_t *bytes, size_t size)
{
	struct ep_keys keys = test_keys();
	EP_BUFFER struct ep_buffer text = { 0 };
	struct ep_join join = { 0 };
	struct ep_join again = { 0 };
	struct ep_text given = { (const char *)bytes, size };
	must(ep_join_read(&join, given, NULL) != EP_OK);
	struct ep_text body = sign_body(&text, &keys, "echoprint join 1", bytes, size);
	if (ep_join_read(&join, body, NULL) != EP_OK) {
		join = (struct ep_join){ .name = "slave", .key = keys.key };
		memcpy(join.proof.bytes, bytes,
		       size < EP_SIGNATURE_SIZE ? size : EP_SIGNATURE_SIZE);
	}
	must(ep_key_equal(&join.key, &keys.key));
	text.size = 0;
	must_equal(ep_join_write(&text, &join, &keys, NULL), EP_OK);
	body = (struct ep_text){ (const char *)text.data, text.size };
	must_equal(ep_join_read(&again, body, NULL), EP_OK);
	must(memcmp(&join, &again, sizeof join) == 0);
	text.data[(size * 131 + (size ? bytes[0] : 0)) % text.size] ^= (uint8_t)(1U << size % 7);
	must(ep_join_read(&again, body, NULL) != EP_OK);
}

/* A welcome is for the key that asked, or it is none. */
void
law_welcome(const uint8_t *bytes, size_t size)
{
	struct ep_keys keys = test_keys();
	EP_BUFFER struct ep_buffer text = { 0 };
	struct ep_join join = { .name = "slave", .key = keys.key };
	struct ep_text given = { (const char *)bytes, size };
	must(ep_welcome_read(given, &join, &keys.key, NULL) != EP_OK);
	struct ep_text body = sign_body(&text, &keys, "echoprint welcome 1", bytes, size);
	if (ep_welcome_read(body, &join, &keys.key, NULL) != EP_OK)
		return;
	struct ep_join other = join;
	other.key.bytes[size % EP_KEY_SIZE] ^= 1;
	must(ep_welcome_read(body, &other, &keys.key, NULL) != EP_OK);
	text.size = 0;
	must_equal(ep_welcome_write(&text, &join, &keys, NULL), EP_OK);
	body = (struct ep_text){ (const char *)text.data, text.size };
	must_equal(ep_welcome_read(body, &join, &keys.key, NULL), EP_OK);
	text.data[size % text.size] ^= 1;
	must(ep_welcome_read(body, &join, &keys.key, NULL) != EP_OK);
}
