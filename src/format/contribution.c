#include "format/contribution.h"

#include "base/bytes.h"
#include "format/signed_json.h"

#include <stdlib.h>
#include <string.h>

#define PURPOSE "echoprint contribution 2"
#define RECEIPT_PURPOSE "echoprint receipt 2"
#define JOIN_PURPOSE "echoprint join 1"
#define PROOF_PURPOSE "echoprint invitation 1"
#define WELCOME_PURPOSE "echoprint welcome 1"
#define RECEIPT_FORMAT 2
#define JOIN_FORMAT 1

/* ---- the trailer ---- */

#define SIGNED_SIZE (2 * EP_KEY_SIZE)

/* What the signature is of: the keys and the packet's hash. The hash of that is the id. */
static void
make_signed(uint8_t bytes[SIGNED_SIZE + EP_HASH_SIZE], struct ep_trailer *trailer)
{
	memcpy(bytes, trailer->slave.bytes, EP_KEY_SIZE);
	memcpy(bytes + EP_KEY_SIZE, trailer->master.bytes, EP_KEY_SIZE);
	memcpy(bytes + SIGNED_SIZE, trailer->hash.bytes, EP_HASH_SIZE);
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, bytes, SIGNED_SIZE + EP_HASH_SIZE);
	ep_hasher_done(&trailer->id, &hasher);
}

void
ep_trailer_write(uint8_t bytes[EP_TRAILER_SIZE], struct ep_trailer *trailer,
                 const struct ep_keys *keys)
{
	struct ep_signature signature;
	uint8_t message[SIGNED_SIZE + EP_HASH_SIZE];
	trailer->slave = keys->key;
	make_signed(message, trailer);
	ep_sign(&signature, keys, PURPOSE, message, sizeof message);
	memcpy(bytes, trailer->hash.bytes, EP_HASH_SIZE);
	ep_store16(bytes + EP_HASH_SIZE, EP_TRAILER_SIGNATURE);
	memcpy(bytes + EP_PACKET_END, message, SIGNED_SIZE);
	memcpy(bytes + EP_PACKET_END + SIGNED_SIZE, signature.bytes, EP_SIGNATURE_SIZE);
}

enum ep_status
ep_contribution_sign(struct ep_buffer *packet, struct ep_trailer *trailer,
                     const struct ep_keys *keys, struct ep_error *err)
{
	uint8_t bytes[EP_TRAILER_SIZE];
	if (packet->size < EP_PACKET_END)
		return ep_fail(err, EP_CORRUPT, "a packet of a contribution is too short");
	packet->size -= EP_PACKET_END;
	memcpy(trailer->hash.bytes, packet->data + packet->size, EP_HASH_SIZE);
	ep_trailer_write(bytes, trailer, keys);
	return ep_buffer_append(packet, bytes, sizeof bytes, err);
}

enum ep_status
ep_trailer_read(struct ep_trailer *trailer, const uint8_t bytes[EP_TRAILER_SIZE],
                struct ep_error *err)
{
	struct ep_trailer read;
	struct ep_signature signature;
	uint8_t message[SIGNED_SIZE + EP_HASH_SIZE];
	const uint8_t *at = bytes + EP_PACKET_END;
	if (ep_load16(bytes + EP_HASH_SIZE) != EP_TRAILER_SIGNATURE)
		return ep_fail(err, EP_CORRUPT, "this is not a contribution: it is not signed");
	memcpy(read.hash.bytes, bytes, EP_HASH_SIZE);
	memcpy(read.slave.bytes, at, EP_KEY_SIZE);
	memcpy(read.master.bytes, at + EP_KEY_SIZE, EP_KEY_SIZE);
	memcpy(signature.bytes, at + SIGNED_SIZE, EP_SIGNATURE_SIZE);
	make_signed(message, &read);
	if (!ep_sign_check(&signature, &read.slave, PURPOSE, message, sizeof message))
		return ep_fail(err, EP_CORRUPT, "the contribution's signature is wrong");
	*trailer = read;
	return EP_OK;
}

/* ---- the receipt ---- */

static const char *const outcome_names[EP_OUTCOME_COUNT] = { "new",       "updated",  "unchanged",
	                                                     "duplicate", "conflict", "rejected",
	                                                     "deleted",   "refused",  "full",
	                                                     "nothing" };

const char *
ep_outcome_name(enum ep_outcome outcome)
{
	return outcome_names[outcome];
}

void
ep_receipt_free(struct ep_receipt *receipt)
{
	free(receipt->tracks);
	json_decref(receipt->json);
	*receipt = (struct ep_receipt){ 0 };
}

