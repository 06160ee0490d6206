#include "store/log_internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum ep_status
ep_log_load_state(struct ep_log_read *read, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	size_t aside = 0;
	EP_TRY(ep_log_value(&value, read, EP_STATE_VALUE, err));
	EP_TRY(ep_log_count_keys(&aside, read, read->log->aside, err));
	if (value.size != 40)
		return ep_fail(err, EP_CORRUPT, "the log's state is damaged");
	const uint8_t *bytes = value.at;
	read->state = (struct ep_log_state){
		.position = ep_load64(bytes),
		.documents = ep_load64(bytes + 8),
		.tracks = ep_load64(bytes + 16),
		.tombstones = ep_load64(bytes + 24),
		.links = ep_load64(bytes + 32),
		.conflicts = aside,
	};
	return EP_OK;
}

enum ep_status
ep_log_read_begin(struct ep_log_read **out, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = calloc(1, sizeof *read);
	if (!read)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	read->log = log;
	int rc = mdb_txn_begin(log->env->mdb, NULL, MDB_RDONLY, &read->txn);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log in %s", log->env->folder);
	EP_TRY(ep_log_load_state(read, err));
	*out = EP_TAKE(read);
	return EP_OK;
}

bool
ep_log_read_is_old(const struct ep_log_read *read)
{
	MDB_envinfo info;
	return mdb_env_info(read->log->env->mdb, &info) == 0 &&
	       info.me_last_txnid != mdb_txn_id(read->txn);
}

void
ep_log_check_readers(struct ep_log *log)
{
	int dead;
	(void)mdb_reader_check(log->env->mdb, &dead);
}

void
ep_log_read_end(struct ep_log_read *read)
{
	if (!read)
		return;
	if (read->txn)
		mdb_txn_abort(read->txn);
	free(read);
}

void
ep_log_state(struct ep_log_state *state, const struct ep_log_read *read)
{
	*state = read->state;
}

enum ep_status
ep_subject_key(MDB_val *key, uint8_t bytes[EP_SUBJECT_KEY_MAX], const struct ep_subject *subject,
               struct ep_error *err)
{
	size_t size = subject->id.size;
	size_t front = subject->link ? 1 : 0;
	if (size < 1 || size > EP_SUBJECT_KEY_MAX - 1)
		return ep_fail(err, EP_BAD_INPUT,
		               "a track id has 1 to 255 bytes, but this one has %zu", size);
	bytes[0] = 1;
	memcpy(bytes + front, subject->id.at, size);
	*key = (MDB_val){ .mv_data = bytes, .mv_size = size + front };
	return EP_OK;
}

/* Whether every log has the value from its first moment on. */
static bool
is_always_there(const char *name)
{
	static const char *const names[] = { EP_DIGEST_VALUE, EP_EPOCH_VALUE, EP_FORMAT_VALUE,
		                             EP_ID_VALUE, EP_STATE_VALUE };
	bool found = false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		found |= strcmp(name, names[i]) == 0;
	return found;
}

enum ep_status
ep_log_value(struct ep_bytes *value, const struct ep_log_read *read, const char *name,
             struct ep_error *err)
{
	MDB_val key = ep_val_of(ep_text_of(name));
	MDB_val found;
	int rc = mdb_get(read->txn, read->log->values, &key, &found);
	if (rc == MDB_NOTFOUND)
		return ep_fail(err, is_always_there(name) ? EP_CORRUPT : EP_NOT_FOUND,
		               "the log has no value named %s", name);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read %s from the log", name);
	*value = (struct ep_bytes){ .at = found.mv_data, .size = found.mv_size };
	return EP_OK;
}

enum ep_status
ep_log_number(uint64_t *value, const struct ep_log_read *read, const char *name,
              struct ep_error *err)
{
	struct ep_bytes bytes = { 0 };
	enum ep_status status = ep_log_value(&bytes, read, name, err);
	if (status == EP_NOT_FOUND) {
		*value = 0;
		return EP_OK;
	}
	if (status == EP_OK && bytes.size != 8)
		return ep_fail(err, EP_CORRUPT, "the log's value %s is not a number", name);
	if (status == EP_OK)
		*value = ep_load64(bytes.at);
	return status;
}

