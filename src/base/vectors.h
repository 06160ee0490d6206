/* vectors.h - which sets of vector instructions this processor has
 *
 * For kernels, which are compiled for several sets and chosen when the program runs.
 */
#ifndef EP_BASE_VECTORS_H
#define EP_BASE_VECTORS_H

#include <stdbool.h>

#if defined(__x86_64__)
static inline bool
ep_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#endif

#endif
