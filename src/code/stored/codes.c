/* One long file: encoding, decoding and reading run by run share the table of forms and the coder's
 * buffers, and the encoder decodes what it made. */
#include "code/stored/codes.h"

#include "base/bytes.h"
#include "code/onset/onset.h"
#include "code/pairs.h"
#include "code/stored/packed.h"
#include "code/stored/runs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A blob is runs up to its end, each with a head (docs/formats/codes.md):
 *
 *   byte    tag; 0x80 is added for the last run
 *   varint  number of documents, varint  size of what follows: not of the last run, which has all
 *           documents and bytes that are left
 */
#define LAST_RUN 0x80

/* A printed pair has at most this many bytes. */
#define PAIR_TEXT_MAX 22

/* Room above EP_CODES_TEXT_MAX that printing wants to have. */
#define PRINT_ROOM ((size_t)32 << 10)

/* The onset decoder needs a byte for each unit of time that it may span, which it bounds by the
 * number of pairs: this keeps it below 256 MiB. It is two days of music without a pause. */
#define ONSET_PAIRS_MAX ((size_t)1 << 22)

enum tag { TAG_TEXT, TAG_PACKED, TAG_ONSET, TAG_ONSET_UNCUT, TAG_COUNT };

struct ep_codes_coder {
	enum ep_codes_form highest_form;
	struct ep_onset_coder *onset; /* made when it is first needed */
	struct ep_onset_work work; /* of the track at hand */
	uint64_t spent; /* units on all tracks before */
	struct ep_buffer text; /* decoded texts of all runs */
	struct ep_slice *slices; /* of text, one a document */
	size_t slice_capacity;
	struct ep_pairs decoded; /* of the run that is decoded */
	struct ep_pairs pairs; /* of the run that is encoded */
	struct ep_buffer best; /* its smallest form so far */
	struct ep_onset_work best_work; /* of the track with that */
	struct ep_buffer attempt; /* the form that is tried */
};

/* Which runs a form is for: those with all times in their segments, or documents alone that have
 * times elsewhere or no segment. */
enum cut { CUT_ANY, CUT_TO_SEGMENTS, CUT_OTHERWISE };

/* One way to store the pairs of a run. */
struct form {
	enum ep_codes_form form;
	enum cut cut; /* the runs that it is for */
	unsigned least_bytes_of_two; /* pairs: it never takes fewer */
	/* Appends the coder's pairs to its attempt. EP_NOT_FOUND: this form cannot hold them. */
	enum ep_status (*encode)(struct ep_codes_coder *coder, struct ep_window window,
	                         struct ep_error *err);
	/* Appends to the coder's decoded pairs, no more than the form may have. */
	enum ep_status (*decode)(struct ep_codes_coder *coder, const uint8_t *bytes, size_t size,
	                         struct ep_window window, struct ep_error *err);
};

static enum ep_status
encode_packed(struct ep_codes_coder *coder, struct ep_window window, struct ep_error *err)
{
	(void)window;
	return ep_packed_encode(&coder->attempt, coder->pairs.items, coder->pairs.count, err);
}

static enum ep_status
decode_packed(struct ep_codes_coder *coder, const uint8_t *bytes, size_t size,
              struct ep_window window, struct ep_error *err)
{
	(void)window;
	return ep_packed_decode(&coder->decoded, bytes, size, EP_RUN_PAIRS_MAX, err);
}

static enum ep_status
need_onset(struct ep_codes_coder *coder, struct ep_error *err)
{
	if (!coder->onset)
		EP_TRY(ep_onset_coder_new(&coder->onset, err));
	ep_onset_coder_share(coder->onset, &coder->work);
	return EP_OK;
}

static enum ep_status
encode_onset(struct ep_codes_coder *coder, struct ep_window window, struct ep_error *err)
{
	const struct ep_pairs *pairs = &coder->pairs;
	/* Codes of one time that are out of order do not come back, which shows when they are
	 * compared. */
	if (pairs->count > ONSET_PAIRS_MAX || !ep_run_is_inside(pairs->items, pairs->count, window))
		return EP_NOT_FOUND;
	EP_TRY(need_onset(coder, err));
	return ep_onset_encode(&coder->attempt, coder->onset, pairs->items, pairs->count, window,
	                       err);
}

