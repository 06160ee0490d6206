#include "monitor/learning.h"

#include "generator/generator.h"
#include "node/heard.h"
#include "node/learn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Pieces overlap: beginnings of a track so near to each other, in seconds, are one play. */
#define AGREE_S 5.0

/* The play of a stream that was found last. */
struct told_play {
	uint64_t position; /* of the track; 0: none */
	double zero_at; /* when the track would have begun */
};

/* The last plays of a stream: where pieces overlap, they are found again. */
#define TOLD_PLAYS 16
struct last_plays {
	uint32_t number; /* of the stream */
	struct told_play told[TOLD_PLAYS];
	size_t next; /* the place of the next one */
};

struct ep_learning {
	struct ep_learning_options options;
	struct ep_heard *heard;
	struct ep_generator *generator;
	struct last_plays *plays; /* one for each stream that had any */
	size_t play_count;

	struct ep_text stream; /* of the piece at hand, as what follows */
	uint32_t number;
	const struct ep_unknown_piece *piece;
	struct ep_pairs pairs;
	struct ep_pairs part; /* of a part of it */
	struct ep_arena texts; /* of the track of that part */
};

static int64_t
ms_of(double at)
{
	return (int64_t)llround(at * 1000);
}

/* The codes of samples, as if nothing was heard before them. */
static enum ep_status
make_codes(struct ep_pairs *pairs, struct ep_learning *learning, const int16_t *samples,
           size_t count, struct ep_error *err)
{
	pairs->count = 0;
	ep_generator_start(learning->generator, 0);
	EP_TRY(ep_generator_feed(learning->generator, samples, count, err));
	return ep_generator_finish(pairs, learning->generator, err);
}

static void
say_learnt(struct ep_learning *learning, const char *id, uint32_t seconds)
{
	char line[512];
	snprintf(line, sizeof line, "learnt %u s that stream \"%.*s\" played again, as %s",
	         (unsigned)seconds, ep_text_print_size(learning->stream), learning->stream.at, id);
	learning->options.on_line(learning->options.context, line);
}

static enum ep_status
last_plays_of(struct last_plays **out, struct ep_learning *learning, uint32_t number,
              struct ep_error *err)
{
	for (size_t i = 0; i < learning->play_count; i++) {
		*out = &learning->plays[i];
		if ((*out)->number == number)
			return EP_OK;
	}
	struct last_plays *more =
		realloc(learning->plays, (learning->play_count + 1) * sizeof *more);
	if (!more)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	learning->plays = more;
	*out = &more[learning->play_count++];
	**out = (struct last_plays){ .number = number };
	return EP_OK;
}

static bool
was_told(const struct last_plays *last, struct told_play play)
{
	for (size_t i = 0; i < TOLD_PLAYS; i++) {
		const struct told_play *told = &last->told[i];
		if (told->position == play.position &&
		    fabs(told->zero_at - play.zero_at) <= AGREE_S)
			return true;
	}
	return false;
}

/* Logs a part of the piece at hand as a play of the track that it is from. */
static enum ep_status
note_play(struct ep_learning *learning, const struct ep_heard_part *part,
          const struct ep_answer *answer, struct ep_error *err)
{
	const struct ep_unknown_piece *piece = learning->piece;
	const double unit_s = (double)EP_HEARD_TIME_SAMPLES / EP_SAMPLE_RATE;
	double start_at = piece->at + part->first * unit_s;
	struct told_play play = { .position = answer->best_position,
		                  .zero_at = start_at - answer->offset_s / answer->speed };
	struct last_plays *last;
	EP_TRY(last_plays_of(&last, learning, learning->number, err));
	if (was_told(last, play))
		return EP_OK;
	last->told[last->next] = play;
	last->next = (last->next + 1) % TOLD_PLAYS;
	struct ep_change change = {
		.kind = EP_CHANGE_PLAYED,
		.play = { .stream = learning->number,
		          .start_ms = ms_of(start_at),
		          .end_ms = ms_of(piece->at + (part->last + 1) * unit_s),
		          .offset_ms = (int32_t)ms_of(fmax(0, answer->offset_s)),
		          .score = (uint32_t)answer->score,
		          .track_id = answer->track_id,
		          .artist = answer->artist,
		          .release = answer->release,
		          .track = answer->track,
		          .fields = answer->fields },
	};
	return ep_recorder_add(learning->options.recorder, &change, err);
}

/* Learns a part of the piece at hand. */
static enum ep_status
learn_part(void *context, const struct ep_heard_part *part, struct ep_error *err)
{
	struct ep_learning *learning = context;
	const struct ep_unknown_piece *piece = learning->piece;
	struct ep_learnt learnt;
	size_t from = (size_t)part->first * EP_HEARD_TIME_SAMPLES;
	size_t end = ((size_t)part->last + 1) * EP_HEARD_TIME_SAMPLES;
	end = end < piece->count ? end : piece->count;
	if (from >= end)
		return EP_OK;
	EP_TRY(make_codes(&learning->part, learning, piece->samples + from, end - from, err));
	struct ep_learn learn = { .node = learning->options.node,
		                  .queries = learning->options.queries,
		                  .stream = learning->stream,
		                  .first_ms = part->before_ms,
		                  .seconds = (uint32_t)((end - from) / EP_SAMPLE_RATE),
		                  .may_loop = part->one_stretch,
		                  .pairs = &learning->part };
	ep_arena_reset(&learning->texts);
	EP_TRY(ep_learn_track(&learnt, &learning->texts, &learn, err));
	if (learnt.id[0])
		say_learnt(learning, learnt.id, learn.seconds);
	return learnt.known.match ? note_play(learning, part, &learnt.known, err) : EP_OK;
}

enum ep_status
ep_learning_take(struct ep_learning *learning, struct ep_text stream, uint32_t number,
                 const struct ep_unknown_piece *piece, struct ep_error *err)
{
	struct ep_heard_piece heard = { .stream = stream,
		                        .stretch_ms = ms_of(piece->stretch_at),
		                        .begin_ms = ms_of(piece->at),
		                        .pairs = &learning->pairs };
	learning->stream = stream;
	learning->number = number;
	learning->piece = piece;
	EP_TRY(make_codes(&learning->pairs, learning, piece->samples, piece->count, err));
	EP_TRY(ep_heard_before(learning->heard, &heard, learn_part, learning, err));
	return ep_heard_keep(learning->heard, &heard, err);
}

enum ep_status
ep_learning_open(struct ep_learning **out, const struct ep_learning_options *options,
                 struct ep_error *err)
{
	EP_OWNED(ep_learning_close)
	struct ep_learning *learning = calloc(1, sizeof *learning);
	if (!learning)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	learning->options = *options;
	EP_TRY(ep_heard_open(&learning->heard, ep_node_options(options->node)->folder,
	                     ep_node_options(options->node)->map_size, err));
	EP_TRY(ep_generator_new(&learning->generator, ep_generator_best(), err));
	*out = EP_TAKE(learning);
	return EP_OK;
}

void
ep_learning_close(struct ep_learning *learning)
{
	if (!learning)
		return;
	ep_heard_close(learning->heard);
	ep_generator_free(learning->generator);
	ep_pairs_free(&learning->pairs);
	ep_pairs_free(&learning->part);
	ep_arena_free(&learning->texts);
	free(learning->plays);
	free(learning);
}
