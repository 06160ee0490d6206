#include "net/solr/solr_verify.h"

#include "base/base64.h"
#include "net/form.h"
#include "net/solr/solr_document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500

struct verify {
	const struct ep_solr_verify_options *options;
	struct ep_solr_verify_report *report;
	struct ep_solr *solr;
	const struct ep_log_read *read;
	char real[EP_SOLR_REAL_MAX];
	struct ep_digest digest;
	struct ep_buffer
		cursor; /* Solr's mark of where the next page begins, as a value of a form */
	struct ep_buffer bytes; /* of an entry */
	uint64_t seen; /* entries of the log that the collection has, in whatever state */
};

static void
differ(struct verify *verify, struct ep_text id, const char *how)
{
	verify->report->different++;
	if (verify->options->on_difference)
		verify->options->on_difference(verify->options->context, id, how);
}

/* The entry of the log that a document stands for: "t:" and "l:" are tracks and links. */
static enum ep_status
find(struct ep_entry *entry, const struct verify *verify, struct ep_text id, struct ep_error *err)
{
	struct ep_text rest = { id.at + 2, id.size - 2 };
	return id.at[0] == 'l' ? ep_log_find_link(entry, verify->read, rest, err)
	                       : ep_log_find(entry, verify->read, rest, err);
}

/* Reads the entry that a document holds into verify->bytes. False: it holds none. */
static bool
decode(struct ep_entry *entry, struct verify *verify, const json_t *document)
{
	const char *text = json_string_value(json_object_get(document, "entry"));
	verify->bytes.size = 0;
	return text && ep_base64_decode(&verify->bytes, text, NULL) == EP_OK &&
	       ep_entry_read(entry, ep_solr_number(document, "position"), verify->bytes.data,
	                     verify->bytes.size, NULL) == EP_OK;
}

static bool
is_same(const struct ep_entry *one, const struct ep_entry *other)
{
	return one->operation == other->operation &&
	       memcmp(one->hash.bytes, other->hash.bytes, EP_HASH_SIZE) == 0 &&
	       ep_bytes_equal(one->body, other->body);
}

static const char *
id_of(const json_t *document)
{
	const char *id = json_string_value(json_object_get(document, "id"));
	return id && (strncmp(id, "t:", 2) == 0 || strncmp(id, "l:", 2) == 0) ? id : NULL;
}

/* Adds what a document holds to the digest, if it belongs there. */
static enum ep_status
add_to_digest(struct verify *verify, const struct ep_entry *entry, struct ep_error *err)
{
	bool member;
	EP_TRY(ep_log_is_member(&member, entry, err));
	if (member)
		ep_digest_add(&verify->digest, &entry->hash);
	return EP_OK;
}

static enum ep_status
check(struct verify *verify, const json_t *document, struct ep_error *err)
{
	struct ep_entry theirs;
	struct ep_entry ours;
	bool copy;
	const char *name = id_of(document);
	const char *kind = json_string_value(json_object_get(document, "kind"));
	struct ep_text id = ep_text_of(name ? name : "(without an id)");
	verify->report->documents++;
	bool has_entry = decode(&theirs, verify, document);
	if (has_entry)
		EP_TRY(add_to_digest(verify, &theirs, err));
	enum ep_status status = name ? find(&ours, verify, id, err) : EP_NOT_FOUND;
	if (status == EP_NOT_FOUND) {
		differ(verify, id, "it is not in the log");
		return EP_OK;
	}
	EP_TRY(status);
	EP_TRY(ep_log_is_copy(&copy, verify->read, &ours, err));
	bool searched = ours.operation == EP_PUT && !copy;
	verify->seen++;
	if (ours.position > verify->report->watermark)
		verify->report->behind++;
	else if (kind && strcmp(kind, "refused") == 0)
		verify->report->refused++;
	else if (!has_entry)
		differ(verify, id, "it holds no entry, or a damaged one");
	else if (theirs.position != ours.position)
		differ(verify, id, "its position is not the one in the log");
	else if (!is_same(&theirs, &ours))
		differ(verify, id, "its contents are not those in the log");
	else if (searched != (kind && strcmp(kind, "put") == 0))
		differ(verify, id,
		       searched ? "queries do not find it" : "it is a copy, but queries find it");
	return EP_OK;
}