static enum ep_status
decode_onset(struct ep_codes_coder *coder, const uint8_t *bytes, size_t size,
             struct ep_window window, struct ep_error *err)
{
	EP_TRY(need_onset(coder, err));
	return ep_onset_decode(&coder->decoded, coder->onset, bytes, size, window, ONSET_PAIRS_MAX,
	                       err);
}

/* The window is in the bytes: the first time, and how far behind it the last one is. */
static enum ep_status
encode_onset_uncut(struct ep_codes_coder *coder, struct ep_window window, struct ep_error *err)
{
	const struct ep_pairs *pairs = &coder->pairs;
	if (pairs->count == 0)
		return EP_NOT_FOUND;
	window.first = pairs->items[0].time;
	window.end = pairs->items[pairs->count - 1].time + 1;
	if (window.end <= window.first)
		return EP_NOT_FOUND;
	EP_TRY(ep_buffer_varint(&coder->attempt, window.first, err));
	EP_TRY(ep_buffer_varint(&coder->attempt, window.end - window.first - 1, err));
	return encode_onset(coder, window, err);
}

static enum ep_status
read_window(struct ep_window *window, struct ep_reader *reader, struct ep_error *err)
{
	uint64_t first = ep_read_varint(reader);
	uint64_t span = ep_read_varint(reader);
	if (!reader->ok || first > EP_TIME_MAX || span > EP_TIME_MAX - first)
		return ep_fail(err, EP_CORRUPT, "codes: times out of range");
	window->first = (uint32_t)first;
	window->end = (uint32_t)(first + span + 1);
	return EP_OK;
}

static enum ep_status
decode_onset_uncut(struct ep_codes_coder *coder, const uint8_t *bytes, size_t size,
                   struct ep_window window, struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(bytes, size);
	EP_TRY(read_window(&window, &reader, err));
	return decode_onset(coder, reader.at, ep_reader_left(&reader), window, err);
}

/* By tag. Text is not made of pairs, and has no functions. */
static const struct form forms[TAG_COUNT] = {
	[TAG_TEXT] = { EP_CODES_TEXT, CUT_OTHERWISE, 0, NULL, NULL },
	[TAG_PACKED] = { EP_CODES_PACKED, CUT_ANY, 5, encode_packed, decode_packed },
	[TAG_ONSET] = { EP_CODES_ONSET, CUT_TO_SEGMENTS, 0, encode_onset, decode_onset },
	[TAG_ONSET_UNCUT] = { EP_CODES_ONSET, CUT_OTHERWISE, 0, encode_onset_uncut,
	                      decode_onset_uncut },
};

