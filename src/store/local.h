/* local.h - which changes stand that carry no history: of this node's user, and of CSV files
 *
 * States of other nodes are decided in decide.h. docs/replication.md has both in words.
 */
#ifndef EP_STORE_LOCAL_H
#define EP_STORE_LOCAL_H

#include <stdbool.h>
#include <stddef.h>

/* Who acts is this node's user, or the source of a CSV file. Values are bits, so that a line of the
 * table can name several. */
enum ep_local_act {
	EP_LOCAL_ROWS = 1, /* rows of the user */
	EP_LOCAL_CSV = 2, /* rows of a CSV file */
	EP_LOCAL_DELETE = 4,
	EP_LOCAL_LINK = 8, /* the track is a copy, or is no longer */
	EP_LOCAL_ACCEPT = 16, /* what was kept aside is to be the track */
	EP_LOCAL_EDIT = 32 /* the user gives the track other names or fields */
};
enum ep_local_there { EP_LOCAL_NOTHING = 1, EP_LOCAL_DELETED = 2, EP_LOCAL_LIVE = 4 };
enum ep_local_contents {
	EP_LOCAL_EQUAL = 1, /* what would come of it is what is there */
	EP_LOCAL_EARLIER = 2, /* it is what was there once */
	EP_LOCAL_OTHER = 4
};

/* An act on a track. */
struct ep_local {
	enum ep_local_act act;
	enum ep_local_there there;
	enum ep_local_contents contents; /* of rows, and of what was kept aside */
	bool own; /* the track's owner is who acts */
	bool csv; /* its last step was made from a CSV of who acts */
	bool follows; /* this node follows a master */
};

enum ep_local_outcome {
	EP_LOCAL_STANDS,
	EP_LOCAL_UNCHANGED,
	EP_LOCAL_ASIDE, /* the rows are kept aside: a conflict */
	EP_LOCAL_MISSING, /* there is no such track */
	EP_LOCAL_FOREIGN /* only the master may change it */
};

/* A line of the table: what it is for, in bits of the enums; of yes and no, 1 is no and 2 yes. */
struct ep_local_line {
	unsigned acts;
	unsigned there;
	unsigned contents;
	unsigned own;
	unsigned csv;
	unsigned follows;
	enum ep_local_outcome outcome;
};

/* The first line that fits decides; one always does. */
#define EP_LOCAL_LINES 11
extern const struct ep_local_line ep_local_lines[EP_LOCAL_LINES];
const struct ep_local_line *ep_decide_local(const struct ep_local *local);

#endif
