#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t
ep_time_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

double
ep_time_exact(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
ep_time_print(char text[EP_TIME_TEXT], int64_t moment)
{
	if (moment < EP_TIME_FIRST)
		moment = EP_TIME_FIRST;
	if (moment > EP_TIME_LAST)
		moment = EP_TIME_LAST;
	time_t seconds = (time_t)moment;
	struct tm utc;
	gmtime_r(&seconds, &utc);
	char wide[80]; /* the compiler cannot know that the year has four digits */
	snprintf(wide, sizeof wide, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900,
	         utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
	memcpy(text, wide, EP_TIME_TEXT - 1);
	text[EP_TIME_TEXT - 1] = '\0';
}

static bool
digits(int *value, const char *at, int count)
{
	*value = 0;
	for (int i = 0; i < count; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*value = *value * 10 + (at[i] - '0');
	}
	return true;
}

bool
ep_time_parse(int64_t *moment, struct ep_text text)
{
	struct tm utc = { 0 };
	const char *at = text.at;
	if (text.size != EP_TIME_TEXT - 1 || !digits(&utc.tm_year, at, 4) || at[4] != '-' ||
	    !digits(&utc.tm_mon, at + 5, 2) || at[7] != '-' || !digits(&utc.tm_mday, at + 8, 2) ||
	    at[10] != 'T' || !digits(&utc.tm_hour, at + 11, 2) || at[13] != ':' ||
	    !digits(&utc.tm_min, at + 14, 2) || at[16] != ':' || !digits(&utc.tm_sec, at + 17, 2) ||
	    at[19] != 'Z')
		return false;
	utc.tm_year -= 1900;
	utc.tm_mon -= 1;
	int64_t seconds = timegm(&utc);
	/* timegm takes a 30th of February for a 2nd of March: the text must come back. */
	char again[EP_TIME_TEXT];
	ep_time_print(again, seconds);
	if (memcmp(again, at, EP_TIME_TEXT - 1) != 0)
		return false;
	*moment = seconds;
	return true;
}

double
ep_clock_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