enum ep_status
ep_codes_coder_new(struct ep_codes_coder **out, enum ep_codes_form highest_form,
                   struct ep_error *err)
{
	struct ep_codes_coder *coder = calloc(1, sizeof *coder);
	if (!coder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a coder of code strings");
	coder->highest_form = highest_form;
	coder->text.max = EP_CODES_TEXT_MAX + PRINT_ROOM;
	*out = coder;
	return EP_OK;
}

void
ep_codes_coder_free(struct ep_codes_coder *coder)
{
	if (!coder)
		return;
	ep_buffer_free(&coder->text);
	free(coder->slices);
	ep_onset_coder_free(coder->onset);
	ep_pairs_free(&coder->decoded);
	ep_pairs_free(&coder->pairs);
	ep_buffer_free(&coder->best);
	ep_buffer_free(&coder->attempt);
	free(coder);
}

/* The work of another track counts from here on. */
static void
begin_track(struct ep_codes_coder *coder)
{
	coder->spent += coder->work.spent;
	coder->work = (struct ep_onset_work){ 0 };
}

uint64_t
ep_codes_work(const struct ep_codes_coder *coder)
{
	return coder->spent + coder->work.spent;
}

/* Decoding */

struct head {
	enum tag tag;
	size_t documents;
	const uint8_t *bytes; /* what is behind the head */
	size_t size;
};

static enum ep_status
reserve_slices(struct ep_codes_coder *coder, size_t count, struct ep_error *err)
{
	if (count <= coder->slice_capacity)
		return EP_OK;
	struct ep_slice *slices = NULL;
	if (count <= PTRDIFF_MAX / sizeof *slices)
		slices = realloc(coder->slices, count * sizeof *slices);
	if (!slices)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", count);
	coder->slices = slices;
	coder->slice_capacity = count;
	return EP_OK;
}

/* Reads the next head and what is behind it; documents are those that have not come yet, at least
 * one. */
static enum ep_status
read_head(struct head *head, struct ep_reader *reader, size_t documents, struct ep_error *err)
{
	uint8_t byte = ep_read8(reader);
	bool last = byte & LAST_RUN;
	uint64_t count = last ? documents : ep_read_varint(reader);
	uint64_t size = last ? ep_reader_left(reader) : ep_read_varint(reader);
	unsigned tag = byte & ~(unsigned)LAST_RUN;
	const uint8_t *bytes = ep_read_bytes(reader, size);
	if (!reader->ok)
		return ep_fail(err, EP_CORRUPT, "codes: truncated, with %zu documents left",
		               documents);
	if (!last && (count == 0 || count >= documents))
		return ep_fail(err, EP_CORRUPT, "codes: a run of %llu documents with %zu left",
		               (unsigned long long)count, documents);
	if (tag >= TAG_COUNT)
		return ep_fail(err, EP_CORRUPT, "codes: a run in the unknown encoding %u", tag);
	if (forms[tag].cut == CUT_OTHERWISE && count > 1)
		return ep_fail(err, EP_CORRUPT, "codes: %llu documents in an encoding for one",
		               (unsigned long long)count);
	*head = (struct head){ (enum tag)tag, (size_t)count, bytes, (size_t)size };
	return EP_OK;
}

/* Sets the windows of the slices of a run of several documents. */
static void
begin_slices(struct ep_slice *slices, const struct ep_run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct ep_window window = ep_window_of(run->documents[i].segment);
		slices[i].first = window.first;
		slices[i].end = window.end;
	}
}

/* The slices of a run, which is the coder's text from offset on, as slices of the whole text. */
static void
end_slices(struct ep_slice *slices, const struct ep_run *run, const struct ep_codes_coder *coder,
           size_t offset)
{
	if (run->count == 1)
		slices[0] = (struct ep_slice){ .size = coder->text.size - offset };
	for (size_t i = 0; i < run->count; i++)
		slices[i].offset += offset;
}

/* Appends the text of pairs to the coder's text, and cuts it into slices, one a document. */
static enum ep_status
print_run(struct ep_codes_coder *coder, const struct ep_run *run, const struct ep_pairs *pairs,
          struct ep_slice *slices, struct ep_error *err)
{
	size_t offset = coder->text.size;
	size_t room = EP_CODES_TEXT_MAX - offset;
	if (pairs->count > room / PAIR_TEXT_MAX &&
	    ep_pairs_print_size(pairs->items, pairs->count) > room)
		return ep_fail(err, EP_CORRUPT, "codes: more than %zu bytes of text",
		               EP_CODES_TEXT_MAX);
	if (run->count > 1 && !ep_run_is_inside(pairs->items, pairs->count, run->window))
		return ep_fail(err, EP_CORRUPT, "codes: times outside of the documents");
	size_t count = run->count > 1 ? run->count : 0;
	if (count)
		begin_slices(slices, run);
	EP_TRY(ep_pairs_print_slices(&coder->text, pairs->items, pairs->count, slices, count, err));
	end_slices(slices, run, coder, offset);
	return EP_OK;
}

/* Appends what a document holds to the coder's text, as it is. */
static enum ep_status
copy_text(struct ep_codes_coder *coder, const struct head *head, struct ep_slice *slice,
          struct ep_error *err)
{
	if (head->size > EP_CODES_TEXT_MAX - coder->text.size)
		return ep_fail(err, EP_CORRUPT, "codes: more than %zu bytes of text",
		               EP_CODES_TEXT_MAX);
	slice->offset = coder->text.size;
	slice->size = head->size;
	return ep_buffer_append(&coder->text, head->bytes, head->size, err);
}

