#include "ingest/batch.h"

#include "code/codestring.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* An id as the original makes it: "TR", five random capitals, milliseconds since 1970 in hex. */
#define MADE_ID_SIZE 32

/* A song of more documents, which is 68 hours of music, is none: one pair far out makes a million.
 */
#define SONG_DOCUMENTS_MAX 8192

static void
make_id(char id[MADE_ID_SIZE], int64_t now_ms)
{
	char letters[6] = { 0 };
	for (size_t i = 0; i < 5; i++)
		letters[i] = (char)('A' + randombytes_uniform(26));
	snprintf(id, MADE_ID_SIZE, "TR%s%llX", letters, (unsigned long long)now_ms);
}

/* What all documents of a song have in common, copied to where the batch's texts live. */
static enum ep_status
copy_metadata(struct ep_document *common, struct ep_arena *arena,
              const struct ep_codegen_song *song, struct ep_error *err)
{
	char length[16];
	snprintf(length, sizeof length, "%u", (unsigned)song->duration_s);
	EP_TRY(ep_arena_text(&common->codever, arena, ep_text_of(song->version), err));
	EP_TRY(ep_arena_text(&common->length, arena, ep_text_of(length), err));
	EP_TRY(ep_arena_text(&common->artist, arena, song->artist, err));
	EP_TRY(ep_arena_text(&common->release, arena, song->release, err));
	return ep_arena_text(&common->track, arena, song->title, err);
}

/* The suffix of document i: "-3", behind what the id of the song has after its first "-". */
static enum ep_status
make_suffix(struct ep_text *suffix, struct ep_arena *arena, struct ep_text rest, size_t i,
            struct ep_error *err)
{
	char text[256 + 24]; /* ids have at most 255 bytes */
	if (rest.size)
		memcpy(text, rest.at, rest.size);
	int number = snprintf(text + rest.size, 24, "-%zu", i);
	return ep_arena_text(suffix, arena, (struct ep_text){ text, rest.size + (size_t)number },
	                     err);
}

