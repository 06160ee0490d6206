#include "store/track_fields.h"

#include <string.h>

/* ---- what is allowed ---- */

static bool
is_key(struct ep_text key)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	for (size_t i = 0; i < key.size; i++) {
		if (!memchr(letters, key.at[i], sizeof letters - 1))
			return false;
	}
	return key.size >= 1 && key.size <= EP_FIELD_KEY_MAX;
}

static enum ep_status
check_key(struct ep_text key, struct ep_error *err)
{
	return is_key(key) ? EP_OK
	                   : ep_fail(err, EP_BAD_INPUT,
	                             "\"%.*s\" cannot be the key of a field: it needs 1 to %zu "
	                             "characters of a-z 0-9 _ . -",
	                             key.size > EP_FIELD_KEY_MAX ? (int)EP_FIELD_KEY_MAX
	                                                         : (int)key.size,
	                             key.at ? key.at : "", EP_FIELD_KEY_MAX);
}

static enum ep_status
check_value(const struct ep_field *field, struct ep_error *err)
{
	struct ep_text key = field->key;
	size_t size = field->value.size;
	if (size < 1 || size > EP_FIELD_VALUE_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the value of field %.*s has %zu bytes, but needs 1 to %zu",
		               ep_text_print_size(key), key.at, size, EP_FIELD_VALUE_MAX);
	if (!ep_text_is_utf8(field->value))
		return ep_fail(err, EP_BAD_INPUT, "the value of field %.*s is not UTF-8",
		               ep_text_print_size(key), key.at);
	size_t control = ep_text_find_control(field->value);
	if (control)
		return ep_fail(err, EP_BAD_INPUT,
		               "the value of field %.*s has a control character at byte %zu",
		               ep_text_print_size(key), key.at, control);
	return EP_OK;
}

enum ep_status
ep_field_check(const struct ep_field *field, struct ep_error *err)
{
	EP_TRY(check_key(field->key, err));
	return check_value(field, err);
}

static enum ep_status
check_limits(const struct ep_fields *fields, struct ep_error *err)
{
	size_t bytes = 0;
	for (size_t i = 0; i < fields->count; i++)
		bytes += fields->items[i].key.size + fields->items[i].value.size;
	if (fields->count > EP_FIELDS_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the track would have %zu fields, but may have at most %zu",
		               fields->count, EP_FIELDS_MAX);
	if (bytes > EP_FIELDS_BYTES_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the track's fields would have %zu bytes, but may have at most %zu",
		               bytes, EP_FIELDS_BYTES_MAX);
	return EP_OK;
}

enum ep_status
ep_fields_check(const struct ep_fields *fields, struct ep_error *err)
{
	EP_TRY(check_limits(fields, err));
	for (size_t i = 0; i < fields->count; i++) {
		const struct ep_field *field = &fields->items[i];
		EP_TRY(ep_field_check(field, err));
		if (i > 0 && ep_text_compare(field[-1].key, field->key) >= 0)
			return ep_fail(err, EP_BAD_INPUT,
			               "the fields are not in order at %.*s, or it occurs twice",
			               ep_text_print_size(field->key), field->key.at);
	}
	return EP_OK;
}

/* ---- what they say ---- */

bool
ep_fields_equal(const struct ep_fields *one, const struct ep_fields *other)
{
	bool equal = one->count == other->count;
	for (size_t i = 0; equal && i < one->count; i++)
		equal = ep_text_equal(one->items[i].key, other->items[i].key) &&
		        ep_text_equal(one->items[i].value, other->items[i].value);
	return equal;
}

/* The place that a key has, or would have. */
static size_t
place_of(const struct ep_field *items, size_t count, struct ep_text key)
{
	size_t place = 0;
	while (place < count && ep_text_compare(items[place].key, key) < 0)
		place++;
	return place;
}

struct ep_text
ep_fields_find(const struct ep_fields *fields, struct ep_text key)
{
	size_t place = place_of(fields->items, fields->count, key);
	bool found = place < fields->count && ep_text_equal(fields->items[place].key, key);
	return found ? fields->items[place].value : (struct ep_text){ 0 };
}

