#include "catalogue/catalogue_internal.h"

#include "catalogue/words.h"

#include <stdlib.h>
#include <string.h>

/* How far the file may be behind for what is missing to be read into memory. */
#define TAIL_MOST (16 * EP_CATALOGUE_TAIL)

enum ep_status
ep_catalogue_new(struct ep_catalogue **out, struct ep_log *log, struct ep_error *err)
{
	struct ep_catalogue *catalogue = calloc(1, sizeof *catalogue);
	if (!catalogue)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	catalogue->log = log;
	pthread_mutex_init(&catalogue->mutex, NULL);
	*out = catalogue;
	return EP_OK;
}

void
ep_catalogue_free(struct ep_catalogue *catalogue)
{
	if (!catalogue)
		return;
	ep_catalogue_db_close(catalogue->tail);
	pthread_mutex_destroy(&catalogue->mutex);
	free(catalogue);
}

/* ---- the file and the tail ---- */

/* Opens the file that the log names; there is none while all is in memory. */
static enum ep_status
open_marked(struct ep_catalogue *catalogue, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_catalogue_mark mark;
	EP_TRY(ep_catalogue_mark_load(&mark, read, err));
	return mark.is_there ? ep_catalogue_open_file(catalogue, mark.tag, false, err) : EP_OK;
}

/* Brings the tail, which begins at the file's watermark or below, up to the end of the log. */
static enum ep_status
follow_tail(struct ep_catalogue *catalogue, uint64_t watermark, const struct ep_log_read *read,
            struct ep_error *err)
{
	struct ep_log_state state;
	ep_log_state(&state, read);
	if (catalogue->tail &&
	    (watermark < catalogue->tail_from || watermark - catalogue->tail_from > TAIL_MOST))
		ep_catalogue_db_close(EP_TAKE(catalogue->tail));
	if (!catalogue->tail) {
		EP_TRY(ep_catalogue_db_open(&catalogue->tail, NULL, true, err));
		catalogue->tail_from = catalogue->tail_to = watermark;
	}
	if (state.position <= catalogue->tail_to)
		return EP_OK;
	if (state.position - catalogue->tail_to > TAIL_MOST)
		return ep_fail(err, EP_NOT_FOUND,
		               "the catalogue is being built: it has followed "
		               "the log up to position %llu of %llu",
		               (unsigned long long)catalogue->tail_to,
		               (unsigned long long)state.position);
	return ep_catalogue_add(catalogue->tail, &catalogue->tail_to, catalogue->log, read,
	                        TAIL_MOST, err);
}

/* ---- searching ---- */

struct finding {
	const struct ep_log_read *read;
	const struct ep_catalogue_search *search;
	ep_catalogue_found *found;
	void *context;
	struct ep_catalogue_place place;
	bool enough;
};

static enum ep_status
on_match(void *context, bool *enough, uint64_t position, struct ep_error *err)
{
	struct finding *finding = context;
	struct ep_entry entry;
	enum ep_status status = ep_log_entry_at(&entry, finding->read, position, err);
	if (status == EP_NOT_FOUND)
		return EP_OK; /* a stale row */
	EP_TRY(status);
	finding->place.position = position;
	if (entry.operation == EP_PUT)
		status = finding->found(finding->context, &finding->enough, &entry, &finding->place,
		                        err);
	*enough = finding->enough;
	return status;
}

static uint64_t
later(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

/* Those with whole words, or those with longer ones: in the file, then in the tail behind it. */
static enum ep_status
find_some(struct ep_catalogue *catalogue, struct finding *finding, uint64_t watermark,
          struct ep_error *err)
{
	EP_BUFFER struct ep_buffer expression = { 0 };
	const struct ep_catalogue_search *search = finding->search;
	bool begins = finding->place.begins;
	bool none;
	EP_TRY(ep_words_expression(&expression, &none, search->text, begins, search->source, err));
	if (none)
		return EP_OK;
	uint64_t after = search->since;
	if (begins == search->after.begins)
		after = later(after, search->after.position);
	const char *text = (const char *)expression.data;
	if (catalogue->file)
		EP_TRY(ep_catalogue_db_match(catalogue->file, text, after, on_match, finding, err));
	if (finding->enough)
		return EP_OK;
	return ep_catalogue_db_match(catalogue->tail, text, later(after, watermark), on_match,
	                             finding, err);
}

static enum ep_status
find(struct ep_catalogue *catalogue, struct finding *finding, struct ep_error *err)
{
	uint64_t watermark = 0;
	uint64_t rows;
	if (catalogue->file)
		EP_TRY(ep_catalogue_db_about(&watermark, &rows, catalogue->file, err));
	EP_TRY(follow_tail(catalogue, watermark, finding->read, err));
	for (int begins = finding->search->after.begins; begins < 2 && !finding->enough; begins++) {
		finding->place.begins = begins;
		EP_TRY(find_some(catalogue, finding, watermark, err));
	}
	return EP_OK;
}

enum ep_status
ep_catalogue_find(struct ep_catalogue *catalogue, const struct ep_log_read *read,
                  const struct ep_catalogue_search *search, ep_catalogue_found *found,
                  void *context, struct ep_error *err)
{
	struct finding finding = { read, search, found, context, { 0 }, false };
	pthread_mutex_lock(&catalogue->mutex);
	enum ep_status status = open_marked(catalogue, read, err);
	bool opened = status == EP_OK;
	if (catalogue->file)
		status = ep_catalogue_db_begin(catalogue->file, false, err);
	if (status == EP_OK) {
		status = find(catalogue, &finding, err);
		if (catalogue->file)
			(void)!ep_catalogue_db_end(catalogue->file, false, NULL);
	}
	/* What cannot even be opened is no catalogue either. */
	if (ep_catalogue_close_file(catalogue) || (!opened && status == EP_CORRUPT))
		status = ep_fail(err, EP_NOT_FOUND,
		                 "the catalogue is damaged, and has to be made anew");
	pthread_mutex_unlock(&catalogue->mutex);
	return status;
}
