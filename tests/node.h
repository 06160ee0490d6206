/* node.h - a log in a folder of its own, and songs made up: for tests of what follows the log */
#ifndef EP_TESTS_NODE_H
#define EP_TESTS_NODE_H

#include "code/cut.h"
#include "code/onset/onset.h"
#include "store/log.h"
#include "tests/must.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* xorshift64*: the same numbers from the same state, which is not 0. */
static inline uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static inline uint32_t
random_below(uint64_t *state, uint32_t end)
{
	return (uint32_t)(next_random(state) >> 32) % end;
}

struct node {
	char folder[40];
	struct ep_log *log;
	struct ep_codes_coder *coder;
};

static inline void
node_open(struct node *node)
{
	/* In memory where that is possible: every change is synced. */
	bool memory = access("/dev/shm", W_OK) == 0;
	strcpy(node->folder, memory ? "/dev/shm/ep-node-XXXXXX" : "/tmp/ep-node-XXXXXX");
	must(mkdtemp(node->folder) != NULL);
	needs(ep_log_open(&node->log, node->folder, EP_LOG_MAKE, NULL));
	needs(ep_codes_coder_new(&node->coder, EP_CODES_ONSET, NULL));
}

static inline int
node_remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void
node_close(struct node *node)
{
	ep_codes_coder_free(node->coder);
	ep_log_close(node->log);
	nftw(node->folder, node_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- songs ---- */

/* The codes of onsets at random, as the code generator makes them: some 5 a second and band. */
static inline void
song_of_onsets(struct ep_pairs *pairs, uint64_t seed, uint32_t times)
{
	struct ep_onsets onsets = { 0 };
	struct ep_onset_emitter emitter = { 0 };
	uint64_t state = seed * 2 + 1;
	for (int band = 0; band < EP_ONSET_BANDS; band++) {
		uint32_t time = random_below(&state, 40);
		while (time < times) {
			if (onsets.count == onsets.capacity)
				needs(ep_onsets_grow(&onsets, NULL));
			onsets.items[onsets.count++] = (struct ep_onset){ .time = time };
			time += EP_ONSET_GAP_MIN + random_below(&state, 50);
		}
		onsets.end[band] = onsets.count;
	}
	pairs->count = 0;
	needs(ep_onset_emit(pairs, &emitter, &onsets,
	                    (struct ep_window){ 0, (uint32_t)EP_TIME_MAX + 1 }, NULL));
	ep_onset_emitter_done(&emitter);
	ep_onsets_free(&onsets);
}

/* Codes at random, which no onsets explain; in canonical order. */
static inline void
song_of_noise(struct ep_pairs *pairs, uint64_t seed, uint32_t times)
{
	uint64_t state = seed * 2 + 1;
	pairs->count = 0;
	needs(ep_pairs_reserve(pairs, times, NULL));
	for (uint32_t time = 0; time < times; time += 1 + random_below(&state, 4))
		pairs->items[pairs->count++] =
			(struct ep_pair){ .code = random_below(&state, 1 << 20), .time = time };
}

/* The pairs of a song from a time on, as a query; one in `loss` is left out, where that is not 0.
 */
static inline void
excerpt(struct ep_pairs *query, const struct ep_pairs *song, uint32_t from, uint32_t times,
        uint32_t loss, uint64_t *state)
{
	query->count = 0;
	needs(ep_pairs_reserve(query, song->count, NULL));
	for (size_t i = 0; i < song->count; i++) {
		struct ep_pair pair = song->items[i];
		if (pair.time < from || pair.time - from >= times ||
		    (loss && random_below(state, loss) == 0))
			continue;
		pair.time -= from;
		query->items[query->count++] = pair;
	}
}

/* ---- changes ---- */

/* Puts a song of a source, cut into documents as an ingest does, in a transaction of its own; title
 * tells versions apart that have the same codes. */
static inline void
node_put_from(struct node *node, const char *source, const char *id, struct ep_pairs *pairs,
              const char *title)
{
	EP_CUT struct ep_cut cut = { 0 };
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_log_write *write;
	struct ep_put_counts counts = { 0 };
	needs(ep_cut_documents(&cut, pairs, 100, NULL));
	struct ep_document rows[100];
	char suffixes[100][24];
	for (size_t i = 0; i < cut.count; i++) {
		snprintf(suffixes[i], sizeof suffixes[i], "-%zu", i);
		rows[i] = (struct ep_document){ .suffix = ep_text_of(suffixes[i]),
			                        .codever = ep_text_of("4.12"),
			                        .codes = cut.documents[i],
			                        .length = ep_text_of("60"),
			                        .artist = ep_text_of("artist"),
			                        .release = ep_text_of(""),
			                        .track = ep_text_of(title) };
	}
	struct ep_track track = { .id = ep_text_of(id), .documents = rows, .count = cut.count };
	needs(ep_entry_put_body(&body, NULL, &track, node->coder, NULL));
	struct ep_put put = { .track = &track, .body = ep_buffer_bytes(&body), .whole = true };
	ep_track_hash(&put.hash, &track);
	needs(ep_log_write_begin(&write, node->log, NULL));
	needs(ep_log_source(&put.source, write, ep_text_of(source), NULL));
	needs(ep_log_put(write, &put, &counts, NULL));
	needs(ep_log_commit(&write, NULL));
}

static inline void
node_put(struct node *node, const char *id, struct ep_pairs *pairs, const char *title)
{
	node_put_from(node, "local", id, pairs, title);
}

/* Deletes a track, if it is there. */
static inline void
node_delete(struct node *node, const char *id)
{
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, node->log, NULL));
	enum ep_status status = ep_log_delete(write, ep_text_of(id), 1000, NULL);
	if (status != EP_NOT_FOUND)
		needs(status);
	needs(ep_log_commit(&write, NULL));
}

#endif
