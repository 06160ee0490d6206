/* names.h - who made a song, and what it is called
 *
 * Songs come in albums, some artists have many, and some names hold what is difficult: quotes,
 * commas, letters beyond ASCII, nothing at all.
 */
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include <stdint.h>

#define NAME_SIZE 160

/* Texts ended by NUL. */
struct names {
	char track_id[32];
	char artist[NAME_SIZE];
	char release[NAME_SIZE];
	char track[NAME_SIZE];
};

/* The names of song `number` of the songs of a seed. Ids of different numbers differ. */
void names_make(struct names *names, uint64_t seed, uint64_t number);

#endif