enum ep_status
ep_log_position(uint64_t *position, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, log, err));
	ep_log_state(&state, read);
	*position = state.position;
	return EP_OK;
}

struct each_value {
	size_t front; /* bytes of the name that are not told */
	enum ep_status (*each)(void *context, struct ep_text rest, struct ep_bytes value,
	                       struct ep_error *err);
	void *context;
};

static enum ep_status
tell_value(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	const struct each_value *telling = context;
	struct ep_text rest = { (const char *)key.mv_data + telling->front,
		                key.mv_size - telling->front };
	return telling->each(telling->context, rest,
	                     (struct ep_bytes){ value.mv_data, value.mv_size }, err);
}

enum ep_status
ep_log_each_value(const struct ep_log_read *read, const char *front,
                  enum ep_status (*each)(void *context, struct ep_text rest, struct ep_bytes value,
                                         struct ep_error *err),
                  void *context, struct ep_error *err)
{
	struct each_value telling = { strlen(front), each, context };
	return ep_log_each_key(read, read->log->values, ep_text_of(front), tell_value, &telling,
	                       err);
}

enum ep_status
ep_log_digest(struct ep_digest *digest, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	EP_TRY(ep_log_value(&value, read, EP_DIGEST_VALUE, err));
	if (value.size != EP_DIGEST_BYTES)
		return ep_fail(err, EP_CORRUPT, "the log's state digest is damaged");
	ep_digest_load(digest, value.at);
	return EP_OK;
}

enum ep_status
ep_log_entry_at(struct ep_entry *entry, const struct ep_log_read *read, uint64_t position,
                struct ep_error *err)
{
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	MDB_val value;
	int rc = mdb_get(read->txn, read->log->log, &key, &value);
	if (rc == MDB_NOTFOUND)
		return ep_fail(err, EP_NOT_FOUND, "the log has no entry at position %llu",
		               (unsigned long long)position);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log at position %llu",
		                   (unsigned long long)position);
	return ep_entry_read(entry, position, value.mv_data, value.mv_size, err);
}

/* The entry that a list of the log names: there must be one. */
static enum ep_status
must_be_at(struct ep_entry *entry, const struct ep_log_read *read, uint64_t position,
           struct ep_error *err)
{
	enum ep_status status = ep_log_entry_at(entry, read, position, err);
	if (status != EP_NOT_FOUND)
		return status;
	return ep_fail(err, EP_CORRUPT, "the log has no entry at position %llu",
	               (unsigned long long)position);
}

/* The entry that an id in the list of ids stands for. */
static enum ep_status
find_key(struct ep_entry *entry, const struct ep_log_read *read, MDB_val key, struct ep_text id,
         struct ep_error *err)
{
	MDB_val value;
	int rc = mdb_get(read->txn, read->log->ids, &key, &value);
	if (rc == MDB_NOTFOUND)
		return ep_fail(err, EP_NOT_FOUND, "there is no track %.*s", ep_text_print_size(id),
		               id.at);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot look up track %.*s", ep_text_print_size(id),
		                   id.at);
	if (value.mv_size != 8)
		return ep_fail(err, EP_CORRUPT, "the position of track %.*s is damaged",
		               ep_text_print_size(id), id.at);
	return must_be_at(entry, read, ep_load64(value.mv_data), err);
}

static enum ep_status
find_subject(struct ep_entry *entry, const struct ep_log_read *read,
             const struct ep_subject *subject, struct ep_error *err)
{
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	if (ep_subject_key(&key, bytes, subject, err) != EP_OK)
		return ep_fail(err, EP_NOT_FOUND, "there is no track %.*s",
		               ep_text_print_size(subject->id), subject->id.at);
	return find_key(entry, read, key, subject->id, err);
}

enum ep_status
ep_log_find(struct ep_entry *entry, const struct ep_log_read *read, struct ep_text track_id,
            struct ep_error *err)
{
	struct ep_subject subject = { track_id, false };
	/* Behind a byte 1 links are listed, which no track's id begins with. */
	if (track_id.size && track_id.at[0] == 1)
		return ep_fail(err, EP_NOT_FOUND, "there is no such track");
	return find_subject(entry, read, &subject, err);
}

