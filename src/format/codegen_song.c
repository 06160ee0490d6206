#include "format/codegen_json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DURATION_MAX 2147483647

/* Versions are small; this only keeps out what no version can be. */
#define VERSION_LIMIT 1e9

void
ep_codegen_song_free(struct ep_codegen_song *song)
{
	json_decref(song->json);
	*song = (struct ep_codegen_song){ 0 };
}

EP_DEFINE_OWNED(struct json_t, json_decref)

/* Makes words of the library fit for a terminal: they may quote the input. */
static void
make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

static enum ep_status
load(struct json_t **json, struct ep_text raw, struct ep_error *err)
{
	json_error_t error;
	/* NUL is let through here, for take_text to name the key. */
	json_t *loaded = json_loadb(raw.size ? raw.at : "", raw.size, JSON_ALLOW_NUL, &error);
	if (!loaded) {
		if (json_error_code(&error) == json_error_out_of_memory)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a JSON object");
		make_printable(error.text);
		return ep_fail(err, EP_BAD_INPUT, "not JSON: %s, at byte %d of the object",
		               error.text, error.position);
	}
	if (!json_is_object(loaded)) {
		json_decref(loaded);
		return ep_fail(err, EP_BAD_INPUT, "not a JSON object");
	}
	*json = loaded;
	return EP_OK;
}

/* A key's name as messages have it. */
struct key {
	const char *prefix;
	const char *name;
	size_t max; /* bytes of its string */
};

static enum ep_status
take_text(struct ep_text *text, const json_t *object, const struct key *key, struct ep_error *err)
{
	const json_t *value = json_object_get(object, key->name);
	*text = (struct ep_text){ 0 };
	if (!value || json_is_null(value))
		return EP_OK;
	if (!json_is_string(value))
		return ep_fail(err, EP_BAD_INPUT, "%s%s is not a string", key->prefix, key->name);
	struct ep_text found = { json_string_value(value), json_string_length(value) };
	if (found.size > key->max)
		return ep_fail(err, EP_BAD_INPUT, "%s%s has %zu bytes, but may have at most %zu",
		               key->prefix, key->name, found.size, key->max);
	if (memchr(found.at, '\0', found.size))
		return ep_fail(err, EP_BAD_INPUT, "%s%s has a NUL byte", key->prefix, key->name);
	if (found.size > 0)
		*text = found;
	return EP_OK;
}

static enum ep_status
take_code(struct ep_codegen_song *song, struct ep_error *err)
{
	static const struct key key = { "", "code", EP_CODEGEN_TEXT_MAX };
	if (json_is_null(json_object_get(song->json, key.name)))
		return ep_fail(err, EP_BAD_INPUT, "code is not a string");
	return take_text(&song->code, song->json, &key, err);
}

