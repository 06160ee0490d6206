#include "library/library_internal.h"

#include "node/facts.h"
#include "node/track_json.h"

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

/* ---- in JSON ---- */

/* Gives JSON, which is released here, as a text; NULL: there was no memory. */
static enum ep_status
give_json(char **out, json_t *json, const char *what, struct ep_error *err)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the %s", what);
	*out = text;
	return EP_OK;
}

static enum ep_status
print_status(char **out, const struct echoprint_db *db, struct ep_error *err)
{
	struct ep_facts facts = { 0 };
	EP_TRY(ep_db_check(db, false, err));
	EP_TRY(ep_facts_read(&facts, ep_place_log(db->place), true, err));
	json_t *json = ep_facts_json(&facts);
	ep_facts_done(&facts);
	return give_json(out, json, "state", err);
}

enum echoprint_status
echoprint_status_json(char **out, struct echoprint_db *db, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, print_status(out, db, &why), &why);
}

static enum ep_status
print_track(char **out, const struct echoprint_db *db, const char *id, struct ep_error *err)
{
	EP_TRACK_VIEW struct ep_track_view view = { 0 };
	json_t *json;
	EP_TRY(ep_db_check(db, false, err));
	if (!id)
		return ep_fail(err, EP_USAGE, "the id is NULL");
	EP_TRY(ep_track_view_open(&view, ep_place_log(db->place), ep_text_of(id), err));
	EP_TRY(ep_track_json(&json, &view, err));
	return give_json(out, json, "track", err);
}

enum echoprint_status
echoprint_track_json(char **out, struct echoprint_db *db, const char *id,
                     struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, print_track(out, db, id, &why), &why);
}
