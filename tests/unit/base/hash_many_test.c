/* Hashes made side by side are those of libsodium. */
#include "base/hash_many.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LISTS 200
#define TEXTS_MAX 12
#define BYTES ((size_t)1 << 16)

/* Sizes around those of a block, with the four bytes of a size before them, and any. */
static size_t
some_size(uint64_t random)
{
	static const size_t sizes[] = { 0, 1, 3, 4, 120, 123, 124, 125, 127, 128, 129, 252, 256 };
	if (random % 3 == 0)
		return (size_t)(random >> 8) % 5000;
	return sizes[(random >> 8) % (sizeof sizes / sizeof *sizes)];
}

struct input {
	char bytes[BYTES];
	struct ep_text texts[LISTS][TEXTS_MAX];
	struct ep_hash_list lists[LISTS];
	struct ep_hash hashes[LISTS];
	size_t counts[LISTS]; /* of texts; the lists change their order */
	uint64_t random;
};

static uint64_t
next_random(struct input *input)
{
	input->random = input->random * 6364136223846793005u + 1442695040888963407u;
	return input->random >> 20;
}

/* Lists of 0 to 12 texts that lie anywhere in the bytes. */
static void
fill(struct input *input, uint64_t seed)
{
	input->random = seed;
	for (size_t i = 0; i < BYTES; i++)
		input->bytes[i] = (char)next_random(input);
	for (size_t i = 0; i < LISTS; i++) {
		size_t count = (size_t)next_random(input) % (TEXTS_MAX + 1);
		for (size_t k = 0; k < count; k++) {
			size_t size = some_size(next_random(input));
			size_t at = (size_t)next_random(input) % (BYTES - size);
			input->texts[i][k] = (struct ep_text){ input->bytes + at, size };
		}
		input->counts[i] = count;
		input->lists[i] =
			(struct ep_hash_list){ input->texts[i], count, &input->hashes[i] };
	}
}

static void
check(const struct input *input, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ep_hasher hasher;
		struct ep_hash hash;
		ep_hasher_init(&hasher);
		for (size_t k = 0; k < input->counts[i]; k++)
			ep_hasher_add_text(&hasher, input->texts[i][k]);
		ep_hasher_done(&hash, &hasher);
		assert_memory_equal(&input->hashes[i], &hash, sizeof hash);
	}
}

static void
every_kernel_hashes_as_libsodium_does(void **state)
{
	(void)state;
	struct input *input = calloc(1, sizeof *input);
	assert_non_null(input);
	for (size_t index = 0; ep_hash_kernel(index); index++)
		for (uint64_t seed = 1; seed <= 20; seed++) {
			fill(input, seed);
			ep_hash_lists_by(ep_hash_kernel(index), input->lists, LISTS);
			check(input, LISTS);
		}
	free(input);
}

static void
any_number_of_lists_is_hashed(void **state)
{
	(void)state;
	struct input *input = calloc(1, sizeof *input);
	assert_non_null(input);
	for (size_t count = 0; count < 20; count++) {
		fill(input, 100 + count);
		ep_hash_lists(input->lists, count);
		check(input, count);
	}
	free(input);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kernel_hashes_as_libsodium_does),
		cmocka_unit_test(any_number_of_lists_is_hashed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
