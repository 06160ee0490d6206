/* facts.h - what a node holds, and what lags: the facts of `status`, of /status and of the page */
#ifndef EP_NODE_FACTS_H
#define EP_NODE_FACTS_H

#include "base/time.h"
#include "index/index.h"
#include "node/followers.h"
#include "node/standing.h"

/* A follower of the log and how far it is behind. */
struct ep_facts_dump {
	char lastdump[EP_TIME_TEXT]; /* empty: never */
	uint64_t watermark;
	uint64_t waiting; /* documents behind it */
};

struct ep_facts {
	bool deep; /* what needs all entries to be looked at is there, too: marked + */
	char name[EP_SOURCE_NAME_MAX + 1];
	char digest[EP_HASH_TEXT];
	struct ep_log_state state;
	struct ep_facts_dump dumps[2]; /* + by enum ep_dump_kind */
	size_t copies; /* + */
	bool follows; /* a master */
	bool stale; /* an older copy of what was published */
	uint64_t unconfirmed; /* + local tracks that the master has not sent back */
	struct ep_source_info *sources;
	size_t source_count;
	struct ep_codes_usage usage; /* + how documents are stored */
	struct ep_index_state index;
	uint64_t bytes; /* on disk */
	struct ep_standing standing; /* with those whom it knows */
	struct ep_follower *followers; /* other systems that get what is here */
	size_t follower_count;
	json_t *monitor; /* how streams are (streams_file.h); null: none was ever monitored */
};

/* Reads them from one snapshot of the log. On failure facts are as they were.
 *
 * deep  also how documents are stored, and what waits; without it, it takes no time. EP_CORRUPT,
 *       EP_NEWER, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_facts_read(struct ep_facts *facts, struct ep_log *log, bool deep,
                                         struct ep_error *err);

/* Frees what facts hold, also zeroed ones. */
void ep_facts_done(struct ep_facts *facts);

/* The object that `status --json` prints, with what is there of it. NULL when there is no memory.
 */
json_t *ep_facts_json(const struct ep_facts *facts);

/* How documents are stored, by form, as JSON, and what a form is called: form is below
 * EP_CODES_FORM_COUNT. */
json_t *ep_forms_json(const struct ep_codes_usage *usage);
const char *ep_form_name(size_t form);

#endif
