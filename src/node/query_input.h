/* query_input.h - what is asked: code strings of the command line, of lines, or of codegen JSON,
 * and audio files */
#ifndef EP_NODE_QUERY_INPUT_H
#define EP_NODE_QUERY_INPUT_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"

#include <stdatomic.h>

/* What one line may hold: 16 MiB. */
#define EP_QUESTION_MAX ((size_t)16 << 20)

/* One question; a zeroed struct is an empty one, to be filled again and again. */
struct ep_question {
	struct ep_buffer
		bytes; /* its code string, its JSON object, or the path of its file with NUL */
	bool is_sound;
	bool is_object;
	bool is_too_long; /* and was passed over */
	char name[64]; /* the subject of messages, such as "line 3" or "object 2" */
};

struct ep_query_input;

/* Begins with arguments[0..count), each a code string, the name of a file, or "-". Borrowed. stop
 * may be NULL. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_input_open(struct ep_query_input **out, const char **arguments,
                                               size_t count, const atomic_bool *stop,
                                               struct ep_error *err);
void ep_query_input_close(struct ep_query_input *input);
EP_DEFINE_OWNED(struct ep_query_input, ep_query_input_close)

/* Fills question with the next one. EP_NOT_FOUND  there is none. EP_BAD_INPUT  neither lines nor
 * codegen JSON. EP_CORRUPT  a compressed file is damaged. EP_IO, EP_INTERRUPTED, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_input_next(struct ep_question *question,
                                               struct ep_query_input *input, struct ep_error *err);

/* Whether the next one would be waited for, so that those before should be answered first. */
bool ep_query_input_stalls(struct ep_query_input *input);

#endif
