/* Which changes without a history stand: every line of the table, and every case. */
#include "store/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
each_case(void (*check)(const struct ep_local *local, void *context), void *context)
{
	for (unsigned act = EP_LOCAL_ROWS; act <= EP_LOCAL_EDIT; act *= 2)
		for (unsigned there = EP_LOCAL_NOTHING; there <= EP_LOCAL_LIVE; there *= 2)
			for (unsigned has = EP_LOCAL_EQUAL; has <= EP_LOCAL_OTHER; has *= 2)
				for (unsigned facts = 0; facts < 8; facts++) {
					struct ep_local local = {
						.act = (enum ep_local_act)act,
						.there = (enum ep_local_there)there,
						.contents = (enum ep_local_contents)has,
						.own = facts & 1,
						.csv = facts & 2,
						.follows = facts & 4,
					};
					check(&local, context);
				}
}

/* The same in words, as docs/replication.md has them. */
static enum ep_local_outcome
rows(const struct ep_local *local)
{
	bool user = local->act == EP_LOCAL_ROWS;
	if (local->there == EP_LOCAL_NOTHING)
		return EP_LOCAL_STANDS;
	if (local->contents == EP_LOCAL_EQUAL || (!user && local->contents == EP_LOCAL_EARLIER))
		return EP_LOCAL_UNCHANGED;
	if (user && (local->own || local->there == EP_LOCAL_DELETED))
		return EP_LOCAL_STANDS;
	return !user && local->own && local->csv ? EP_LOCAL_STANDS : EP_LOCAL_ASIDE;
}

static enum ep_local_outcome
in_words(const struct ep_local *local)
{
	bool live = local->there == EP_LOCAL_LIVE;
	bool accept = local->act == EP_LOCAL_ACCEPT;
	if (local->act == EP_LOCAL_ROWS || local->act == EP_LOCAL_CSV)
		return rows(local);
	if (!accept && !live)
		return EP_LOCAL_MISSING;
	if (live && !local->own && local->follows)
		return EP_LOCAL_FOREIGN;
	bool chooses = accept || local->act == EP_LOCAL_EDIT;
	return chooses && local->contents == EP_LOCAL_EQUAL ? EP_LOCAL_UNCHANGED : EP_LOCAL_STANDS;
}

static void
check_words(const struct ep_local *local, void *context)
{
	(void)context;
	assert_int_equal(ep_decide_local(local)->outcome, in_words(local));
}

static void
the_table_says_what_the_page_says(void **state)
{
	(void)state;
	each_case(check_words, NULL);
}

static void
count(const struct ep_local *local, void *context)
{
	size_t *cases = context;
	cases[ep_decide_local(local) - ep_local_lines]++;
}

static void
every_line_of_the_table_decides_a_case(void **state)
{
	(void)state;
	size_t cases[EP_LOCAL_LINES] = { 0 };
	each_case(count, cases);
	for (size_t i = 0; i < EP_LOCAL_LINES; i++)
		assert_true(cases[i] > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_says_what_the_page_says),
		cmocka_unit_test(every_line_of_the_table_decides_a_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