static enum ep_status
take_texts(struct ep_codegen_song *song, const json_t *metadata, struct ep_error *err)
{
	const struct {
		struct key key;
		struct ep_text *text;
	} texts[] = {
		{ { "metadata.", "track_id", EP_CODEGEN_TRACK_ID_MAX }, &song->track_id },
		{ { "metadata.", "artist", EP_CODEGEN_TEXT_MAX }, &song->artist },
		{ { "metadata.", "release", EP_CODEGEN_TEXT_MAX }, &song->release },
		{ { "metadata.", "title", EP_CODEGEN_TEXT_MAX }, &song->title },
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		EP_TRY(take_text(texts[i].text, metadata, &texts[i].key, err));
	return EP_OK;
}

static enum ep_status
take_duration(uint32_t *duration_s, const json_t *metadata, struct ep_error *err)
{
	const json_t *value = json_object_get(metadata, "duration");
	if (!value)
		return ep_fail(err, EP_BAD_INPUT, "metadata.duration is missing");
	if (!json_is_number(value))
		return ep_fail(err, EP_BAD_INPUT, "metadata.duration is not a number");
	double seconds = json_number_value(value);
	if (!(seconds >= 0 && seconds < DURATION_MAX + 1.0))
		return ep_fail(err, EP_BAD_INPUT, "metadata.duration is not from 0 to %d seconds",
		               DURATION_MAX);
	*duration_s = (uint32_t)seconds;
	return EP_OK;
}

/* Writes a number with two decimals, and a point before them: a host of the library may have set
 * another character for that (setlocale), of any number of bytes. */
static void
print_version(char version[EP_CODEGEN_VERSION_MAX + 1], double number)
{
	char text[EP_CODEGEN_VERSION_MAX + 1];
	size_t size = (size_t)snprintf(text, sizeof text, "%.2f", number);
	int whole = (int)strspn(text, "-0123456789");
	(void)snprintf(version, EP_CODEGEN_VERSION_MAX + 1, "%.*s.%s", whole, text,
	               text + size - 2);
}

static enum ep_status
take_version(char version[EP_CODEGEN_VERSION_MAX + 1], const json_t *metadata, struct ep_error *err)
{
	static const struct key key = { "metadata.", "version", EP_CODEGEN_VERSION_MAX };
	const json_t *value = json_object_get(metadata, key.name);
	if (json_is_number(value)) {
		double number = json_number_value(value);
		if (!(fabs(number) < VERSION_LIMIT))
			return ep_fail(err, EP_BAD_INPUT,
			               "metadata.version is not a version number");
		print_version(version, number);
		return EP_OK;
	}
	struct ep_text text;
	if (!value)
		return ep_fail(err, EP_BAD_INPUT, "metadata.version is missing");
	if (!json_is_string(value))
		return ep_fail(err, EP_BAD_INPUT,
		               "metadata.version is neither a number nor a string");
	EP_TRY(take_text(&text, metadata, &key, err));
	if (text.size > 0)
		memcpy(version, text.at, text.size);
	version[text.size] = '\0';
	return EP_OK;
}

/* Takes the fields; those that are null or "" are as if they were missing. */
static enum ep_status
take_fields(struct ep_codegen_song *song, json_t *metadata, struct ep_error *err)
{
	json_t *fields = json_object_get(metadata, "fields");
	const char *name;
	json_t *value;
	if (!fields || json_is_null(fields))
		return EP_OK;
	if (!json_is_object(fields))
		return ep_fail(err, EP_BAD_INPUT, "metadata.fields is not an object");
	if (json_object_size(fields) > EP_CODEGEN_FIELDS_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "metadata.fields has %zu keys, but may have at most %zu",
		               json_object_size(fields), EP_CODEGEN_FIELDS_MAX);
	json_object_foreach(fields, name, value)
	{
		struct ep_codegen_field *field = &song->fields[song->field_count];
		struct key key = { "metadata.fields.", name, EP_CODEGEN_TEXT_MAX };
		EP_TRY(take_text(&field->value, fields, &key, err));
		field->key = ep_text_of(name);
		song->field_count += field->value.size > 0;
	}
	return EP_OK;
}

static enum ep_status
take_metadata(struct ep_codegen_song *song, struct ep_error *err)
{
	json_t *metadata = json_object_get(song->json, "metadata");
	if (!json_is_object(metadata))
		return ep_fail(err, EP_BAD_INPUT, "metadata is %s",
		               metadata ? "not an object" : "missing");
	EP_TRY(take_texts(song, metadata, err));
	EP_TRY(take_fields(song, metadata, err));
	EP_TRY(take_duration(&song->duration_s, metadata, err));
	return take_version(song->version, metadata, err);
}

static enum ep_status
parse(struct ep_codegen_song *song, struct ep_text raw, bool with_metadata, struct ep_error *err)
{
	EP_OWNED(json_decref)
	struct json_t *json = NULL;
	EP_TRY(load(&json, raw, err));
	struct ep_codegen_song found = { 0 };
	if (json_object_get(json, "code")) {
		found.has_code = true;
		found.json = json;
		EP_TRY(take_code(&found, err));
		if (with_metadata)
			EP_TRY(take_metadata(&found, err));
		json = NULL;
	}
	*song = found;
	return EP_OK;
}

enum ep_status
ep_codegen_parse(struct ep_codegen_song *song, struct ep_text raw, struct ep_error *err)
{
	return parse(song, raw, true, err);
}

enum ep_status
ep_codegen_parse_code(struct ep_codegen_song *song, struct ep_text raw, struct ep_error *err)
{
	return parse(song, raw, false, err);
}
