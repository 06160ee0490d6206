#include "base/file.h"
#include "plays/plays_internal.h"

#include <string.h>

enum ep_status
ep_plays_copy_open(struct ep_env_copy **out, struct ep_plays *plays, struct ep_error *err)
{
	return ep_env_copy_open(out, plays->env, err);
}

enum ep_status
ep_plays_pages_open(struct ep_env_pages **out, struct ep_plays *plays, struct ep_error *err)
{
	return ep_env_pages_open(out, plays->env, err);
}

/* ---- compaction ---- */

enum ep_status
ep_plays_take_alone(struct ep_plays *plays, struct ep_error *err)
{
	return ep_env_take_alone(plays->env, err);
}

/* What two logs must have alike. */
struct seen {
	char id[EP_PLAYS_ID_TEXT];
	uint64_t position;
	size_t map_size; /* the copy is opened within that of the log of plays */
};

static enum ep_status
look(struct seen *seen, struct ep_plays *plays, struct ep_error *err)
{
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	EP_TRY(ep_plays_read_begin(&read, plays, err));
	seen->map_size = plays->env->map_size;
	EP_TRY(ep_plays_id(seen->id, read, err));
	return ep_plays_position(&seen->position, read, err);
}

static enum ep_status
check_copy(void *context, const char *folder, struct ep_error *err)
{
	const struct seen *before = context;
	struct seen seen = { 0 };
	EP_OWNED(ep_plays_close)
	struct ep_plays *copy = NULL;
	EP_TRY(ep_plays_open_at(&copy, folder, false, before->map_size, err));
	EP_TRY(look(&seen, copy, err));
	if (seen.position != before->position || strcmp(seen.id, before->id) != 0)
		return ep_fail(err, EP_CORRUPT,
		               "the copy in %s is not the log of plays that was copied", folder);
	return EP_OK;
}

enum ep_status
ep_plays_compact(struct ep_compacted *compacted, struct ep_plays *plays, struct ep_error *err)
{
	struct seen before = { 0 };
	EP_TRY(look(&before, plays, err));
	return ep_env_compact(compacted, plays->env, check_copy, &before, err);
}
