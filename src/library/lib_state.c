#include "library/library_internal.h"

#include "node/facts.h"

#include <string.h>

_Static_assert(sizeof((struct echoprint_state *)0)->digest == EP_HASH_TEXT, "a digest fits");

static enum ep_status
read_state(struct echoprint_state *given, const struct echoprint_db *db, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct echoprint_state state = { 0 };
	struct ep_log_state log;
	struct ep_digest digest;
	struct ep_hash name;
	EP_TRY(ep_db_check(db, false, err));
	EP_TRY(ep_log_read_begin(&read, ep_place_log(db->place), err));
	EP_TRY(ep_log_digest(&digest, read, err));
	ep_digest_name(&name, &digest);
	ep_hash_print(state.digest, &name);
	ep_log_state(&log, read);
	state.position = log.position;
	state.documents = log.documents;
	state.tracks = log.tracks;
	state.tombstones = log.tombstones;
	state.links = log.links;
	state.conflicts = log.conflicts;
	return ep_write_sized_struct(given, &state, sizeof state, err);
}

enum echoprint_status
echoprint_read_state(struct echoprint_state *state, struct echoprint_db *db,
                     struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, read_state(state, db, &why), &why);
}

static enum ep_status
print_status(char **out, const struct echoprint_db *db, struct ep_error *err)
{
	struct ep_facts facts = { 0 };
	EP_TRY(ep_db_check(db, false, err));
	EP_TRY(ep_facts_read(&facts, ep_place_log(db->place), true, err));
	json_t *json = ep_facts_json(&facts);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	ep_facts_done(&facts);
	if (!text)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the state");
	*out = text;
	return EP_OK;
}

enum echoprint_status
echoprint_status_json(char **out, struct echoprint_db *db, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, print_status(out, db, &why), &why);
}
