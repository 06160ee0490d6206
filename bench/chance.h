/* chance.h - random numbers of which every song has its own row, whoever makes it and when */
#ifndef BENCH_CHANCE_H
#define BENCH_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
	uint64_t state;
};

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t
chance_mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

/* The row of a thing: the same for the same seed, kind of thing and number. */
static inline struct chance
chance_of(uint64_t seed, uint64_t kind, uint64_t number)
{
	return (struct chance){ chance_mix(chance_mix(seed * 64 + kind) + number) };
}

static inline uint64_t
chance_next(struct chance *chance)
{
	chance->state += 0x9e3779b97f4a7c15u;
	return chance_mix(chance->state);
}

/* A number from 0 up to, not including, end; end is at most 2^32. */
static inline uint32_t
chance_below(struct chance *chance, uint64_t end)
{
	return (uint32_t)((chance_next(chance) >> 32) * end >> 32);
}

/* True this many times of 1000. */
static inline bool
chance_permille(struct chance *chance, uint32_t share)
{
	return chance_below(chance, 1000) < share;
}

#endif