static json_t *
track_json(const struct ep_receipt_track *track)
{
	json_t *item = json_array();
	json_array_append_new(item, json_stringn(track->id.at, track->id.size));
	json_array_append_new(item, json_string(ep_outcome_name(track->outcome)));
	if (track->detail.size)
		json_array_append_new(item, json_stringn(track->detail.at, track->detail.size));
	return item;
}

enum ep_status
ep_receipt_write(struct ep_buffer *out, const struct ep_receipt *receipt,
                 const struct ep_keys *keys, struct ep_error *err)
{
	json_t *tracks = json_array();
	for (size_t i = 0; i < receipt->track_count; i++)
		json_array_append_new(tracks, track_json(&receipt->tracks[i]));
	json_t *json = json_pack("{s:I, s:I, s:s}", "epoch", (json_int_t)receipt->epoch, "position",
	                         (json_int_t)receipt->position, "source", receipt->source);
	bool made = json && json_array_size(tracks) == receipt->track_count &&
	            ep_json_set_bytes(json, "contribution", receipt->id.bytes, EP_HASH_SIZE) &&
	            json_object_set(json, "tracks", tracks) == 0;
	json_decref(tracks);
	if (!made) {
		json_decref(json);
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a receipt");
	}
	return ep_signed_write(out, json, RECEIPT_FORMAT, RECEIPT_PURPOSE, keys, err);
}

static enum ep_status
read_track(struct ep_receipt_track *track, const json_t *item, struct ep_error *err)
{
	const json_t *id = json_array_get(item, 0);
	const char *outcome = json_string_value(json_array_get(item, 1));
	const json_t *detail = json_array_get(item, 2);
	size_t which = 0;
	while (outcome && which < EP_OUTCOME_COUNT && strcmp(outcome_names[which], outcome) != 0)
		which++;
	if (!json_is_string(id) || !outcome || which == EP_OUTCOME_COUNT)
		return ep_fail(err, EP_CORRUPT, "the receipt has an invalid entry");
	*track = (struct ep_receipt_track){
		.id = { json_string_value(id), json_string_length(id) },
		.outcome = (enum ep_outcome)which,
		.detail = { json_string_value(detail), json_string_length(detail) },
	};
	return EP_OK;
}

static enum ep_status
read_tracks(struct ep_receipt *receipt, const json_t *list, struct ep_error *err)
{
	size_t count = json_array_size(list);
	if (!json_is_array(list))
		return ep_fail(err, EP_CORRUPT, "\"tracks\" is not a list");
	receipt->tracks = calloc(count + 1, sizeof *receipt->tracks);
	if (!receipt->tracks)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a receipt");
	for (size_t i = 0; i < count; i++)
		EP_TRY(read_track(&receipt->tracks[i], json_array_get(list, i), err));
	receipt->track_count = count;
	return EP_OK;
}

enum ep_status
ep_receipt_read(struct ep_receipt *receipt, struct ep_text text, const struct ep_key *master,
                struct ep_error *err)
{
	EP_RECEIPT struct ep_receipt read = { 0 };
	struct ep_text source;
	EP_TRY(ep_signed_read(&read.json, text, RECEIPT_FORMAT, RECEIPT_PURPOSE, master,
	                      "the receipt", err));
	EP_TRY(ep_json_bytes(read.id.bytes, EP_HASH_SIZE, read.json, "contribution", err));
	EP_TRY(ep_json_number(&read.epoch, read.json, "epoch", err));
	EP_TRY(ep_json_number(&read.position, read.json, "position", err));
	EP_TRY(ep_json_string(&source, read.json, "source", err));
	if (source.size >= sizeof read.source)
		return ep_fail(err, EP_CORRUPT, "the receipt's \"source\" is too long");
	memcpy(read.source, source.at, source.size);
	EP_TRY(read_tracks(&read, json_object_get(read.json, "tracks"), err));
	*receipt = read;
	read = (struct ep_receipt){ 0 };
	return EP_OK;
}

/* ---- joining ---- */

#define PROVEN_MAX (2 * EP_KEY_SIZE + sizeof((struct ep_join *)0)->name)

/* What the proof is of: the master's key, the slave's, and the name. Gives its size. */
static size_t
make_proven(uint8_t bytes[PROVEN_MAX], const struct ep_join *join)
{
	size_t name_size = strlen(join->name);
	memcpy(bytes, join->master.bytes, EP_KEY_SIZE);
	memcpy(bytes + EP_KEY_SIZE, join->key.bytes, EP_KEY_SIZE);
	memcpy(bytes + 2 * EP_KEY_SIZE, join->name, name_size);
	return 2 * EP_KEY_SIZE + name_size;
}

