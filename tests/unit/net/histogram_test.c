#include "net/histogram.h"

#include "tests/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct ep_histogram histogram;

static int
empty(void **state)
{
	(void)state;
	memset(&histogram, 0, sizeof histogram);
	return 0;
}

static const char *
printed(struct ep_buffer *out)
{
	out->size = 0;
	ep_histogram_append(out, "x_seconds", "What it is.", &histogram);
	needs(ep_buffer_append(out, "", 1, NULL));
	return (const char *)out->data;
}

static void
buckets_have_what_the_ones_before_have(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer out = { 0 };
	ep_histogram_observe(&histogram, 0.0004);
	ep_histogram_observe(&histogram, 0.0005);
	ep_histogram_observe(&histogram, 0.03);
	ep_histogram_observe(&histogram, 11);
	const char *text = printed(&out);
	assert_non_null(strstr(text, "# HELP echoprint_x_seconds What it is.\n"
	                             "# TYPE echoprint_x_seconds histogram\n"
	                             "echoprint_x_seconds_bucket{le=\"0.0005\"} 2\n"
	                             "echoprint_x_seconds_bucket{le=\"0.001\"} 2\n"));
	assert_non_null(strstr(text, "{le=\"0.025\"} 2\n"));
	assert_non_null(strstr(text, "{le=\"0.05\"} 3\n"));
	assert_non_null(strstr(text, "{le=\"10\"} 3\n"));
	assert_non_null(strstr(text, "{le=\"+Inf\"} 4\n"
	                             "echoprint_x_seconds_sum 11.030900\n"
	                             "echoprint_x_seconds_count 4\n"));
}

static void
a_clock_that_goes_back_counts_as_no_time(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer out = { 0 };
	ep_histogram_observe(&histogram, -3);
	assert_non_null(strstr(printed(&out), "echoprint_x_seconds_sum 0.000000\n"
	                                      "echoprint_x_seconds_count 1\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(buckets_have_what_the_ones_before_have, empty),
		cmocka_unit_test_setup(a_clock_that_goes_back_counts_as_no_time, empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