enum ep_status
ep_log_find_link(struct ep_entry *entry, const struct ep_log_read *read, struct ep_text copy,
                 struct ep_error *err)
{
	struct ep_subject subject = { copy, true };
	return find_subject(entry, read, &subject, err);
}

/* ---- keys ---- */

enum ep_status
ep_log_count_keys(size_t *count, const struct ep_log_read *read, MDB_dbi dbi, struct ep_error *err)
{
	MDB_stat stat;
	int rc = mdb_stat(read->txn, dbi, &stat);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log");
	*count = stat.ms_entries;
	return EP_OK;
}

enum ep_status
ep_log_each_key(const struct ep_log_read *read, MDB_dbi dbi, struct ep_text prefix,
                enum ep_status (*each)(void *context, MDB_val key, MDB_val value,
                                       struct ep_error *err),
                void *context, struct ep_error *err)
{
	MDB_cursor *cursor;
	MDB_val key = ep_val_of(prefix);
	MDB_val value;
	enum ep_status status = EP_OK;
	int rc = mdb_cursor_open(read->txn, dbi, &cursor);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log");
	rc = mdb_cursor_get(cursor, &key, &value, prefix.size ? MDB_SET_RANGE : MDB_FIRST);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if (prefix.size &&
		    (key.mv_size < prefix.size || memcmp(key.mv_data, prefix.at, prefix.size) != 0))
			break;
		status = each(context, key, value, err);
		if (status != EP_OK)
			break;
	}
	mdb_cursor_close(cursor);
	if (status == EP_OK && rc && rc != MDB_NOTFOUND)
		return ep_fail_mdb(err, rc, "cannot read the log");
	return status;
}

/* ---- sources ---- */

