/* time.h - moments as the original writes them, and a clock for durations
 *
 * A moment is in whole seconds since 1970-01-01T00:00:00Z, as text "YYYY-MM-DDThh:mm:ssZ".
 */
#ifndef EP_BASE_TIME_H
#define EP_BASE_TIME_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a moment's text with its NUL. */
#define EP_TIME_TEXT 21

/* The moments that have a text: the years 0 to 9999. */
#define EP_TIME_FIRST INT64_C(-62167219200)
#define EP_TIME_LAST INT64_C(253402300799)

/* Now, by the system's clock, which may be wrong and may be set back: for showing, not for
 * deciding. */
int64_t ep_time_now(void);

/* The same with fractions. */
double ep_time_exact(void);

/* Writes moment as text, ended by NUL. What has no text is written as the nearest that has. */
void ep_time_print(char text[EP_TIME_TEXT], int64_t moment);

/* Reads a moment; false if the text is not a valid one (such as second 60 or 30 February). */
bool ep_time_parse(int64_t *moment, struct ep_text text);

/* Seconds on a clock that only goes forward, from an arbitrary start. */
double ep_clock_s(void);

#endif
