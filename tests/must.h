/* must.h - what has to hold in a test, else the program says what does not, and where, and ends: a
 * fuzzer and the replay of a law see that, as does who runs a test that needs something */
#ifndef EP_TESTS_MUST_H
#define EP_TESTS_MUST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define must(holds) must_at((holds), __FILE__, __LINE__, #holds)

/* Of integers, statuses and bools: says what they are. */
#define must_equal(found, expected)                                                          \
	must_equal_at((long long)(found), (long long)(expected), __FILE__, __LINE__, #found, \
	              #expected)

/* What must not fail in a test, and is not what it tests. */
#define needs(call) must_equal(call, EP_OK)

static inline void
must_at(bool holds, const char *file, int line, const char *text)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, text);
	abort();
}

static inline void
must_equal_at(long long found, long long expected, const char *file, int line, const char *text,
              const char *expected_text)
{
	if (found == expected)
		return;
	fprintf(stderr, "%s:%d: this is %lld, and not %s, which is %lld: %s\n", file, line, found,
	        expected_text, expected, text);
	abort();
}

#endif
