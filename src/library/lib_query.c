#include "library/library_internal.h"

#include "code/codestring.h"
#include "generator/generator.h"
#include "match/original.h"
#include "node/answer.h"
#include "node/ask.h"
#include "node/query_sound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the caller gets; the first member is all that it sees. */
struct answer {
	struct echoprint_answer answer;
	struct ep_arena texts;
};

static void
free_answer(struct answer *answer)
{
	if (answer)
		ep_arena_free(&answer->texts);
	free(answer);
}
EP_DEFINE_OWNED(struct answer, free_answer)

void
echoprint_answer_free(struct echoprint_answer *answer)
{
	free_answer((struct answer *)answer);
}

/* Copies fields, of their bytes. */
static enum ep_status
keep_fields(struct answer *made, struct ep_text bytes, struct ep_error *err)
{
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_reader reader = ep_reader_of(bytes.at, bytes.size);
	struct ep_fields fields;
	EP_TRY(ep_fields_read(&fields, &reader, &arena, err));
	return ep_keep_fields(&made->answer.fields, &made->answer.field_count, &made->texts,
	                      &fields, err);
}

/* Copies what was found for the caller. */
static enum ep_status
give_answer(struct echoprint_answer **out, const struct ep_answer *found, bool original,
            struct ep_error *err)
{
	EP_OWNED(free_answer)
	struct answer *made = calloc(1, sizeof *made);
	char words[EP_ANSWER_WORDS];
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct echoprint_answer *answer = &made->answer;
	bool match = found->match;
	struct ep_text none = { 0 };
	answer->size = sizeof *answer;
	answer->match = match;
	answer->type = found->type;
	answer->score = found->score;
	ep_answer_words(words, found, false);
	snprintf(answer->message, sizeof answer->message, "%s", words);
	if (match && found->fields.size)
		EP_TRY(keep_fields(made, found->fields, err));
	EP_TRY(ep_keep_text(&answer->track_id, &made->texts, match ? found->track_id : none, err));
	EP_TRY(ep_keep_text(&answer->artist, &made->texts, match ? found->artist : none, err));
	EP_TRY(ep_keep_text(&answer->release, &made->texts, match ? found->release : none, err));
	EP_TRY(ep_keep_text(&answer->track, &made->texts, match ? found->track : none, err));
	answer->length_s = match ? found->length_s : 0;
	answer->offset_s = match ? found->offset_s : 0;
	answer->speed = match && !original ? found->speed : 1;
	answer->probability = match && !original ? ep_rule_probability(found->score) : 0;
	*out = &EP_TAKE(made)->answer;
	return EP_OK;
}

/* ---- by a rule ---- */

static enum ep_status
by_evidence(struct echoprint_answer **out, struct echoprint_db *db, struct ep_pairs *pairs,
            double percent, struct ep_error *err)
{
	EP_ARENA struct ep_arena texts = { 0 };
	struct ep_answer answer = { 0 };
	struct ep_query_service *queries;
	const struct ep_match_speeds speeds = ep_match_speeds_within(percent);
	EP_TRY(ep_place_queries(&queries, db->place, err));
	EP_TRY(ep_query_service_match(&answer, queries, &texts, pairs, &speeds, err));
	return give_answer(out, &answer, false, err);
}

static enum ep_status
as_original(struct echoprint_answer **out, struct echoprint_db *db, struct ep_pairs *pairs,
            uint32_t elbow, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_matcher_free)
	struct ep_matcher *matcher = NULL;
	struct ep_original_answer found;
	EP_TRY(ep_log_read_begin(&read, ep_place_log(db->place), err));
	EP_TRY(ep_original_match(&found, pairs, 1, elbow, read, ep_place_stop(db->place), err));
	struct ep_answer answer = { .match = found.match,
		                    .type = found.type,
		                    .score = (int)found.score };
	if (found.match) {
		struct ep_entry entry;
		EP_TRY(ep_matcher_new(&matcher, err));
		EP_TRY(ep_log_entry_at(&entry, read, found.position, err));
		EP_TRY(ep_match_name(&answer, matcher, &entry, err));
	}
	return give_answer(out, &answer, true, err);
}

