/* A lane takes one list after the other, cut into blocks; lists with the most bytes come first, so
 * that the lanes end at about the same time.
 *
 *     list:   size text size text ...        (next_piece)
 *     blocks: of 128 bytes, the last one filled up with zeros; in place where a text has a whole
 *             one, else put together in the lane     (next_block)
 */
#include "base/hash_many.h"

#include "base/bytes.h"
#include "base/vectors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* BLAKE2b-256 without a key, as a word of parameters. */
#define PARAMETERS (0x01010000u + EP_HASH_SIZE)

/* So many lists are hashed one by one faster. */
#define FEW 2

#define ROUNDS 12

static const uint64_t initial[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

/* ---- kernels ---- */

#if defined(__x86_64__)
/* Which words of the block a round takes, in the order in which it takes them. */
static const uint8_t order[ROUNDS][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
};

#define ROTATE(x, n) ((x) >> (n) | (x) << (64 - (n)))

#define MIX(a, b, c, d, one, two)               \
	do {                                    \
		v[a] += v[b] + (one);           \
		v[d] = ROTATE(v[d] ^ v[a], 32); \
		v[c] += v[d];                   \
		v[b] = ROTATE(v[b] ^ v[c], 24); \
		v[a] += v[b] + (two);           \
		v[d] = ROTATE(v[d] ^ v[a], 16); \
		v[c] += v[d];                   \
		v[b] = ROTATE(v[b] ^ v[c], 63); \
	} while (0)

/* Vectors as GCC and clang have them, compiled for an instruction set each. */
#define KERNEL(NAME, LANES, TARGET)                                                        \
	typedef uint64_t NAME##_words __attribute__((vector_size(8 * LANES)));             \
                                                                                           \
	TARGET static void NAME(struct ep_hash_lanes *lanes, const uint8_t *const *blocks) \
	{                                                                                  \
		NAME##_words m[16];                                                        \
		NAME##_words v[16];                                                        \
		NAME##_words x;                                                            \
		for (size_t i = 0; i < 16; i++) {                                          \
			uint64_t row[LANES];                                               \
			for (size_t lane = 0; lane < LANES; lane++)                        \
				row[lane] = ep_load64(blocks[lane] + 8 * i);               \
			memcpy(&m[i], row, sizeof row);                                    \
		}                                                                          \
		for (size_t i = 0; i < 8; i++) {                                           \
			memcpy(&v[i], lanes->state[i], sizeof v[i]);                       \
			v[8 + i] = (NAME##_words){ 0 } + initial[i];                       \
		}                                                                          \
		memcpy(&x, lanes->taken, sizeof x);                                        \
		v[12] ^= x;                                                                \
		memcpy(&x, lanes->last, sizeof x);                                         \
		v[14] ^= x;                                                                \
		for (size_t i = 0; i < ROUNDS; i++) {                                      \
			const uint8_t *s = order[i];                                       \
			MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);                                \
			MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);                                \
			MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);                               \
			MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);                               \
			MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);                               \
			MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);                             \
			MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);                              \
			MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);                              \
		}                                                                          \
		for (size_t i = 0; i < 8; i++) {                                           \
			memcpy(&x, lanes->state[i], sizeof x);                             \
			x ^= v[i] ^ v[8 + i];                                              \
			memcpy(lanes->state[i], &x, sizeof x);                             \
		}                                                                          \
	}

KERNEL(avx2, 4, __attribute__((target("avx2"))))
KERNEL(avx512, 8, __attribute__((target("avx512f,avx512vl"))))

static bool
has_avx512(void)
{
	return ep_has_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512vl");
}

static const struct {
	struct ep_hash_kernel kernel;
	bool (*supported)(void);
} all[] = {
	{ { "AVX2", 4, avx2 }, ep_has_avx2 },
	{ { "AVX-512", 8, avx512 }, has_avx512 },
};

const struct ep_hash_kernel *
ep_hash_kernel(size_t index)
{
	bool there = index < sizeof all / sizeof *all && all[index].supported();
	return there ? &all[index].kernel : NULL;
}
#else
const struct ep_hash_kernel *
ep_hash_kernel(size_t index)
{
	(void)index;
	return NULL;
}
#endif

/* ---- lists ---- */

/* Where a lane stands in its list. */
struct lane {
	const struct ep_hash_list *list; /* NULL: there is none left */
	const struct ep_text *next; /* whose size comes after the piece at hand */
	struct ep_text text; /* which comes after it if it is a size; else empty */
	struct ep_text piece; /* what is left of the one at hand */
	uint64_t left; /* bytes of the list */
	char size[4];
	uint8_t block[EP_HASH_BLOCK];
};