/* The window that the run of head was cut to; zeros where it was not. */
static enum ep_status
find_window(struct ep_window *window, const struct head *head,
            const struct ep_codes_document *documents, struct ep_error *err)
{
	*window = (struct ep_window){ 0 };
	if (ep_run_is_possible(documents, head->documents))
		*window = ep_run_window(documents, head->documents);
	else if (head->documents > 1 || forms[head->tag].cut == CUT_TO_SEGMENTS)
		return ep_fail(err, EP_CORRUPT, "codes: segments that do not follow each other");
	return EP_OK;
}

/* Decodes a run that is no text to the coder's decoded pairs. */
static enum ep_status
decode_pairs(struct ep_codes_coder *coder, const struct head *head, struct ep_window window,
             struct ep_error *err)
{
	coder->decoded.count = 0;
	EP_TRY(forms[head->tag].decode(coder, head->bytes, head->size, window, err));
	if (coder->decoded.count &&
	    coder->decoded.items[coder->decoded.count - 1].time > EP_TIME_MAX)
		return ep_fail(err, EP_CORRUPT, "codes: a time above %d", EP_TIME_MAX);
	return EP_OK;
}

/* Lends the onsets of a run that is stored as such. */
static enum ep_status
lend_onsets(struct ep_codes_run *run, struct ep_codes_coder *coder, const struct head *head,
            struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(head->bytes, head->size);
	if (head->tag == TAG_ONSET_UNCUT)
		EP_TRY(read_window(&run->window, &reader, err));
	EP_TRY(need_onset(coder, err));
	return ep_onset_decode_onsets(&run->onsets, coder->onset, reader.at,
	                              ep_reader_left(&reader), run->window, ONSET_PAIRS_MAX, err);
}

/* Decodes a run of onsets to the coder's text, without making pairs of them. EP_NOT_FOUND: it might
 * be too much text, or times too late, which only pairs tell. */
static enum ep_status
decode_onset_run(struct ep_codes_coder *coder, const struct head *head, const struct ep_run *run,
                 struct ep_slice *slices, struct ep_error *err)
{
	struct ep_codes_run lent = { .window = run->window };
	struct ep_onset_work before = coder->work;
	EP_TRY(lend_onsets(&lent, coder, head, err));
	size_t offset = coder->text.size;
	size_t room = EP_CODES_TEXT_MAX - offset;
	if (ep_onset_emit_count(lent.onsets, lent.window) > room / PAIR_TEXT_MAX ||
	    lent.window.end > (uint32_t)EP_TIME_MAX + 1) {
		coder->work = before;
		return EP_NOT_FOUND;
	}
	size_t count = run->count > 1 ? run->count : 0;
	if (count)
		begin_slices(slices, run);
	EP_TRY(ep_onset_print(&coder->text, coder->onset, lent.onsets, lent.window, slices, count,
	                      err));
	end_slices(slices, run, coder, offset);
	return EP_OK;
}

/* Decodes the run of head to the coder's text. Its documents[0..head->documents) have their
 * segments, and get their slices. */
static enum ep_status
decode_run(struct ep_codes_coder *coder, const struct head *head,
           const struct ep_codes_document *documents, struct ep_slice *slices, struct ep_error *err)
{
	if (head->tag == TAG_TEXT)
		return copy_text(coder, head, slices, err);
	struct ep_run run = { .documents = documents, .count = head->documents };
	EP_TRY(find_window(&run.window, head, documents, err));
	enum ep_status status = EP_NOT_FOUND;
	if (forms[head->tag].form == EP_CODES_ONSET)
		status = decode_onset_run(coder, head, &run, slices, err);
	if (status != EP_NOT_FOUND)
		return status;
	EP_TRY(decode_pairs(coder, head, run.window, err));
	return print_run(coder, &run, &coder->decoded, slices, err);
}

