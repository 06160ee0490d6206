#include "net/solr/solr_engine.h"

#include "base/base64.h"
#include "net/form.h"
#include "net/solr/solr_document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys and candidates that are asked for, by effort. */
#define KEYS_GLANCE 60
#define KEYS_FIRST 100
#define KEYS_FULL 600
#define ROWS_GLANCE 1
#define ROWS 32

/* Entries that are fetched together: those that are weighed before anything is decided, and more.
 */
#define FETCH_FIRST 4
#define FETCH_MORE 16

/* Scores are of whole tracks, in which many keys of a query occur by chance. */
#define SCORE_SHARE 0.2f

/* An entry is kept in the place that its position gives; what was there goes. */
#define KEPT_BITS 12
#define KEPT ((size_t)1 << KEPT_BITS)
#define KEPT_BYTES ((size_t)8 << 10) /* larger ones are not kept */

/* The searches of a query are two at most. */
#define FOUND (2 * ROWS)

struct found {
	uint64_t position;
	uint32_t crc;
	bool fetched;
	char *id; /* of the document */
	struct ep_buffer bytes; /* its entry, if it was fetched and is there */
};

struct kept {
	uint64_t position;
	uint32_t crc;
	struct ep_buffer bytes;
};

struct ep_solr_engine {
	struct ep_solr *solr;
	char *path;
	struct ep_buffer body;
	struct found found[FOUND]; /* by the searches of this query */
	size_t found_count;
	size_t fetches; /* since the last search */
	struct kept *kept;
};

enum ep_status
ep_solr_engine_new(struct ep_solr_engine **out, const struct ep_solr_options *options,
                   struct ep_error *err)
{
	EP_OWNED(ep_solr_engine_free)
	struct ep_solr_engine *of = calloc(1, sizeof *of);
	if (!of)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	of->kept = calloc(KEPT, sizeof *of->kept);
	if (!of->kept || asprintf(&of->path, "%s/select", options->collection) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_solr_open(&of->solr, options, err));
	*out = EP_TAKE(of);
	return EP_OK;
}

static void
forget_found(struct ep_solr_engine *of)
{
	while (of->found_count) {
		struct found *found = &of->found[--of->found_count];
		free(found->id);
		ep_buffer_free(&found->bytes);
	}
}

void
ep_solr_engine_free(struct ep_solr_engine *of)
{
	if (!of)
		return;
	forget_found(of);
	for (size_t i = 0; of->kept && i < KEPT; i++)
		ep_buffer_free(&of->kept[i].bytes);
	free(of->kept);
	ep_solr_close(of->solr);
	free(of->path);
	ep_buffer_free(&of->body);
	free(of);
}

/* ---- requests ---- */

static enum ep_status
append(struct ep_buffer *out, const char *text, struct ep_error *err)
{
	return ep_buffer_append(out, text, strlen(text), err);
}

/* Sends the body, a form; *documents is borrowed from *answer, which is for json_decref. */
static enum ep_status
ask(json_t **answer, const json_t **documents, struct ep_solr_engine *of, struct ep_error *err)
{
	struct ep_solr_call call = { .path = of->path,
		                     .type = "application/x-www-form-urlencoded",
		                     .body = ep_buffer_text(&of->body) };
	enum ep_status status = ep_solr_ask(answer, of->solr, &call, err);
	/* Whatever is wrong with Solr, it is not the fault of who asks. */
	if (status == EP_BAD_INPUT && err)
		err->status = EP_UNREACHABLE;
	if (status == EP_BAD_INPUT)
		return EP_UNREACHABLE;
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_UNREACHABLE,
		               "there is no collection %s: make it with `solr init`, and fill it "
		               "with `solr push`",
		               ep_solr_collection(of->solr));
	EP_TRY(status);
	*documents = json_object_get(json_object_get(*answer, "response"), "docs");
	return json_is_array(*documents)
	               ? EP_OK
	               : ep_fail(err, EP_CORRUPT, "an answer of Solr has no documents");
}

/* ---- searching ---- */

