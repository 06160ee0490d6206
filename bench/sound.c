/* Samples to codes, as fast as each instruction set does it.
 *
 * usage: sound_speed FILE...    (raw samples, mono, 11025 Hz, 16 bits, little-endian)
 * Prints a line of JSON for each: its name, seconds of sound, seconds of processor time. */
#include "generator/generator.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
cpu_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads a whole file; gives the number of samples. */
static size_t
read_samples(int16_t **samples, const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t count = 0;
	size_t room = 0;
	*samples = NULL;
	while (file && !feof(file)) {
		if (count == room) {
			room = room ? room * 2 : 1 << 20;
			int16_t *more = realloc(*samples, room * sizeof *more);
			if (!more)
				abort();
			*samples = more;
		}
		count += fread(*samples + count, sizeof **samples, room - count, file);
	}
	if (file)
		fclose(file);
	return count;
}

/* Generates codes of all files; gives the seconds of processor time, and those of sound. */
static double
measure(double *sound_s, const struct ep_generator_kernels *kernels, int count, char **paths)
{
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = NULL;
	double spent = 0;
	*sound_s = 0;
	if (ep_generator_new(&generator, kernels, NULL) != EP_OK)
		abort();
	for (int i = 0; i < count; i++) {
		EP_PAIRS struct ep_pairs pairs = { 0 };
		int16_t *samples;
		size_t size = read_samples(&samples, paths[i]);
		double began = cpu_s();
		ep_generator_start(generator, 0);
		if (ep_generator_feed(generator, samples, size, NULL) != EP_OK ||
		    ep_generator_finish(&pairs, generator, NULL) != EP_OK)
			abort();
		spent += cpu_s() - began;
		*sound_s += (double)size / EP_SAMPLE_RATE;
		free(samples);
	}
	return spent;
}

int
main(int argc, char **argv)
{
	for (size_t k = 0; ep_generator_kernels(k); k++) {
		double sound_s;
		double spent = measure(&sound_s, ep_generator_kernels(k), argc - 1, argv + 1);
		printf("{\"kernels\": \"%s\", \"sound_s\": %.1f, \"cpu_s\": %.3f}\n",
		       ep_generator_kernels(k)->name, sound_s, spent);
	}
	return 0;
}