enum ep_status
ep_codes_decode(struct ep_codes_coder *coder, struct ep_codes_document *documents, size_t count,
                const uint8_t *bytes, size_t size, struct ep_error *err)
{
	coder->text.size = 0;
	begin_track(coder);
	EP_TRY(reserve_slices(coder, count, err));
	struct ep_reader reader = ep_reader_of(bytes, size);
	for (size_t i = 0; i < count;) {
		struct head head;
		EP_TRY(read_head(&head, &reader, count - i, err));
		EP_TRY(decode_run(coder, &head, documents + i, coder->slices + i, err));
		i += head.documents;
	}
	if (ep_reader_left(&reader) > 0)
		return ep_fail(err, EP_CORRUPT, "codes: %zu bytes after the last document",
		               ep_reader_left(&reader));
	for (size_t i = 0; i < count; i++) {
		const char *at = (const char *)coder->text.data;
		if (coder->slices[i].size > 0)
			at += coder->slices[i].offset;
		documents[i].text = (struct ep_text){ at, coder->slices[i].size };
	}
	return EP_OK;
}

/* Lends the pairs of any other run; a text that is no code string has none. */
static enum ep_status
lend_pairs(struct ep_codes_run *run, struct ep_codes_coder *coder, const struct head *head,
           struct ep_error *err)
{
	if (head->tag == TAG_TEXT) {
		struct ep_text text = { (const char *)head->bytes, head->size };
		coder->decoded.count = 0;
		enum ep_status status = ep_pairs_parse(&coder->decoded, text, err);
		if (status != EP_OK && status != EP_BAD_INPUT)
			return status;
	} else {
		EP_TRY(decode_pairs(coder, head, run->window, err));
	}
	run->pairs = coder->decoded.items;
	run->count = coder->decoded.count;
	return EP_OK;
}

enum ep_status
ep_codes_next_run(struct ep_codes_run *run, struct ep_codes_walk *walk,
                  struct ep_codes_coder *coder, struct ep_error *err)
{
	struct head head;
	struct ep_codes_run found = { 0 };
	if (walk->count == 0)
		return EP_NOT_FOUND;
	EP_TRY(read_head(&head, &walk->reader, walk->count, err));
	EP_TRY(find_window(&found.window, &head, walk->documents, err));
	begin_track(coder);
	coder->work = walk->work;
	if (forms[head.tag].form == EP_CODES_ONSET)
		EP_TRY(lend_onsets(&found, coder, &head, err));
	else
		EP_TRY(lend_pairs(&found, coder, &head, err));
	walk->work = coder->work;
	walk->documents += head.documents;
	walk->count -= head.documents;
	*run = found;
	return EP_OK;
}

enum ep_status
ep_codes_add_usage(struct ep_codes_usage *usage, size_t count, const uint8_t *bytes, size_t size,
                   struct ep_error *err)
{
	struct ep_codes_usage sum = *usage;
	struct ep_reader reader = ep_reader_of(bytes, size);
	while (count > 0) {
		struct head head;
		size_t left = ep_reader_left(&reader);
		EP_TRY(read_head(&head, &reader, count, err));
		sum.of[forms[head.tag].form].documents += head.documents;
		sum.of[forms[head.tag].form].bytes += left - ep_reader_left(&reader);
		count -= head.documents;
	}
	if (ep_reader_left(&reader) > 0)
		return ep_fail(err, EP_CORRUPT, "codes: %zu bytes after the last document",
		               ep_reader_left(&reader));
	*usage = sum;
	return EP_OK;
}

/* Encoding */

/* Whether the attempt decodes to the texts of the run. */
static enum ep_status
verify(bool *same, struct ep_codes_coder *coder, const struct ep_run *run, enum tag tag,
       struct ep_error *err)
{
	struct head head = { tag, run->count, coder->attempt.data, coder->attempt.size };
	*same = false;
	coder->text.size = 0;
	enum ep_status status = decode_run(coder, &head, run->documents, coder->slices, err);
	if (status == EP_NO_MEMORY)
		return status;
	if (status != EP_OK)
		return EP_OK;
	for (size_t i = 0; i < run->count; i++) {
		struct ep_text text = run->documents[i].text;
		const struct ep_slice *slice = &coder->slices[i];
		if (slice->size != text.size)
			return EP_OK;
		if (text.size > 0 &&
		    memcmp(coder->text.data + slice->offset, text.at, text.size) != 0)
			return EP_OK;
	}
	*same = true;
	return EP_OK;
}

/* Tries one form of the coder's pairs, and makes it the best where it is smaller than *best_size
 * and gives back the run. */