static int
compare_gain(const void *one, const void *other)
{
	const struct ep_probe_key *a = *(const struct ep_probe_key *const *)one;
	const struct ep_probe_key *b = *(const struct ep_probe_key *const *)other;
	if (a->gain < b->gain || a->gain > b->gain)
		return a->gain < b->gain ? 1 : -1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Chooses the keys that gain most, of those that stand for one key of the index each. */
static size_t
choose(const struct ep_probe_key *chosen[EP_PROBE_KEYS_MAX], struct ep_probe *probe, size_t most)
{
	size_t count = 0;
	for (size_t i = probe->whole_count; i < probe->key_count; i++)
		chosen[count++] = &probe->keys[i];
	qsort(chosen, count, sizeof(struct ep_probe_key *), compare_gain);
	probe->cut = count > most;
	return count < most ? count : most;
}

static enum ep_status
write_query(struct ep_solr_engine *of, struct ep_probe *probe, size_t most, size_t rows,
            struct ep_error *err)
{
	const struct ep_probe_key *chosen[EP_PROBE_KEYS_MAX];
	char text[192];
	size_t count = choose(chosen, probe, most);
	of->body.size = 0;
	snprintf(text, sizeof text,
	         "rows=%zu&fl=id,position,crc,score&distrib.singlePass=true"
	         "&minExactCount=1&shards.tolerant=false&q=",
	         rows);
	EP_TRY(append(&of->body, text, err));
	for (size_t i = 0; i < count; i++) {
		char term[EP_SOLR_TERM_SIZE + 1];
		size_t size = ep_solr_term(term, chosen[i]->first);
		term[size] = '+';
		EP_TRY(ep_buffer_append(&of->body, term, size + 1, err));
	}
	probe->lists = (uint32_t)count;
	return EP_OK;
}

/* Notes a document that was found, unless it is there from a search before. */
static enum ep_status
note(struct ep_solr_engine *of, uint64_t position, uint32_t crc, const char *id,
     struct ep_error *err)
{
	for (size_t i = 0; i < of->found_count; i++) {
		if (of->found[i].position == position)
			return EP_OK;
	}
	char *copy = strdup(id);
	if (!copy)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for candidates");
	of->found[of->found_count++] =
		(struct found){ .position = position, .crc = crc, .id = copy };
	return EP_OK;
}

/* Notes the documents of an answer, which become candidates. */
static enum ep_status
take_found(struct ep_candidate *candidates, size_t *count, size_t max, struct ep_solr_engine *of,
           const json_t *documents, struct ep_error *err)
{
	size_t index;
	json_t *item;
	*count = 0;
	json_array_foreach(documents, index, item)
	{
		const char *id = json_string_value(json_object_get(item, "id"));
		uint64_t position = ep_solr_number(item, "position");
		if (!id || *count == max || of->found_count == FOUND)
			break;
		EP_TRY(note(of, position, (uint32_t)ep_solr_number(item, "crc"), id, err));
		candidates[(*count)++] = (struct ep_candidate){
			.position = position,
			.score = (float)json_number_value(json_object_get(item, "score")),
		};
	}
	return EP_OK;
}

/* Solr leaves open in which order it gives documents of one score. */
static int
compare_candidates(const void *one, const void *other)
{
	const struct ep_candidate *a = one;
	const struct ep_candidate *b = other;
	if (a->score < b->score || a->score > b->score)
		return a->score < b->score ? 1 : -1;
	return a->position < b->position ? -1 : a->position > b->position;
}

static enum ep_status
search(void *context, struct ep_candidate *candidates, size_t *count, size_t max,
       struct ep_probe *probe, enum ep_search_effort effort, struct ep_error *err)
{
	struct ep_solr_engine *of = context;
	bool glance = effort == EP_SEARCH_GLANCE;
	size_t keys = glance ? KEYS_GLANCE : effort == EP_SEARCH_FIRST ? KEYS_FIRST : KEYS_FULL;
	size_t rows = glance ? ROWS_GLANCE : ROWS;
	EP_JSON json_t *answer = NULL;
	const json_t *documents;
	if (effort != EP_SEARCH_FULL)
		forget_found(of);
	of->fetches = 0;
	*count = 0;
	EP_TRY(write_query(of, probe, keys, rows, err));
	probe->hits = 0;
	if (probe->lists == 0)
		return EP_OK;
	EP_TRY(ask(&answer, &documents, of, err));
	EP_TRY(take_found(candidates, count, max, of, documents, err));
	if (*count)
		qsort(candidates, *count, sizeof *candidates, compare_candidates);
	return EP_OK;
}

/* ---- entries ---- */

static struct kept *
place_of(struct ep_solr_engine *of, uint64_t position)
{
	return &of->kept[(position * 0x9e3779b97f4a7c15u) >> (64 - KEPT_BITS)];
}

/* The bytes of an entry that is here, from this query or from one before; NULL: it is not. */
static const struct ep_buffer *
find_bytes(struct ep_solr_engine *of, const struct found *found)
{
	const struct kept *kept = place_of(of, found->position);
	if (found->bytes.size)
		return &found->bytes;
	return kept->bytes.size && kept->position == found->position && kept->crc == found->crc
	               ? &kept->bytes
	               : NULL;
}

static enum ep_status
keep(struct ep_solr_engine *of, const struct found *found, struct ep_error *err)
{
	struct kept *kept = place_of(of, found->position);
	if (found->bytes.size > KEPT_BYTES ||
	    ep_solr_crc(found->bytes.data, found->bytes.size) != found->crc)
		return EP_OK;
	kept->position = found->position;
	kept->crc = found->crc;
	kept->bytes.size = 0;
	return ep_buffer_append(&kept->bytes, found->bytes.data, found->bytes.size, err);
}

/* Takes the entry of a document that was found. If it has changed since, it is that of now. */
static enum ep_status
take_entry(struct ep_solr_engine *of, const json_t *document, struct ep_error *err)
{
	const char *text = json_string_value(json_object_get(document, "entry"));
	const char *id = json_string_value(json_object_get(document, "id"));
	for (size_t i = 0; text && id && i < of->found_count; i++) {
		struct found *found = &of->found[i];
		if (strcmp(found->id, id) != 0 || found->bytes.size)
			continue;
		if (ep_base64_decode(&found->bytes, text, NULL) != EP_OK)
			return ep_fail(err, EP_CORRUPT, "the entry of %.200s in Solr is not base64",
			               id);
		EP_TRY(keep(of, found, err));
	}
	return EP_OK;
}

/* Appends a text as a value of a form, in double quotes for Solr. */
static enum ep_status
append_quoted(struct ep_buffer *out, const char *text, struct ep_error *err)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			EP_TRY(append(out, "%5C", err));
		EP_TRY(ep_form_escape(out, (uint8_t)*text, err));
	}
	return EP_OK;
}