/* Makes the fields of a song. EP_BAD_INPUT names the one that a track cannot have. */
static enum ep_status
make_fields(struct ep_fields *fields, struct ep_arena *arena, const struct ep_codegen_song *song,
            struct ep_error *err)
{
	static const struct ep_fields none = { 0 };
	struct ep_field *items = ep_arena_alloc(arena, song->field_count * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the fields of a song");
	for (size_t i = 0; i < song->field_count; i++)
		items[i] = (struct ep_field){ song->fields[i].key, song->fields[i].value };
	return ep_fields_join(fields, &none, items, song->field_count, arena, err);
}

/* Makes the documents of a song that has been cut. */
static enum ep_status
make_documents(struct ep_track *track, struct ep_arena *arena, const struct ep_cut *cut,
               const struct ep_codegen_song *song, struct ep_text rest, struct ep_error *err)
{
	struct ep_document common = { 0 };
	struct ep_text whole = ep_buffer_text(&cut->text);
	struct ep_text codes;
	struct ep_document *documents = ep_arena_alloc(arena, cut->count * sizeof *documents);
	if (!documents)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", cut->count);
	EP_TRY(ep_arena_text(&codes, arena, whole, err));
	EP_TRY(copy_metadata(&common, arena, song, err));
	for (size_t i = 0; i < cut->count; i++) {
		struct ep_text slice = cut->documents[i];
		documents[i] = common;
		documents[i].codes.size = slice.size;
		if (slice.size)
			documents[i].codes.at = codes.at + (slice.at - whole.at);
		EP_TRY(make_suffix(&documents[i].suffix, arena, rest, i, err));
	}
	track->documents = documents;
	track->count = cut->count;
	return EP_OK;
}

/* Checks the longest id that a document of the song gets. */
static enum ep_status
check_song_id(struct ep_text id, size_t documents, struct ep_error *err)
{
	EP_TRY(ep_check_id(id, err));
	char number[24];
	size_t suffix = (size_t)snprintf(number, sizeof number, "-%zu", documents - 1);
	if (id.size + suffix > 255)
		return ep_fail(err, EP_BAD_INPUT,
		               "track_id has %zu bytes, but with the number of a document it may "
		               "have at most 255",
		               id.size);
	return EP_OK;
}

enum ep_status
ep_batch_song(struct ep_batch *batch, const struct ep_codegen_song *song, struct ep_pairs *pairs,
              struct ep_origin origin, struct ep_batch_scratch *scratch, int64_t now_ms,
              struct ep_error *err)
{
	EP_TRY(ep_cut_documents(&scratch->cut, pairs, SONG_DOCUMENTS_MAX, err));
	if (scratch->cut.count == 0) {
		batch->without_codes++;
		return EP_OK;
	}
	char made[MADE_ID_SIZE];
	make_id(made, now_ms);
	struct ep_text id = song->track_id.size ? song->track_id : ep_text_of(made);
	EP_TRY(check_song_id(id, scratch->cut.count, err));
	struct ep_ready ready = { .origin_count = 1 };
	struct ep_text rest;
	ready.origins = ep_arena_alloc(&batch->arena, sizeof origin);
	if (!ready.origins)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a song");
	EP_TRY(ep_arena_text(&id, &batch->arena, id, err));
	*ready.origins = origin;
	ep_id_split(&ready.track.id, &rest, id);
	/* An id with a "-" shares its track with others that begin alike: it joins them. */
	ready.whole = rest.size == 0;
	/* The documents are needed until they are encoded: many small songs can have very many. */
	ep_arena_reset(&scratch->arena);
	EP_TRY(make_documents(&ready.track, &scratch->arena, &scratch->cut, song, rest, err));
	EP_TRY(make_fields(&ready.track.fields, &scratch->arena, song, err));
	EP_TRY(ep_batch_encode(batch, &ready, NULL, scratch, err));
	ep_track_hash(&ready.hash, &ready.track);
	ready.track.documents = NULL;
	ready.track.fields = (struct ep_fields){ 0 };
	struct ep_ready *added = ep_batch_add_ready(batch);
	if (!added)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the songs of a file");
	*added = ready;
	return EP_OK;
}

/* Makes the song of an object ready. */
static enum ep_status
make_song(struct ep_batch *batch, const struct ep_codegen_song *song,
          const struct ep_codegen_object *object, struct ep_batch_scratch *scratch, int64_t now_ms,
          struct ep_error *err)
{
	struct ep_origin origin = { .number = object->number, .raw = object->raw };
	scratch->pairs.count = 0;
	enum ep_status status = ep_codestring_decode(&scratch->pairs, song->code, err);
	if (status != EP_OK) {
		ep_error_prefix(err, "code: ");
		return status;
	}
	return ep_batch_song(batch, song, &scratch->pairs, origin, scratch, now_ms, err);
}

static enum ep_status
read_song(struct ep_batch *batch, const struct ep_codegen_object *object,
          struct ep_batch_scratch *scratch, int64_t now_ms, struct ep_error *err)
{
	if (object->fault == EP_CODEGEN_TOO_LONG)
		return ep_fail(err, EP_BAD_INPUT, "the object is larger than %zu bytes",
		               EP_CODEGEN_OBJECT_MAX);
	struct ep_codegen_song song = { 0 };
	EP_TRY(ep_codegen_parse(&song, object->raw, err));
	enum ep_status status = EP_OK;
	if (song.has_code)
		status = make_song(batch, &song, object, scratch, now_ms, err);
	else
		batch->passed_over++;
	ep_codegen_song_free(&song);
	return status;
}

enum ep_status
ep_batch_songs(struct ep_batch *batch, struct ep_batch_scratch *scratch, int64_t now_ms,
               struct ep_error *err)
{
	ep_batch_reset(batch);
	for (size_t i = 0; i < batch->songs.count; i++) {
		const struct ep_codegen_object *object = &batch->songs.objects[i];
		struct ep_error why;
		size_t before = batch->bodies.size;
		enum ep_status status = read_song(batch, object, scratch, now_ms, &why);
		if (status == EP_OK)
			continue;
		if (status != EP_BAD_INPUT)
			return ep_fail(err, status, "%s", why.text);
		batch->bodies.size = before;
		struct ep_origin origin = { .number = object->number, .raw = object->raw };
		EP_TRY(ep_batch_refuse(batch, origin, 1, err, "%s", why.text));
	}
	return EP_OK;
}