static enum ep_status
try_form(enum tag *best, size_t *best_size, struct ep_codes_coder *coder, const struct ep_run *run,
         enum tag tag, struct ep_error *err)
{
	const struct form *form = &forms[tag];
	enum cut not_for = run->in_window ? CUT_OTHERWISE : CUT_TO_SEGMENTS;
	if (form->form > coder->highest_form || form->cut == not_for ||
	    coder->pairs.count * form->least_bytes_of_two / 2 >= *best_size)
		return EP_OK;
	coder->attempt.size = 0;
	struct ep_onset_work before = coder->work;
	enum ep_status status = form->encode(coder, run->window, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	if (status != EP_OK)
		return status;
	bool same = false;
	if (coder->attempt.size < *best_size)
		EP_TRY(verify(&same, coder, run, tag, err));
	struct ep_onset_work after = coder->work;
	coder->work = before;
	if (same) {
		coder->best_work = after;
		struct ep_buffer other = coder->best;
		coder->best = coder->attempt;
		coder->attempt = other;
		*best = tag;
		*best_size = coder->best.size;
	}
	return EP_OK;
}

static enum ep_status
put_run(struct ep_buffer *out, enum tag tag, size_t documents, bool last, const void *bytes,
        size_t size, struct ep_error *err)
{
	uint8_t byte = (uint8_t)((unsigned)tag | (last ? LAST_RUN : 0));
	EP_TRY(ep_buffer_append(out, &byte, sizeof byte, err));
	if (!last) {
		EP_TRY(ep_buffer_varint(out, documents, err));
		EP_TRY(ep_buffer_varint(out, size, err));
	}
	return ep_buffer_append(out, bytes, size, err);
}

/* Appends the run at the start of documents[0..count) in its smallest form: *used documents, with
 * *text_size bytes of text. Only one document can be text: of a run that takes no other form, that
 * is the first one. */
static enum ep_status
encode_run(struct ep_buffer *out, size_t *used, size_t *text_size, struct ep_codes_coder *coder,
           const struct ep_codes_document *documents, size_t count, struct ep_error *err)
{
	struct ep_run run = { .documents = documents, .count = 1 };
	run.text_size = documents[0].text.size;
	bool parsed = false;
	if (coder->highest_form > EP_CODES_TEXT)
		EP_TRY(ep_run_find(&run, &parsed, &coder->pairs, documents, count, err));
	enum tag best = TAG_TEXT;
	size_t best_size = run.count == 1 ? documents[0].text.size : SIZE_MAX;
	coder->best_work = coder->work;
	for (enum tag tag = TAG_COUNT - 1; parsed && tag > TAG_TEXT; tag--)
		EP_TRY(try_form(&best, &best_size, coder, &run, tag, err));
	coder->work = coder->best_work;
	if (best == TAG_TEXT) {
		*used = 1;
		*text_size = documents[0].text.size;
		return put_run(out, TAG_TEXT, 1, count == 1, documents[0].text.at,
		               documents[0].text.size, err);
	}
	*used = run.count;
	*text_size = run.text_size;
	return put_run(out, best, run.count, run.count == count, coder->best.data, best_size, err);
}

static enum ep_status
encode_all(struct ep_buffer *out, struct ep_codes_coder *coder,
           const struct ep_codes_document *documents, size_t count, struct ep_error *err)
{
	EP_TRY(reserve_slices(coder, count, err));
	begin_track(coder);
	size_t room = EP_CODES_TEXT_MAX;
	for (size_t i = 0; i < count;) {
		size_t used;
		size_t size;
		EP_TRY(encode_run(out, &used, &size, coder, documents + i, count - i, err));
		if (size > room)
			return ep_fail(err, EP_BAD_INPUT,
			               "a track has more than %zu bytes of code strings",
			               EP_CODES_TEXT_MAX);
		room -= size;
		i += used;
	}
	return EP_OK;
}

enum ep_status
ep_codes_encode(struct ep_buffer *out, struct ep_codes_coder *coder,
                const struct ep_codes_document *documents, size_t count, struct ep_error *err)
{
	size_t old_size = out->size;
	enum ep_status status = encode_all(out, coder, documents, count, err);
	if (status != EP_OK)
		out->size = old_size;
	return status;
}
