#include "net/stream/pace.h"

#include "sound/sound.h"

#include <math.h>

#define BACKOFF_MAX_S 300.0

void
ep_pace_begin(struct ep_pace *pace, bool live, double base)
{
	*pace = (struct ep_pace){ .live = live, .base = base };
}

/* Looks, once a minute, whether the clocks have parted. */
static void
set_right(struct ep_pace *pace, double now)
{
	double lead = pace->base + (double)pace->samples / EP_SOUND_RATE - now;
	if (lead > pace->lead)
		pace->lead = lead;
	if (now < pace->window_end && now > pace->window_end - 2 * EP_PACE_WINDOW_S)
		return;
	double drift = pace->lead - pace->first_lead;
	if (!pace->has_lead)
		pace->first_lead = pace->lead;
	else if (fabs(drift) > EP_PACE_DRIFT_S)
		pace->base -= drift;
	pace->has_lead = true;
	pace->window_end = now + EP_PACE_WINDOW_S;
	pace->lead = -INFINITY;
}

double
ep_pace_take(struct ep_pace *pace, uint64_t count, double now, double clock)
{
	if (!pace->begun) {
		pace->begun = true;
		pace->began = clock;
		pace->base = pace->live ? now : pace->base;
		pace->window_end = now + EP_PACE_WINDOW_S;
		pace->lead = -INFINITY;
	}
	double at = pace->base + (double)pace->samples / EP_SOUND_RATE;
	pace->samples += count;
	if (pace->live)
		set_right(pace, now);
	return at;
}

void
ep_pace_skip(struct ep_pace *pace, double seconds)
{
	if (pace->begun && seconds > 0)
		pace->samples += (uint64_t)(seconds * EP_SOUND_RATE);
}

double
ep_pace_ahead(const struct ep_pace *pace, double clock)
{
	return pace->begun ? (double)pace->samples / EP_SOUND_RATE - (clock - pace->began) : 0;
}

double
ep_backoff_s(unsigned failures, double random)
{
	double seconds = failures > 10 ? BACKOFF_MAX_S : ldexp(1, (int)failures - 1);
	if (seconds > BACKOFF_MAX_S)
		seconds = BACKOFF_MAX_S;
	return seconds * (0.75 + 0.5 * random);
}
