#include "monitor/quiet.h"

#include "generator/generator.h"

#include <math.h>

static void
end_second(struct ep_quiet *quiet)
{
	double most = 32768.0 * 32768.0 * pow(10, EP_QUIET_DB / 10.0);
	quiet->silent_s = quiet->energy / EP_SAMPLE_RATE <= most ? quiet->silent_s + 1 : 0;
	quiet->energy = 0;
	quiet->count = 0;
}

void
ep_quiet_feed(struct ep_quiet *quiet, const int16_t *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		quiet->energy += (double)samples[i] * samples[i];
		if (++quiet->count == EP_SAMPLE_RATE)
			end_second(quiet);
	}
}
