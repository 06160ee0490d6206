#include "net/histogram.h"

#include "net/metrics.h"

#include <inttypes.h>

/* Upper bounds in seconds, as they are printed, and in microseconds. */
static const struct {
	const char *text;
	uint64_t microseconds;
} bounds[EP_HISTOGRAM_BUCKETS] = {
	{ "0.0005", 500 },  { "0.001", 1000 },  { "0.0025", 2500 }, { "0.005", 5000 },
	{ "0.01", 10000 },  { "0.025", 25000 }, { "0.05", 50000 },  { "0.1", 100000 },
	{ "0.25", 250000 }, { "0.5", 500000 },  { "1", 1000000 },   { "2.5", 2500000 },
	{ "5", 5000000 },   { "10", 10000000 },
};

void
ep_histogram_observe(struct ep_histogram *histogram, double seconds)
{
	uint64_t microseconds = seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
	size_t i = 0;
	while (i < EP_HISTOGRAM_BUCKETS && microseconds > bounds[i].microseconds)
		i++;
	atomic_fetch_add(&histogram->counts[i], 1);
	atomic_fetch_add(&histogram->microseconds, microseconds);
}

void
ep_histogram_append(struct ep_buffer *out, const char *name, const char *help,
                    struct ep_histogram *histogram)
{
	uint64_t count = 0;
	ep_metrics_append(out, "# HELP echoprint_%s %s\n# TYPE echoprint_%s histogram\n", name,
	                  help, name);
	/* Each bucket has what the ones before it have, too. */
	for (size_t i = 0; i <= EP_HISTOGRAM_BUCKETS; i++) {
		count += atomic_load(&histogram->counts[i]);
		ep_metrics_append(out, "echoprint_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
		                  i < EP_HISTOGRAM_BUCKETS ? bounds[i].text : "+Inf", count);
	}
	uint64_t microseconds = atomic_load(&histogram->microseconds);
	ep_metrics_append(out,
	                  "echoprint_%s_sum %" PRIu64 ".%06" PRIu64 "\n"
	                  "echoprint_%s_count %" PRIu64 "\n",
	                  name, microseconds / 1000000, microseconds % 1000000, name, count);
}

double
ep_histogram_quantile(const uint64_t counts[EP_HISTOGRAM_BUCKETS + 1], double share)
{
	double all = 0;
	for (size_t i = 0; i <= EP_HISTOGRAM_BUCKETS; i++)
		all += (double)counts[i];
	double left = all * share;
	for (size_t i = 0; i < EP_HISTOGRAM_BUCKETS && all > 0; i++) {
		double low = i ? (double)bounds[i - 1].microseconds : 0;
		double high = (double)bounds[i].microseconds;
		double count = (double)counts[i];
		if (count > 0 && left <= count)
			return (low + (high - low) * left / count) / 1e6;
		left -= count;
	}
	return all > 0 ? (double)bounds[EP_HISTOGRAM_BUCKETS - 1].microseconds / 1e6 : 0;
}