static uint64_t
list_size(const struct ep_hash_list *list)
{
	uint64_t size = 0;
	for (size_t i = 0; i < list->count; i++)
		size += sizeof(uint32_t) + list->texts[i].size;
	return size;
}

/* Goes on to the next piece, which may be empty; there is one. */
static void
next_piece(struct lane *lane)
{
	if (lane->text.size > 0) {
		lane->piece = lane->text;
		lane->text.size = 0;
		return;
	}
	uint8_t size[4];
	lane->text = *lane->next++;
	ep_store32(size, (uint32_t)lane->text.size);
	memcpy(lane->size, size, sizeof size);
	lane->piece = (struct ep_text){ lane->size, sizeof lane->size };
}

/* The next block of the list. The last one is followed by zeros. */
static const uint8_t *
next_block(struct lane *lane)
{
	size_t filled = 0;
	size_t wanted = lane->left < EP_HASH_BLOCK ? (size_t)lane->left : EP_HASH_BLOCK;
	lane->left -= wanted;
	while (filled < wanted) {
		if (lane->piece.size == 0)
			next_piece(lane);
		const char *at = lane->piece.at;
		size_t size = wanted - filled;
		size = lane->piece.size < size ? lane->piece.size : size;
		lane->piece.at += size;
		lane->piece.size -= size;
		if (size == EP_HASH_BLOCK)
			return (const uint8_t *)at;
		memcpy(lane->block + filled, at, size);
		filled += size;
	}
	memset(lane->block + filled, 0, EP_HASH_BLOCK - filled);
	return lane->block;
}

struct work {
	const struct ep_hash_list *lists;
	size_t left; /* lists that no lane has taken */
	size_t busy; /* lanes */
	struct lane lane[EP_HASH_LANES_MAX];
	struct ep_hash_lanes lanes;
};

/* Has a lane begin the next list, if there is one. */
static void
begin_list(struct work *work, size_t number)
{
	struct lane *lane = &work->lane[number];
	*lane = (struct lane){ .list = NULL };
	if (work->left == 0)
		return;
	lane->list = work->lists++;
	work->left--;
	work->busy++;
	lane->next = lane->list->texts;
	lane->left = list_size(lane->list);
	for (size_t i = 0; i < 8; i++)
		work->lanes.state[i][number] = initial[i];
	work->lanes.state[0][number] ^= PARAMETERS;
	work->lanes.taken[number] = 0;
	work->lanes.last[number] = 0;
}

/* The next block of a lane, counted; of one without a list, any. */
static const uint8_t *
take_block(struct work *work, size_t number)
{
	struct lane *lane = &work->lane[number];
	uint64_t before = lane->left;
	const uint8_t *block = next_block(lane);
	work->lanes.taken[number] += before - lane->left;
	if (lane->left == 0)
		work->lanes.last[number] = UINT64_MAX;
	return block;
}

static void
end_list(struct work *work, size_t number)
{
	struct ep_hash *hash = work->lane[number].list->hash;
	for (size_t i = 0; i < EP_HASH_SIZE / 8; i++)
		ep_store64(hash->bytes + 8 * i, work->lanes.state[i][number]);
	work->busy--;
}

static int
compare_sizes(const void *one, const void *other)
{
	uint64_t first = list_size(one);
	uint64_t second = list_size(other);
	return (first < second) - (first > second);
}

void
ep_hash_lists_by(const struct ep_hash_kernel *kernel, struct ep_hash_list *lists, size_t count)
{
	struct work work = { .lists = lists, .left = count };
	if (count > 1)
		qsort(lists, count, sizeof *lists, compare_sizes);
	for (size_t i = 0; i < kernel->lanes; i++)
		begin_list(&work, i);
	while (work.busy > 0) {
		const uint8_t *blocks[EP_HASH_LANES_MAX];
		for (size_t i = 0; i < kernel->lanes; i++)
			blocks[i] = take_block(&work, i);
		kernel->compress(&work.lanes, blocks);
		for (size_t i = 0; i < kernel->lanes; i++) {
			if (!work.lane[i].list || work.lane[i].left > 0)
				continue;
			end_list(&work, i);
			begin_list(&work, i);
		}
	}
}

static void
hash_one(const struct ep_hash_list *list)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	for (size_t i = 0; i < list->count; i++)
		ep_hasher_add_text(&hasher, list->texts[i]);
	ep_hasher_done(list->hash, &hasher);
}

void
ep_hash_lists(struct ep_hash_list *lists, size_t count)
{
	const struct ep_hash_kernel *best = ep_hash_kernel(0);
	for (size_t i = 1; ep_hash_kernel(i); i++)
		best = ep_hash_kernel(i);
	if (best && count > FEW) {
		ep_hash_lists_by(best, lists, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		hash_one(&lists[i]);
}