/* Writes a query for the entries of candidates that are not here and were not fetched, from the one
 * that is needed on, up to `most` of them. */
static enum ep_status
write_fetch(struct ep_solr_engine *of, struct found *needed, size_t most, struct ep_error *err)
{
	of->body.size = 0;
	EP_TRY(append(&of->body,
	              "fl=id,entry&rows=100&distrib.singlePass=true&shards.tolerant=false&q=id:(",
	              err));
	for (struct found *found = needed; found < of->found + of->found_count && most; found++) {
		if (found->fetched || (found != needed && find_bytes(of, found)))
			continue;
		found->fetched = true;
		EP_TRY(append(&of->body, "%22", err));
		EP_TRY(append_quoted(&of->body, found->id, err));
		EP_TRY(append(&of->body, "%22+", err));
		most--;
	}
	return append(&of->body, ")", err);
}

static enum ep_status
fetch(struct ep_solr_engine *of, struct found *needed, struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	const json_t *documents;
	size_t index;
	json_t *item;
	EP_TRY(write_fetch(of, needed, of->fetches++ ? FETCH_MORE : FETCH_FIRST, err));
	EP_TRY(ask(&answer, &documents, of, err));
	json_array_foreach(documents, index, item) EP_TRY(take_entry(of, item, err));
	return EP_OK;
}

static enum ep_status
entry_at(void *context, struct ep_entry *entry, uint64_t position, struct ep_error *err)
{
	struct ep_solr_engine *of = context;
	struct found *found = NULL;
	for (size_t i = 0; i < of->found_count && !found; i++)
		found = of->found[i].position == position ? &of->found[i] : NULL;
	if (!found)
		return ep_fail(err, EP_NOT_FOUND, "the track at position %" PRIu64 " was not found",
		               position);
	if (!find_bytes(of, found) && !found->fetched)
		EP_TRY(fetch(of, found, err));
	const struct ep_buffer *bytes = find_bytes(of, found);
	if (!bytes)
		return ep_fail(err, EP_NOT_FOUND, "%.200s has been deleted", found->id);
	return ep_entry_read(entry, position, bytes->data, bytes->size, err);
}

struct ep_engine
ep_solr_engine(struct ep_solr_engine *of)
{
	return (struct ep_engine){ search, entry_at, SCORE_SHARE, of };
}

static enum ep_status
make(void *context, struct ep_engine *engine, struct ep_error *err)
{
	struct ep_solr_engine *of;
	EP_TRY(ep_solr_engine_new(&of, context, err));
	*engine = ep_solr_engine(of);
	return EP_OK;
}

static void
free_engine(struct ep_engine *engine)
{
	ep_solr_engine_free(engine->context);
}

struct ep_engines
ep_solr_engines(struct ep_solr_options *options)
{
	return (struct ep_engines){ make, free_engine, options };
}
