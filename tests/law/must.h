/* must.h - how a law says that it does not hold: the fuzzer and the replay see the program end */
#ifndef EP_TESTS_LAW_MUST_H
#define EP_TESTS_LAW_MUST_H

#include <stdbool.h>
#include <stdlib.h>

static inline void
must(bool holds)
{
	if (!holds)
		abort();
}

#endif