bool
ep_source_name_ok(struct ep_text name)
{
	if (name.size < 1 || name.size > EP_SOURCE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = name.at[i];
		bool fits = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		            (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
		if (!fits)
			return false;
	}
	return true;
}

bool
ep_slave_name_ok(struct ep_text name)
{
	return ep_source_name_ok(name) && !ep_text_equal(name, ep_text_of("local")) &&
	       !ep_text_equal(name, ep_text_of("master"));
}

void
ep_source_key(uint8_t key[EP_SOURCE_KEY], uint32_t source, uint64_t position)
{
	source = htobe32(source);
	position = htobe64(position);
	memcpy(key, &source, 4);
	memcpy(key + 4, &position, 8);
}

enum ep_status
ep_source_load(struct ep_source_info *info, const MDB_val *key, const MDB_val *value,
               struct ep_error *err)
{
	if (key->mv_size != 4 || value->mv_size <= EP_SOURCE_FIXED ||
	    value->mv_size > EP_SOURCE_FIXED + EP_SOURCE_NAME_MAX)
		return ep_fail(err, EP_CORRUPT, "the log's list of sources is damaged");
	uint32_t big;
	memcpy(&big, key->mv_data, sizeof big);
	const uint8_t *bytes = value->mv_data;
	*info = (struct ep_source_info){
		.number = be32toh(big),
		.tracks = ep_load64(bytes),
		.documents = ep_load64(bytes + 8),
		.tombstones = ep_load64(bytes + 16),
		.bytes = ep_load64(bytes + 24),
	};
	memcpy(info->name, bytes + EP_SOURCE_FIXED, value->mv_size - EP_SOURCE_FIXED);
	return EP_OK;
}

const char *
ep_source_name(const struct ep_source_info *sources, size_t count, uint32_t number,
               const char *otherwise)
{
	for (size_t i = 0; i < count; i++) {
		if (sources[i].number == number)
			return sources[i].name;
	}
	return otherwise;
}

enum ep_status
ep_log_sources(struct ep_source_info **sources, size_t *count, const struct ep_log_read *read,
               struct ep_error *err)
{
	MDB_stat stat;
	int rc = mdb_stat(read->txn, read->log->sources, &stat);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log's list of sources");
	EP_FREE struct ep_source_info *list = calloc(stat.ms_entries + 1, sizeof *list);
	if (!list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of sources");
	MDB_cursor *cursor;
	rc = mdb_cursor_open(read->txn, read->log->sources, &cursor);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log's list of sources");
	size_t found = 0;
	enum ep_status status = EP_OK;
	MDB_val key;
	MDB_val value;
	while (status == EP_OK && found < stat.ms_entries &&
	       mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
		status = ep_source_load(&list[found++], &key, &value, err);
	mdb_cursor_close(cursor);
	if (status != EP_OK)
		return status;
	*sources = EP_TAKE(list);
	*count = found;
	return EP_OK;
}

/* ---- cursors ---- */

struct ep_log_cursor {
	const struct ep_log_read *read;
	MDB_cursor *cursor;
	uint32_t source;
	uint64_t after; /* the position given out last */
};

enum ep_status
ep_log_cursor_open(struct ep_log_cursor **out, const struct ep_log_read *read, uint64_t after,
                   uint32_t source, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = calloc(1, sizeof *cursor);
	if (!cursor)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	cursor->read = read;
	cursor->source = source;
	cursor->after = after;
	int rc = mdb_cursor_open(read->txn,
	                         source == EP_SOURCE_ANY ? read->log->log : read->log->by_source,
	                         &cursor->cursor);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log");
	*out = EP_TAKE(cursor);
	return EP_OK;
}

void
ep_log_cursor_close(struct ep_log_cursor *cursor)
{
	if (!cursor)
		return;
	if (cursor->cursor)
		mdb_cursor_close(cursor->cursor);
	free(cursor);
}

static enum ep_status
next_of_all(struct ep_entry *entry, struct ep_log_cursor *cursor, struct ep_error *err)
{
	uint64_t position = cursor->after + 1;
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	MDB_val value;
	/* From the second call on the cursor stands at `after` already. */
	int rc = mdb_cursor_get(cursor->cursor, &key, &value, MDB_NEXT);
	if (rc == 0 && key.mv_size == sizeof position) {
		memcpy(&position, key.mv_data, sizeof position);
		if (position <= cursor->after) {
			position = cursor->after + 1;
			key.mv_data = &position;
			rc = mdb_cursor_get(cursor->cursor, &key, &value, MDB_SET_RANGE);
		}
	}
	if (rc == MDB_NOTFOUND)
		return EP_NOT_FOUND;
	if (rc || key.mv_size != sizeof position)
		return ep_fail_mdb(err, rc ? rc : MDB_CORRUPTED, "cannot read the log");
	memcpy(&position, key.mv_data, sizeof position);
	EP_TRY(ep_entry_read(entry, position, value.mv_data, value.mv_size, err));
	cursor->after = position;
	return EP_OK;
}

static enum ep_status
next_of_source(struct ep_entry *entry, struct ep_log_cursor *cursor, struct ep_error *err)
{
	uint8_t wanted[EP_SOURCE_KEY];
	ep_source_key(wanted, cursor->source, cursor->after + 1);
	MDB_val key = { .mv_data = wanted, .mv_size = sizeof wanted };
	MDB_val value;
	int rc = mdb_cursor_get(cursor->cursor, &key, &value, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return EP_NOT_FOUND;
	if (rc || key.mv_size != EP_SOURCE_KEY)
		return ep_fail_mdb(err, rc ? rc : MDB_CORRUPTED, "cannot read the log");
	if (memcmp(key.mv_data, wanted, 4) != 0)
		return EP_NOT_FOUND;
	uint64_t big;
	memcpy(&big, (const uint8_t *)key.mv_data + 4, sizeof big);
	EP_TRY(must_be_at(entry, cursor->read, be64toh(big), err));
	cursor->after = be64toh(big);
	return EP_OK;
}

enum ep_status
ep_log_cursor_next(struct ep_entry *entry, struct ep_log_cursor *cursor, struct ep_error *err)
{
	if (cursor->after == UINT64_MAX)
		return EP_NOT_FOUND;
	return cursor->source == EP_SOURCE_ANY ? next_of_all(entry, cursor, err)
	                                       : next_of_source(entry, cursor, err);
}
