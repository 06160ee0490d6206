#include "node/learn.h"

#include "base/hash.h"
#include "base/time.h"
#include "generator/generator.h"
#include "match/copy.h"
#include "node/put_song.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PREFIX "unknown_"

/* An answer with such a score is no match, but comes near to one. */
#define MAYBE_SCORE 30

/* How much of the middle is looked for, in units of time: 30 s. */
#define MIDDLE_TIMES 1292u

/* Sound of which so many onsets coincide with others a few seconds later is a loop. */
#define LOOP_SHARE 0.75f

/* How long it is waited for the index, in seconds. */
#define WAIT_S 10.0
#define LOOK_MS 100

static void
make_id(char id[EP_LEARNT_ID_SIZE], const struct ep_pairs *pairs)
{
	struct ep_hasher hasher;
	struct ep_hash hash;
	char text[EP_HASH_TEXT];
	ep_hasher_init(&hasher);
	for (size_t i = 0; i < pairs->count; i++) {
		char pair[32];
		int size = snprintf(pair, sizeof pair, "%u %u ", pairs->items[i].code,
		                    pairs->items[i].time);
		ep_hasher_add(&hasher, pair, (size_t)size);
	}
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(text, &hash);
	snprintf(id, EP_LEARNT_ID_SIZE, PREFIX "%.32s", text);
}

/* Whether an answer that is no match may be a track that was learnt before: then it is neither
 * learnt again, nor told as a play. */
static bool
may_be_learnt(const struct ep_answer *answer)
{
	const struct ep_text *id = &answer->track_id;
	return id->size > sizeof PREFIX - 1 && memcmp(id->at, PREFIX, sizeof PREFIX - 1) == 0;
}

/* What the database has at the middle of it: of a long piece of music, other parts may be known,
 * too. What is no match has texts as well, if it comes near to one. EP_NOT_FOUND  the index is made
 * anew. */
static enum ep_status
find_known(struct ep_answer *answer, struct ep_arena *texts, const struct ep_learn *learn,
           struct ep_error *err)
{
	EP_PAIRS struct ep_pairs middle = { 0 };
	const struct ep_pairs *pairs = learn->pairs;
	uint32_t end = pairs->items[pairs->count - 1].time + 1;
	uint32_t from = end > MIDDLE_TIMES ? (end - MIDDLE_TIMES) / 2 : 0;
	EP_TRY(ep_pairs_reserve(&middle, pairs->count, err));
	for (size_t i = 0; i < pairs->count; i++) {
		if (pairs->items[i].time >= from && pairs->items[i].time < from + MIDDLE_TIMES)
			middle.items[middle.count++] = pairs->items[i];
	}
	EP_TRY(ep_query_service_match(answer, learn->queries, texts, &middle,
	                              &ep_match_speeds_default, err));
	if (answer->match || answer->score < MAYBE_SCORE)
		return EP_OK;
	return ep_query_service_name(answer, learn->queries, texts, answer->best_position, err);
}

/* Whether it says too little. */
static enum ep_status
is_poor(bool *poor, const struct ep_learn *learn, struct ep_error *err)
{
	EP_SKETCH struct ep_sketch sketch = { 0 };
	EP_OWNED(ep_sketcher_free)
	struct ep_sketcher *sketcher = NULL;
	struct ep_alignment alignment = { 0 };
	EP_TRY(ep_sketcher_new(&sketcher, err));
	EP_TRY(ep_sketch_of_pairs(&sketch, sketcher, learn->pairs->items, learn->pairs->count,
	                          err));
	*poor = sketch.code_count < EP_COPY_CODES_MIN;
	if (*poor || !learn->may_loop)
		return EP_OK;
	ep_align_elsewhere(&alignment, &sketch, &sketch);
	*poor = alignment.elsewhere > LOOP_SHARE;
	return EP_OK;
}

static enum ep_status
put(const char *id, const struct ep_learn *learn, struct ep_error *err)
{
	char name[512];
	char moment[EP_TIME_TEXT];
	ep_time_print(moment, learn->first_ms / 1000);
	int size = learn->stream.size > 400 ? 400 : (int)learn->stream.size;
	snprintf(name, sizeof name, "%.*s, %s", size, learn->stream.at, moment);
	struct ep_codegen_song song = { .track_id = ep_text_of(id),
		                        .title = ep_text_of(name),
		                        .version = EP_GENERATOR_VERSION,
		                        .duration_s = learn->seconds };
	return ep_put_song(ep_node_log(learn->node), &song, learn->pairs, err);
}

/* Waits until the index has the track, so that the same sound is not learnt again before that. */
static enum ep_status
wait_for(const struct ep_learn *learn, struct ep_error *err)
{
	double until = ep_clock_s() + WAIT_S;
	struct ep_answer answer = { 0 };
	while (!answer.match && ep_clock_s() < until) {
		EP_ARENA struct ep_arena texts = { 0 };
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000L }, NULL);
		enum ep_status status = find_known(&answer, &texts, learn, err);
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
	}
	return EP_OK;
}

enum ep_status
ep_learn_track(struct ep_learnt *learnt, struct ep_arena *texts, const struct ep_learn *learn,
               struct ep_error *err)
{
	bool poor;
	struct ep_pairs *pairs = learn->pairs;
	*learnt = (struct ep_learnt){ 0 };
	EP_TRY(ep_pairs_sort(pairs->items, pairs->count, err));
	EP_TRY(is_poor(&poor, learn, err));
	if (poor)
		return EP_OK;
	enum ep_status status = find_known(&learnt->known, texts, learn, err);
	if (status != EP_OK || learnt->known.match || may_be_learnt(&learnt->known))
		return status == EP_NOT_FOUND ? EP_OK : status;
	make_id(learnt->id, pairs);
	EP_TRY(put(learnt->id, learn, err));
	return wait_for(learn, err);
}
