#include "node/answer.h"

#include "format/json_text.h"
#include "node/fields_json.h"

#include <math.h>
#include <stdio.h>

void
ep_answer_words(char words[EP_ANSWER_WORDS], const struct ep_answer *answer, bool undecoded)
{
	if (undecoded)
		snprintf(words, EP_ANSWER_WORDS, "could not decode query code");
	else if (answer->type == 0)
		snprintf(words, EP_ANSWER_WORDS, "query code length is too small");
	else
		snprintf(words, EP_ANSWER_WORDS,
		         answer->match ? "OK (match type %d)" : "no results found (type %d)",
		         answer->type);
}

static json_t *
text_or_null(const struct ep_answer *answer, struct ep_text text)
{
	return answer->match ? ep_json_text(text) : json_null();
}

json_t *
ep_evidence_json(const struct ep_comparison *comparison)
{
	const struct {
		const char *name;
		float value;
	} items[] = {
		{ "codes", comparison->best.codes },
		{ "second_codes", comparison->second.codes },
		{ "self_codes", comparison->self.codes },
		{ "elsewhere_codes", comparison->elsewhere.codes },
		{ "onsets", comparison->best.onsets },
		{ "second_onsets", comparison->second.onsets },
		{ "self_onsets", comparison->self.onsets },
		{ "elsewhere_onsets", comparison->elsewhere.onsets },
		{ "moments", comparison->best.moments },
		{ "query_codes", comparison->query_codes },
	};
	json_t *json = json_object();
	for (size_t i = 0; json && i < sizeof items / sizeof *items; i++) {
		if (json_object_set_new(json, items[i].name, json_real((double)items[i].value)) <
		    0) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

static json_t *
read_json(const struct ep_read *read)
{
	return json_pack("{s:I, s:I, s:I}", "lists", (json_int_t)read->lists, "hits",
	                 (json_int_t)read->hits, "tracks", (json_int_t)read->tracks);
}

/* With four digits, rounded down: nothing is certain. */
static json_t *
probability_json(const struct ep_answer *answer)
{
	double probability = ep_rule_probability(answer->score);
	return answer->match ? json_real(floor(probability * 1e4) / 1e4) : json_null();
}

json_t *
ep_answer_json(struct ep_text query, const struct ep_answer *answer, bool undecoded, double ms,
               bool original)
{
	char words[EP_ANSWER_WORDS];
	ep_answer_words(words, answer, undecoded);
	json_t *json = json_pack("{s:b, s:o, s:s, s:b, s:i, s:f, s:o, s:f, s:o, s:o, s:o}", "ok", 1,
	                         "query", ep_json_text(query), "message", words, "match",
	                         answer->match, "score", answer->score, "qtime", ms, "track_id",
	                         text_or_null(answer, answer->track_id), "total_time", ms, "artist",
	                         text_or_null(answer, answer->artist), "release",
	                         text_or_null(answer, answer->release), "track",
	                         text_or_null(answer, answer->track));
	bool offset = !original && answer->match;
	bool good = json &&
	            json_object_set_new(json, "offset_s",
	                                offset ? json_real(answer->offset_s) : json_null()) == 0;
	if (good && !original)
		good = json_object_set_new(json, "evidence",
		                           ep_evidence_json(&answer->comparison)) == 0 &&
		       json_object_set_new(json, "read", read_json(&answer->read)) == 0 &&
		       json_object_set_new(json, "speed", json_real(answer->speed)) == 0 &&
		       json_object_set_new(json, "probability", probability_json(answer)) == 0;
	if (good && answer->match && answer->fields.size)
		good = json_object_set_new(json, "fields", ep_fields_json_of(answer->fields)) == 0;
	if (good)
		return json;
	json_decref(json);
	return NULL;
}
