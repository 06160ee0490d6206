/* ask.h - questions answered on all cores, in the order in which they are asked */
#ifndef EP_NODE_ASK_H
#define EP_NODE_ASK_H

#include "code/pairs.h"
#include "match/match.h"
#include "node/node.h"
#include "node/query_input.h"

#include <jansson.h>

/* A question and what became of it. */
struct ep_asked {
	struct ep_question question;
	struct ep_pairs pairs;
	struct ep_answer answer; /* its texts are in: */
	struct ep_buffer texts;
	bool undecoded; /* the question is no code string, or no sound */
	double ms; /* what it took */
};

/* How much faster or slower than its track a query may be, in per cent: by default, and at most. */
#define EP_ASK_SPEED_DEFAULT 2
#define EP_ASK_SPEED_MOST 6

struct ep_ask_options {
	const char **questions; /* each a code string, the name of a file, or "-" (query_input.h) */
	size_t count;
	const struct ep_engines *engines; /* NULL: the index of the node */
	bool original; /* decided by the rule of 2011, which needs no index */
	double speed_percent; /* 0 to EP_ASK_SPEED_MOST; not of the rule of 2011 */
	const atomic_bool *stop; /* may be NULL */
	/* Told in a line which question cannot be decoded, and why; from any thread. */
	void (*on_line)(void *context, const char *line);
	/* Told the next answers, one after the other in the order asked; they are good until it
	 * returns. What it fails with ends all. */
	enum ep_status (*on_answers)(void *context, const struct ep_asked *asked, size_t count,
	                             struct ep_error *err);
	void *context;
};

/* Answers all questions. The node is open, its index need not be; with engines there need not be
 * one (NULL). EP_BAD_INPUT, EP_CORRUPT, EP_IO,
 * EP_INTERRUPTED, EP_NO_MEMORY, EP_UNREACHABLE (of an engine), as ep_node_open_index, and what
 * on_answers fails with. */
EP_MUST_USE enum ep_status ep_ask(struct ep_node *node, const struct ep_ask_options *options,
                                  struct ep_error *err);

/* An answer as the original's object (answer.h); NULL when there is no memory. */
json_t *ep_asked_json(const struct ep_asked *asked, bool original);

#endif