/* ---- page by page ---- */

static enum ep_status
keep_cursor(struct verify *verify, const char *mark, struct ep_error *err)
{
	verify->cursor.size = 0;
	for (; *mark; mark++)
		EP_TRY(ep_form_escape(&verify->cursor, (uint8_t)*mark, err));
	return ep_buffer_append(&verify->cursor, "", 1, err);
}

static enum ep_status
read_page(bool *end, struct verify *verify, struct ep_error *err)
{
	char path[EP_SOLR_REAL_MAX + 16];
	EP_JSON json_t *answer = NULL;
	EP_FREE char *body = NULL;
	size_t index;
	json_t *document;
	int size = asprintf(&body,
	                    "q=*:*&fq=-kind:mark&fl=id,kind,position,entry&rows=%d&sort=id+asc"
	                    "&shards.tolerant=false&cursorMark=%s",
	                    PAGE, (const char *)verify->cursor.data);
	if (size < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	snprintf(path, sizeof path, "%s/select", verify->real);
	struct ep_solr_call call = { .path = path,
		                     .type = "application/x-www-form-urlencoded",
		                     .body = { body, (size_t)size } };
	EP_TRY(ep_solr_ask(&answer, verify->solr, &call, err));
	const json_t *response = json_object_get(answer, "response");
	const json_t *documents = json_object_get(response, "docs");
	const char *next = json_string_value(json_object_get(answer, "nextCursorMark"));
	if (!json_is_array(documents) || !next)
		return ep_fail(err, EP_CORRUPT, "an answer of Solr has no documents");
	json_array_foreach(documents, index, document) EP_TRY(check(verify, document, err));
	if (verify->options->on_progress)
		verify->options->on_progress(verify->options->context, verify->report->documents,
		                             ep_solr_number(response, "numFound"));
	EP_FREE char *before = strdup((const char *)verify->cursor.data);
	if (!before)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(keep_cursor(verify, next, err));
	/* Solr gives the same mark again at the end. */
	*end = strcmp(before, (const char *)verify->cursor.data) == 0;
	return EP_OK;
}

static enum ep_status
count_entries(struct verify *verify, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	uint64_t behind = 0;
	enum ep_status status;
	EP_TRY(ep_log_cursor_open(&cursor, verify->read, 0, EP_SOURCE_ANY, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		verify->report->entries++;
		behind += entry.position > verify->report->watermark;
	}
	/* What came since may or may not be there. */
	uint64_t had = verify->seen + behind - verify->report->behind;
	verify->report->missing = verify->report->entries > had ? verify->report->entries - had : 0;
	verify->report->behind = behind;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static enum ep_status
run(struct verify *verify, struct ep_error *err)
{
	struct ep_log_state state;
	struct ep_solr_mark mark;
	struct ep_digest log;
	struct ep_hash name;
	bool end = false;
	ep_log_state(&state, verify->read);
	verify->report->position = state.position;
	EP_TRY(ep_solr_open(&verify->solr, &verify->options->solr, err));
	EP_TRY(ep_solr_find(verify->real, verify->solr, err));
	EP_TRY(ep_solr_mark(&mark, verify->solr, verify->real, err));
	verify->report->watermark = mark.position;
	EP_TRY(keep_cursor(verify, "*", err));
	while (!end)
		EP_TRY(read_page(&end, verify, err));
	EP_TRY(count_entries(verify, err));
	ep_digest_name(&name, &verify->digest);
	ep_hash_print(verify->report->digest, &name);
	EP_TRY(ep_log_digest(&log, verify->read, err));
	ep_digest_name(&name, &log);
	ep_hash_print(verify->report->log_digest, &name);
	return EP_OK;
}

enum ep_status
ep_solr_verify(struct ep_solr_verify_report *report, const struct ep_solr_verify_options *options,
               struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	*report = (struct ep_solr_verify_report){ 0 };
	EP_TRY(ep_log_read_begin(&read, options->log, err));
	struct verify verify = { .options = options, .report = report, .read = read };
	enum ep_status status = run(&verify, err);
	ep_solr_close(verify.solr);
	ep_buffer_free(&verify.cursor);
	ep_buffer_free(&verify.bytes);
	return status;
}
