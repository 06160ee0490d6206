#include "backup/backup_manifest.h"

#include "base/file.h"
#include "node/node_name.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

/* ---- from the log ---- */

static enum ep_status
print_digest(char text[EP_HASH_TEXT], const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_digest digest;
	struct ep_hash name;
	EP_TRY(ep_log_digest(&digest, read, err));
	ep_digest_name(&name, &digest);
	ep_hash_print(text, &name);
	return EP_OK;
}

/* The public key of the node, which makes none: the second half of the file's hex digits. */
static enum ep_status
read_key(char text[EP_KEY_TEXT], const char *folder, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, "key");
	struct ep_keys keys;
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (access(path, F_OK) != 0)
		return EP_OK;
	EP_TRY(ep_keys_open(&keys, folder, err));
	ep_key_print(text, &keys.key);
	sodium_memzero(keys.secret, sizeof keys.secret);
	return EP_OK;
}

enum ep_status
ep_backup_manifest_of(struct ep_backup_manifest *out, const struct ep_log_read *read,
                      const char *folder, struct ep_error *err)
{
	struct ep_backup_manifest manifest = { .program = EP_VERSION, .time = ep_time_now() };
	struct ep_log_state state;
	struct ep_follows follows;
	struct ep_epoch epoch;
	uint8_t id[EP_NODE_ID_SIZE];
	EP_TRY(ep_node_name(manifest.node, read, err));
	EP_TRY(print_digest(manifest.digest, read, err));
	EP_TRY(ep_log_node_id(id, read, err));
	sodium_bin2hex(manifest.id, sizeof manifest.id, id, sizeof id);
	EP_TRY(ep_log_epoch(&epoch, read, err));
	EP_TRY(ep_log_follows(&follows, read, err));
	EP_TRY(read_key(manifest.key, folder, err));
	ep_log_state(&state, read);
	manifest.position = state.position;
	manifest.documents = state.documents;
	manifest.tracks = state.tracks;
	manifest.epoch = epoch.number;
	if (follows.any)
		ep_key_print(manifest.master, &follows.key);
	*out = manifest;
	return EP_OK;
}

enum ep_status
ep_backup_manifest_check(const struct ep_backup_manifest *manifest, const struct ep_log_read *read,
                         struct ep_error *err)
{
	struct ep_log_state state;
	char digest[EP_HASH_TEXT];
	EP_TRY(print_digest(digest, read, err));
	ep_log_state(&state, read);
	if (state.position != manifest->position || strcmp(digest, manifest->digest) != 0)
		return ep_fail(err, EP_CORRUPT,
		               "the log in the backup is at position %llu with digest %s, but its "
		               "manifest says %llu and %s",
		               (unsigned long long)state.position, digest,
		               (unsigned long long)manifest->position, manifest->digest);
	return EP_OK;
}

/* ---- JSON ---- */

static json_t *
text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

json_t *
ep_backup_manifest_json(const struct ep_backup_manifest *manifest)
{
	char time[EP_TIME_TEXT];
	ep_time_print(time, manifest->time);
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:o, s:o, s:I, s:s, s:I, s:I, s:I, s:s, s:b}", "format", 1,
		"program", manifest->program, "node", manifest->node, "id", manifest->id, "key",
		text_or_null(manifest->key), "master", text_or_null(manifest->master), "position",
		(json_int_t)manifest->position, "digest", manifest->digest, "documents",
		(json_int_t)manifest->documents, "tracks", (json_int_t)manifest->tracks, "epoch",
		(json_int_t)manifest->epoch, "time", time, "with_key", (int)manifest->with_key);
}

enum ep_status
ep_backup_manifest_text(char **text, const struct ep_backup_manifest *manifest,
                        struct ep_error *err)
{
	json_t *json = ep_backup_manifest_json(manifest);
	char *made = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*text = made;
	return EP_OK;
}

static bool
read_number(uint64_t *number, const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);
	json_int_t found = json_integer_value(value);
	if (!json_is_integer(value) || found < 0)
		return false;
	*number = (uint64_t)found;
	return true;
}

/* A text of at most size - 1 bytes; null is an empty one. */
static bool
read_text(char *text, size_t size, const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);
	if (json_is_null(value)) {
		*text = '\0';
		return true;
	}
	if (!json_is_string(value) || json_string_length(value) >= size)
		return false;
	memcpy(text, json_string_value(value), json_string_length(value) + 1);
	return true;
}

static bool
is_key(const char *text)
{
	struct ep_key key;
	return !*text || ep_key_parse(&key, ep_text_of(text));
}

static bool
read_fields(struct ep_backup_manifest *manifest, const json_t *json)
{
	char time[EP_TIME_TEXT];
	uint8_t digest[EP_HASH_SIZE];
	uint8_t id[EP_NODE_ID_SIZE];
	manifest->with_key = json_is_true(json_object_get(json, "with_key"));
	return read_text(manifest->program, sizeof manifest->program, json, "program") &&
	       read_text(manifest->node, sizeof manifest->node, json, "node") &&
	       ep_source_name_ok(ep_text_of(manifest->node)) &&
	       read_text(manifest->id, sizeof manifest->id, json, "id") &&
	       ep_hex_parse(id, sizeof id, ep_text_of(manifest->id)) &&
	       read_text(manifest->key, sizeof manifest->key, json, "key") &&
	       is_key(manifest->key) &&
	       read_text(manifest->master, sizeof manifest->master, json, "master") &&
	       is_key(manifest->master) &&
	       read_text(manifest->digest, sizeof manifest->digest, json, "digest") &&
	       ep_hex_parse(digest, sizeof digest, ep_text_of(manifest->digest)) &&
	       read_text(time, sizeof time, json, "time") &&
	       ep_time_parse(&manifest->time, ep_text_of(time)) &&
	       read_number(&manifest->position, json, "position") &&
	       read_number(&manifest->documents, json, "documents") &&
	       read_number(&manifest->tracks, json, "tracks") &&
	       read_number(&manifest->epoch, json, "epoch");
}

enum ep_status
ep_backup_manifest_read(struct ep_backup_manifest *out, struct ep_text text, struct ep_error *err)
{
	struct ep_backup_manifest manifest = { 0 };
	uint64_t format = 0;
	json_t *json = json_loadb(text.at, text.size, JSON_REJECT_DUPLICATES, NULL);
	bool good = read_number(&format, json, "format") && read_fields(&manifest, json);
	json_decref(json);
	if (format > 1)
		return ep_fail(err, EP_NEWER,
		               "the manifest has format %llu, but this program knows only 1",
		               (unsigned long long)format);
	if (!good || format != 1)
		return ep_fail(err, EP_CORRUPT, "the manifest of the backup is damaged");
	*out = manifest;
	return EP_OK;
}
