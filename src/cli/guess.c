#include "cli/guess.h"

#include <stdbool.h>
#include <string.h>

#define NAME_MAX_LETTERS 32

/* How many letters are missing, superfluous, wrong, or swapped with a neighbour: the
 * Damerau-Levenshtein distance in which each letter is moved at most once. More than `size` if a
 * name is too long to be compared. */
static size_t
distance(const char *one, size_t size, const char *other)
{
	size_t rows[3][NAME_MAX_LETTERS + 1];
	size_t other_size = strlen(other);
	if (size > NAME_MAX_LETTERS || other_size > NAME_MAX_LETTERS)
		return size + 1;
	for (size_t j = 0; j <= other_size; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= size; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *above_that = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= other_size; j++) {
			size_t least = above[j - 1] + (one[i - 1] != other[j - 1]);
			least = above[j] + 1 < least ? above[j] + 1 : least;
			least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
			bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			               one[i - 2] == other[j - 1];
			if (swapped && above_that[j - 2] + 1 < least)
				least = above_that[j - 2] + 1;
			row[j] = least;
		}
	}
	return rows[size % 3][other_size];
}

void
ep_guess_consider(struct ep_guess *guess, const char *there_is)
{
	size_t far = distance(guess->name, guess->size, there_is);
	bool begins = guess->size > 1 && strncmp(there_is, guess->name, guess->size) == 0;
	far = begins ? 1 : far;
	size_t most = guess->size < 5 ? 1 : 2;
	if (far > most || (guess->meant && guess->distance <= far))
		return;
	guess->meant = there_is;
	guess->distance = far;
}
