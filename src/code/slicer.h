/* slicer.h - finds slices of a code string while it is printed */
#ifndef EP_CODE_SLICER_H
#define EP_CODE_SLICER_H

#include "code/digits.h"

#include <stddef.h>
#include <stdint.h>

/* A stretch of time, first <= time < end, and where its pairs stand in a code string. */
struct ep_slice {
	uint32_t first;
	uint32_t end;
	size_t offset; /* of its first code, in bytes from the start of the code string */
	size_t size; /* up to the last digit of its last time; both are 0 without pairs */
};

/* The slices that a printer is in: those before `first` have started, those before `end` ended. A
 * new one has slices and count alone. */
struct ep_slicer {
	struct ep_slice *slices;
	size_t count;
	size_t first;
	size_t end;
};

/* Notes what starts and ends before the pairs of a time, which are printed at offset; UINT32_MAX
 * ends all. Times ascend. */
static inline void
ep_slicer_at(struct ep_slicer *slicer, uint32_t time, size_t offset)
{
	for (; slicer->first < slicer->count && slicer->slices[slicer->first].first <= time;
	     slicer->first++)
		slicer->slices[slicer->first].offset = offset;
	for (; slicer->end < slicer->first && slicer->slices[slicer->end].end <= time;
	     slicer->end++) {
		struct ep_slice *slice = &slicer->slices[slicer->end];
		if (offset > slice->offset)
			slice->size = offset - slice->offset - 1;
		else
			slice->offset = slice->size = 0;
	}
}

/* What stands behind a code: " 2147483647 ". */
#define EP_TIME_TEXT_MAX 16

/* Writes it to text; gives its size. What is behind may be overwritten. */
static inline size_t
ep_put_time(char text[EP_TIME_TEXT_MAX], uint32_t time)
{
	char wide[EP_TIME_TEXT_MAX + EP_PUT_SLACK] = " ";
	char *end = ep_put_number(wide + 1, time);
	*end++ = ' ';
	memcpy(text, wide, EP_TIME_TEXT_MAX);
	return (size_t)(end - wide);
}

#endif