void
ep_join_prove(struct ep_join *join, const struct ep_keys *invitation)
{
	uint8_t bytes[PROVEN_MAX];
	ep_sign(&join->proof, invitation, PROOF_PURPOSE, bytes, make_proven(bytes, join));
}

bool
ep_join_proves(const struct ep_join *join, const struct ep_key *invitation)
{
	uint8_t bytes[PROVEN_MAX];
	return ep_sign_check(&join->proof, invitation, PROOF_PURPOSE, bytes,
	                     make_proven(bytes, join));
}

enum ep_status
ep_join_write(struct ep_buffer *out, const struct ep_join *join, const struct ep_keys *keys,
              struct ep_error *err)
{
	json_t *json = json_pack("{s:s}", "name", join->name);
	if (json && !(ep_json_set_bytes(json, "key", join->key.bytes, EP_KEY_SIZE) &&
	              ep_json_set_bytes(json, "master", join->master.bytes, EP_KEY_SIZE) &&
	              ep_json_set_bytes(json, "proof", join->proof.bytes, EP_SIGNATURE_SIZE))) {
		json_decref(json);
		json = NULL;
	}
	return ep_signed_write(out, json, JOIN_FORMAT, JOIN_PURPOSE, keys, err);
}

static enum ep_status
read_join(struct ep_join *join, const json_t *json, struct ep_error *err)
{
	struct ep_text name;
	EP_TRY(ep_json_string(&name, json, "name", err));
	if (name.size == 0 || name.size >= sizeof join->name || memchr(name.at, 0, name.size))
		return ep_fail(err, EP_BAD_INPUT, "\"name\" is not a valid name");
	memcpy(join->name, name.at, name.size);
	EP_TRY(ep_json_bytes(join->key.bytes, EP_KEY_SIZE, json, "key", err));
	EP_TRY(ep_json_bytes(join->master.bytes, EP_KEY_SIZE, json, "master", err));
	return ep_json_bytes(join->proof.bytes, EP_SIGNATURE_SIZE, json, "proof", err);
}

enum ep_status
ep_join_read(struct ep_join *join, struct ep_text text, struct ep_error *err)
{
	struct ep_error why = { 0 };
	struct ep_join read = { 0 };
	EP_JSON json_t *json =
		text.size > 0 && text.size <= EP_JOIN_MAX
			? json_loadb(text.at, text.size, JSON_REJECT_DUPLICATES, NULL)
			: NULL;
	if (!json)
		return ep_fail(err, EP_BAD_INPUT,
		               "this is not a request to join: it is not a JSON object");
	if (read_join(&read, json, &why) != EP_OK)
		return ep_fail(err, EP_BAD_INPUT, "this is not a request to join: %s", why.text);
	/* The key is believed when what it is said in is signed by it. */
	EP_JSON json_t *checked = NULL;
	EP_TRY(ep_signed_read(&checked, text, JOIN_FORMAT, JOIN_PURPOSE, &read.key,
	                      "the request to join", err));
	*join = read;
	return EP_OK;
}

void
ep_join_id(struct ep_hash *id, struct ep_text request)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, request.at, request.size);
	ep_hasher_done(id, &hasher);
}

enum ep_status
ep_welcome_write(struct ep_buffer *out, const struct ep_join *join, const struct ep_keys *keys,
                 struct ep_error *err)
{
	json_t *json = json_pack("{s:s}", "source", join->name);
	if (json && !ep_json_set_bytes(json, "key", join->key.bytes, EP_KEY_SIZE)) {
		json_decref(json);
		json = NULL;
	}
	return ep_signed_write(out, json, JOIN_FORMAT, WELCOME_PURPOSE, keys, err);
}

enum ep_status
ep_welcome_read(struct ep_text text, const struct ep_join *join, const struct ep_key *master,
                struct ep_error *err)
{
	EP_JSON json_t *json = NULL;
	struct ep_key key;
	struct ep_text source;
	EP_TRY(ep_signed_read(&json, text, JOIN_FORMAT, WELCOME_PURPOSE, master,
	                      "the master's answer", err));
	EP_TRY(ep_json_bytes(key.bytes, EP_KEY_SIZE, json, "key", err));
	EP_TRY(ep_json_string(&source, json, "source", err));
	if (!ep_key_equal(&key, &join->key) || !ep_text_equal(source, ep_text_of(join->name)))
		return ep_fail(err, EP_CORRUPT, "the master's answer is for another slave");
	return EP_OK;
}
