/* host.h - what hosts of the library share in tests: they see echoprint.h and nothing else */
#ifndef EP_TESTS_LIBRARY_HOST_H
#define EP_TESTS_LIBRARY_HOST_H

#include <echoprint.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A sanitizer has not the addresses for several large maps. */
#define HOST_MAP ((uint64_t)1 << 30)

#define HOST_FOLDER 32

/* Of a function of the library: it succeeds, or the test ends. */
#define HOST_NEEDS(call)                                                              \
	do {                                                                          \
		enum echoprint_status host_status = (call);                           \
		if (host_status != ECHOPRINT_OK) {                                    \
			fprintf(stderr, "%s:%d: status %d: %s\n", __FILE__, __LINE__, \
			        (int)host_status, host_error.text);                   \
			abort();                                                      \
		}                                                                     \
	} while (0)

/* Of the thread at hand. */
static _Thread_local struct echoprint_error host_error;

static inline void
host_make_folder(char folder[HOST_FOLDER])
{
	const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(folder, HOST_FOLDER, "%s/ep-library-XXXXXX", place);
	if (!mkdtemp(folder))
		abort();
}

static inline int
host_remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void
host_remove_folder(const char *folder)
{
	(void)nftw(folder, host_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct echoprint_db *
host_open(const char *folder, int mode)
{
	struct echoprint_open_options options = { .size = sizeof options,
		                                  .mode = mode,
		                                  .map_size = HOST_MAP };
	struct echoprint_db *db = NULL;
	HOST_NEEDS(echoprint_open(&db, folder, &options, &host_error));
	return db;
}

/* Music of a kind: tones that begin at random and fade; the same of the same seed. For free(). */
static inline int16_t *
host_make_sound(unsigned seed, size_t seconds, size_t *count)
{
	*count = seconds * ECHOPRINT_SAMPLE_RATE;
	int16_t *samples = calloc(*count, sizeof *samples);
	uint64_t state = seed * UINT64_C(2654435769) + 1;
	if (!samples)
		abort();
	for (size_t at = 0; at < *count;) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		double step = 2 * 3.14159265358979 * (100 + (double)(state >> 52)) /
		              ECHOPRINT_SAMPLE_RATE;
		for (size_t i = 0; i < ECHOPRINT_SAMPLE_RATE && at + i < *count; i++)
			samples[at + i] =
				(int16_t)(samples[at + i] / 2 +
			                  9000 * exp(-(double)i / 2500) * sin(step * (double)i));
		at += 600 + (size_t)(state >> 33) % 3000;
	}
	return samples;
}

/* Ingests the sound of a seed under an id. */
static inline void
host_ingest(struct echoprint_db *db, const char *id, unsigned seed, size_t seconds)
{
	size_t count;
	int16_t *samples = host_make_sound(seed, seconds, &count);
	struct echoprint_codes *codes;
	HOST_NEEDS(echoprint_codegen_samples(&codes, samples, count, 0, &host_error));
	struct echoprint_song song = { .size = sizeof song,
		                       .track_id = id,
		                       .pairs = codes->pairs,
		                       .pair_count = codes->count,
		                       .length_s = codes->length_s,
		                       .artist = "Artist",
		                       .track = id };
	HOST_NEEDS(echoprint_ingest_songs(NULL, db, &song, 1, NULL, &host_error));
	echoprint_codes_free(codes);
	free(samples);
}

/* Whether 20 s of the sound of a seed are found as the track of an id. */
static inline int
host_finds(struct echoprint_db *db, const char *id, unsigned seed)
{
	size_t count;
	int16_t *samples = host_make_sound(seed, 40, &count);
	struct echoprint_answer *answer;
	HOST_NEEDS(echoprint_query_samples(&answer, db, samples + 10 * ECHOPRINT_SAMPLE_RATE,
	                                   20 * ECHOPRINT_SAMPLE_RATE, NULL, &host_error));
	int found = answer->match && strcmp(answer->track_id, id) == 0 &&
	            fabs(answer->offset_s - 10) < 0.2;
	echoprint_answer_free(answer);
	free(samples);
	return found;
}

#endif
