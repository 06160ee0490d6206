/* within.h - ranges for tests with cmocka, which calls its own macro differently from release 2 on
 */
#ifndef EP_TESTS_WITHIN_H
#define EP_TESTS_WITHIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* That an unsigned value is from first to last, both included. */
#define assert_within(value, first, last)                                                    \
	do {                                                                                 \
		uintmax_t within_value = (uintmax_t)(value);                                 \
		uintmax_t within_first = (uintmax_t)(first);                                 \
		uintmax_t within_last = (uintmax_t)(last);                                   \
		if (within_value < within_first || within_value > within_last)               \
			fail_msg("%s is %ju, and not from %ju to %ju", #value, within_value, \
			         within_first, within_last);                                 \
	} while (0)

#endif