enum ep_status
ep_field_parse(struct ep_field *field, struct ep_text text, struct ep_error *err)
{
	const char *equals = text.size ? memchr(text.at, '=', text.size) : NULL;
	if (!equals)
		return ep_fail(err, EP_BAD_INPUT,
		               "a field is KEY=VALUE, such as isrc=USRC17607839, or KEY= to "
		               "remove it");
	size_t size = (size_t)(equals - text.at);
	struct ep_field read = { .key = { text.at, size },
		                 .value = { equals + 1, text.size - size - 1 } };
	EP_TRY(check_key(read.key, err));
	if (read.value.size)
		EP_TRY(check_value(&read, err));
	*field = read;
	return EP_OK;
}

/* Does one change to a list that has room for one more. */
static void
change_one(struct ep_field *items, size_t *count, const struct ep_field *change)
{
	size_t place = place_of(items, *count, change->key);
	bool there = place < *count && ep_text_equal(items[place].key, change->key);
	size_t behind = *count - place - there;
	if (change->value.size == 0) {
		memmove(items + place, items + place + there, behind * sizeof *items);
		*count -= there;
		return;
	}
	if (!there)
		memmove(items + place + 1, items + place, behind * sizeof *items);
	items[place] = *change;
	*count += !there;
}

enum ep_status
ep_fields_join(struct ep_fields *fields, const struct ep_fields *there,
               const struct ep_field *changes, size_t change_count, struct ep_arena *arena,
               struct ep_error *err)
{
	size_t count = there->count;
	struct ep_field *items = ep_arena_alloc(arena, (count + change_count) * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu fields",
		               count + change_count);
	if (count)
		memcpy(items, there->items, count * sizeof *items);
	for (size_t i = 0; i < change_count; i++) {
		EP_TRY(check_key(changes[i].key, err));
		if (changes[i].value.size)
			EP_TRY(check_value(&changes[i], err));
		change_one(items, &count, &changes[i]);
	}
	struct ep_fields joined = { items, count };
	EP_TRY(check_limits(&joined, err));
	*fields = joined;
	return EP_OK;
}

/* ---- bytes ---- */

enum ep_status
ep_fields_write(struct ep_buffer *out, const struct ep_fields *fields, struct ep_error *err)
{
	EP_TRY(ep_buffer_varint(out, fields->count, err));
	for (size_t i = 0; i < fields->count; i++) {
		EP_TRY(ep_put_text(out, fields->items[i].key, err));
		EP_TRY(ep_put_text(out, fields->items[i].value, err));
	}
	return EP_OK;
}

enum ep_status
ep_fields_read(struct ep_fields *fields, struct ep_reader *reader, struct ep_arena *arena,
               struct ep_error *err)
{
	uint64_t count = ep_read_varint(reader);
	if (!reader->ok || count < 1 || count > EP_FIELDS_MAX)
		return ep_fail(err, EP_CORRUPT, "its number of fields is not from 1 to %zu",
		               EP_FIELDS_MAX);
	struct ep_field *items = ep_arena_alloc(arena, (size_t)count * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu fields", (size_t)count);
	for (size_t i = 0; i < count; i++) {
		items[i].key = ep_read_text(reader);
		items[i].value = ep_read_text(reader);
	}
	struct ep_fields read = { items, (size_t)count };
	struct ep_error why;
	if (!reader->ok)
		return ep_fail(err, EP_CORRUPT, "its fields are truncated");
	if (ep_fields_check(&read, &why) != EP_OK)
		return ep_fail(err, EP_CORRUPT, "%s", why.text);
	*fields = read;
	return EP_OK;
}

void
ep_fields_hash(struct ep_hash *hash, const struct ep_hash *rows, const struct ep_fields *fields)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add_text(&hasher, ep_text_of("echoprint fields 1"));
	ep_hasher_add(&hasher, rows->bytes, EP_HASH_SIZE);
	for (size_t i = 0; i < fields->count; i++) {
		ep_hasher_add_text(&hasher, fields->items[i].key);
		ep_hasher_add_text(&hasher, fields->items[i].value);
	}
	ep_hasher_done(hash, &hasher);
}
