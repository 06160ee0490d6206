/* Replays a law on inputs without a fuzzer: every file of a corpus as it is and changed at random,
 * and random bytes.
 *
 * usage: replay MUTATIONS [FOLDER]   (the law is named at compile time: -DLAW=law_csv)
 */
#include "tests/must.h"

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX ((size_t)1 << 20)
#define RANDOM_MAX 512

void LAW(const uint8_t *bytes, size_t size);

static uint64_t state = 20111;

/* What the law is tried on, for who sees it fail. */
static char tried[4200];

/* xorshift64*: the same inputs in every run. */
static uint64_t
next_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

/* In a signal handler. */
static void
on_abort(int number)
{
	(void)number;
	(void)!write(STDERR_FILENO, tried, strlen(tried));
}

static void
try_input(const uint8_t *bytes, size_t size)
{
	/* A copy of the exact size, so that the sanitizer sees every byte read beyond it. */
	uint8_t *copy = malloc(size ? size : 1);
	must(copy != NULL);
	if (size)
		memcpy(copy, bytes, size);
	LAW(copy, size);
	free(copy);
}

/* Changes some bytes: flips, inserts, removes, repeats a stretch. */
static size_t
mutate(uint8_t *bytes, size_t size)
{
	for (uint64_t changes = 1 + next_random() % 6; changes && size > 0; changes--) {
		size_t at = next_random() % size;
		size_t length = 1 + next_random() % 16;
		if (length > size - at)
			length = size - at;
		switch (next_random() % 5) {
		case 0:
			bytes[at] ^= (uint8_t)(1U << next_random() % 8);
			break;
		case 1:
			bytes[at] = (uint8_t)next_random();
			break;
		case 2:
			memmove(bytes + at, bytes + at + length, size - at - length);
			size -= length;
			break;
		case 3:
			if (size + length > INPUT_MAX)
				break;
			memmove(bytes + at + length, bytes + at, size - at);
			size += length;
			break;
		default:
			memcpy(bytes + next_random() % (size - length + 1), bytes + at, 1);
			break;
		}
	}
	return size;
}

static void
replay_file(const char *path, long mutations)
{
	static uint8_t bytes[INPUT_MAX];
	static uint8_t changed[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	if (!file)
		return;
	size_t size = fread(bytes, 1, INPUT_MAX, file);
	fclose(file);
	snprintf(tried, sizeof tried, "in %s as it is\n", path);
	try_input(bytes, size);
	for (long i = 0; i < mutations; i++) {
		memcpy(changed, bytes, size);
		snprintf(tried, sizeof tried, "in %s, changed for the %ldth time\n", path, i + 1);
		try_input(changed, mutate(changed, size));
	}
}

static unsigned
replay_folder(const char *name, long mutations)
{
	unsigned files = 0;
	struct dirent **items = NULL;
	int count = scandir(name, &items, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", name, items[i]->d_name);
		if (items[i]->d_name[0] != '.') {
			replay_file(path, mutations);
			files++;
		}
		free(items[i]);
	}
	free(items);
	return files;
}

int
main(int argc, char **argv)
{
	signal(SIGABRT, on_abort);
	long mutations = argc > 1 ? atol(argv[1]) : 100;
	unsigned files = argc > 2 ? replay_folder(argv[2], mutations) : 0;
	uint8_t bytes[RANDOM_MAX];
	for (long i = 0; i < mutations * 10; i++) {
		size_t size = next_random() % (RANDOM_MAX + 1);
		for (size_t k = 0; k < size; k++)
			bytes[k] = (uint8_t)next_random();
		snprintf(tried, sizeof tried, "in the %ldth random input, of %zu bytes\n", i + 1,
		         size);
		try_input(bytes, size);
	}
	printf("the law holds for %u files of the corpus, %ld changes of each, and %ld random "
	       "inputs\n",
	       files, mutations, mutations * 10);
	return 0;
}
