#include "store/local.h"

enum { NO = 1, YES = 2, ANY = ~0U >> 1 };
enum {
	PUTS = EP_LOCAL_ROWS | EP_LOCAL_CSV,
	GONE = EP_LOCAL_NOTHING | EP_LOCAL_DELETED,
	ON_TRACK = EP_LOCAL_DELETE | EP_LOCAL_LINK | EP_LOCAL_EDIT,
	CHOOSES = EP_LOCAL_ACCEPT | EP_LOCAL_EDIT
};

/* clang-format off */
const struct ep_local_line ep_local_lines[EP_LOCAL_LINES] = {
	/* acts                     there             contents          own  csv  follows outcome */
	{ PUTS,                      EP_LOCAL_NOTHING, ANY,              ANY, ANY, ANY, EP_LOCAL_STANDS },
	{ PUTS,                      ANY,              EP_LOCAL_EQUAL,   ANY, ANY, ANY, EP_LOCAL_UNCHANGED },
	{ EP_LOCAL_CSV,              ANY,              EP_LOCAL_EARLIER, ANY, ANY, ANY, EP_LOCAL_UNCHANGED },
	{ EP_LOCAL_ROWS,             EP_LOCAL_DELETED, ANY,              ANY, ANY, ANY, EP_LOCAL_STANDS },
	{ EP_LOCAL_ROWS,             EP_LOCAL_LIVE,    ANY,              YES, ANY, ANY, EP_LOCAL_STANDS },
	{ EP_LOCAL_CSV,              ANY,              ANY,              YES, YES, ANY, EP_LOCAL_STANDS },
	{ PUTS,                      ANY,              ANY,              ANY, ANY, ANY, EP_LOCAL_ASIDE },
	{ ON_TRACK,                  GONE,             ANY,              ANY, ANY, ANY, EP_LOCAL_MISSING },
	{ ON_TRACK | EP_LOCAL_ACCEPT, EP_LOCAL_LIVE,   ANY,              NO,  ANY, YES, EP_LOCAL_FOREIGN },
	{ CHOOSES,                   ANY,              EP_LOCAL_EQUAL,   ANY, ANY, ANY, EP_LOCAL_UNCHANGED },
	{ ANY,                       ANY,              ANY,              ANY, ANY, ANY, EP_LOCAL_STANDS },
};
/* clang-format on */

static unsigned
bit(bool yes)
{
	return yes ? YES : NO;
}

const struct ep_local_line *
ep_decide_local(const struct ep_local *local)
{
	const struct ep_local_line *line = ep_local_lines;
	while (!(line->acts & local->act) || !(line->there & local->there) ||
	       !(line->contents & local->contents) || !(line->own & bit(local->own)) ||
	       !(line->csv & bit(local->csv)) || !(line->follows & bit(local->follows)))
		line++;
	return line;
}