/* Answers pairs, which are changed. */
static enum ep_status
answer_pairs(struct echoprint_answer **out, struct echoprint_db *db, struct ep_pairs *pairs,
             const struct echoprint_query_options *given, struct ep_error *err)
{
	struct echoprint_query_options options;
	EP_TRY(ep_read_sized_struct(&options, sizeof options, given, err));
	double percent = options.speed_percent;
	if (options.rule != ECHOPRINT_RULE_EVIDENCE && options.rule != ECHOPRINT_RULE_ORIGINAL)
		return ep_fail(err, EP_USAGE, "rule is %d, but must be 0 or 1", options.rule);
	if (!(percent <= EP_ASK_SPEED_MOST))
		return ep_fail(err, EP_USAGE, "speed_percent must be at most %d",
		               EP_ASK_SPEED_MOST);
	if (percent == 0)
		percent = EP_ASK_SPEED_DEFAULT;
	if (options.rule == ECHOPRINT_RULE_ORIGINAL)
		return as_original(out, db, pairs,
		                   options.elbow ? options.elbow : EP_ORIGINAL_ELBOW, err);
	return by_evidence(out, db, pairs, percent > 0 ? percent : 0, err);
}

/* ---- of what is asked ---- */

static enum ep_status
query_code(struct echoprint_answer **out, struct echoprint_db *db, const char *code, size_t size,
           const struct echoprint_query_options *options, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_TRY(ep_db_check(db, false, err));
	if (size && !code)
		return ep_fail(err, EP_USAGE, "code is NULL, but size is %zu", size);
	EP_TRY(ep_codestring_decode(&pairs, (struct ep_text){ code, size }, err));
	return answer_pairs(out, db, &pairs, options, err);
}

enum echoprint_status
echoprint_query_code(struct echoprint_answer **out, struct echoprint_db *db, const char *code,
                     size_t size, const struct echoprint_query_options *options,
                     struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, query_code(out, db, code, size, options, &why), &why);
}

static enum ep_status
query_pairs(struct echoprint_answer **out, struct echoprint_db *db,
            const struct echoprint_pair *given, size_t count,
            const struct echoprint_query_options *options, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_TRY(ep_db_check(db, false, err));
	EP_TRY(ep_take_pairs(&pairs, given, count, err));
	return answer_pairs(out, db, &pairs, options, err);
}

enum echoprint_status
echoprint_query_pairs(struct echoprint_answer **out, struct echoprint_db *db,
                      const struct echoprint_pair *pairs, size_t count,
                      const struct echoprint_query_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, query_pairs(out, db, pairs, count, options, &why), &why);
}

static enum ep_status
query_samples(struct echoprint_answer **out, struct echoprint_db *db, const int16_t *samples,
              size_t count, const struct echoprint_query_options *options, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = NULL;
	EP_TRY(ep_db_check(db, false, err));
	if (count && !samples)
		return ep_fail(err, EP_USAGE, "samples is NULL, but count is %zu", count);
	EP_TRY(ep_generator_new(&generator, ep_generator_best(), err));
	if (count)
		EP_TRY(ep_generator_feed(generator, samples, count, err));
	EP_TRY(ep_generator_finish(&pairs, generator, err));
	return answer_pairs(out, db, &pairs, options, err);
}

enum echoprint_status
echoprint_query_samples(struct echoprint_answer **out, struct echoprint_db *db,
                        const int16_t *samples, size_t count,
                        const struct echoprint_query_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, query_samples(out, db, samples, count, options, &why), &why);
}

static enum ep_status
query_file(struct echoprint_answer **out, struct echoprint_db *db, const char *path,
           const struct echoprint_query_options *options, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_audio *audio = NULL;
	EP_TRY(ep_db_check(db, false, err));
	if (!path)
		return ep_fail(err, EP_USAGE, "path is NULL");
	EP_TRY(ep_place_take_audio(&audio, db->place, err));
	enum ep_status status = ep_query_sound(&pairs, &audio, path, ep_place_stop(db->place), err);
	ep_place_give_audio(db->place, audio);
	if (status == EP_NOT_FOUND)
		status = EP_BAD_INPUT;
	if (status != EP_OK) {
		err->status = status;
		ep_error_prefix(err, "%s: ", path);
		return status;
	}
	return answer_pairs(out, db, &pairs, options, err);
}

enum echoprint_status
echoprint_query_file(struct echoprint_answer **out, struct echoprint_db *db, const char *path,
                     const struct echoprint_query_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, query_file(out, db, path, options, &why), &why);
}
