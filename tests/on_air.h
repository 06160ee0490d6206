/* on_air.h - what a monitor works with, in a test: a node that knows songs, which are made up as
 * samples, a log of plays and who writes it */
#ifndef EP_TESTS_ON_AIR_H
#define EP_TESTS_ON_AIR_H

#include "generator/generator.h"
#include "monitor/recorder.h"
#include "node/query_service.h"
#include "tests/one_node.h"

#include <math.h>
#include <time.h>

static struct ep_node *open_node;
static struct ep_plays *plays;
static struct ep_query_service *queries;
static struct ep_recorder *recorder;

/* ---- songs ---- */

/* Notes of decaying tones, five a second. */
static inline void
compose(int16_t *samples, size_t count, uint64_t seed)
{
	size_t note = EP_SAMPLE_RATE / 5;
	uint64_t state = seed * 2 + 1;
	double pitch = 0;
	for (size_t i = 0; i < count; i++) {
		size_t at = i % note;
		if (at == 0)
			pitch = 80 + random_below(&state, 2000);
		double fade = exp(-6.0 * (double)at / (double)note);
		samples[i] = (int16_t)(9000 * fade *
		                       sin(6.2831853 * pitch * (double)at / EP_SAMPLE_RATE));
	}
}

/* Lets the node know a song, before go_on_air. */
static inline void
put_song(const char *id, const int16_t *samples, size_t count)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_generator *generator;
	needs(ep_generator_new(&generator, ep_generator_best(), NULL));
	needs(ep_generator_feed(generator, samples, count, NULL));
	needs(ep_generator_finish(&pairs, generator, NULL));
	ep_generator_free(generator);
	node_put(&node, id, &pairs, id);
}

/* ---- set-up ---- */

static inline void
on_service_line(void *context, bool detail, const char *line)
{
	(void)context, (void)detail;
	fprintf(stderr, "%s\n", line);
}

static inline void
on_recorder_line(void *context, const char *line)
{
	on_service_line(context, false, line);
}

static inline void
on_events(void *context)
{
	(void)context;
}

/* The log is open twice: a sanitizer has not the addresses for two large maps. */
#define TEST_MAP ((size_t)1 << 30)

/* Makes the node. */
static inline void
build_studio(void **state)
{
	(void)make_node(state);
}

/* Opens it and all else. */
static inline void
go_on_air(void)
{
	struct ep_node_options options = { .folder = node.folder,
		                           .mode = EP_LOG_WRITE,
		                           .map_size = TEST_MAP };
	struct ep_recorder_options record = { .on_line = on_recorder_line, .on_events = on_events };
	needs(ep_node_open(&open_node, &options, NULL));
	needs(ep_query_service_start(&queries, open_node, on_service_line, NULL, NULL));
	while (!ep_query_service_ready(queries))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	needs(ep_plays_open(&plays, node.folder, true, TEST_MAP, NULL));
	record.plays = plays;
	needs(ep_recorder_start(&recorder, &record, NULL));
}

static inline int
go_off_air(void **state)
{
	ep_recorder_stop(recorder);
	ep_plays_close(plays);
	ep_query_service_stop(queries);
	ep_node_close(open_node);
	return remove_node(state);
}

#endif
