#include "sync/master/feed_found.h"

#include "base/folder.h"
#include "sync/feed_plan.h"
#include "sync/places.h"

#include <string.h>

/* The key that it says to be signed by. */
static bool
key_of(struct ep_key *key, struct ep_text text)
{
	static const char before[] = "\"key\":\"";
	const char *at = text.size ? memmem(text.at, text.size, before, sizeof before - 1) : NULL;
	size_t left = at ? text.size - (size_t)(at - text.at) - (sizeof before - 1) : 0;
	return left >= EP_KEY_TEXT - 1 &&
	       ep_key_parse(key, (struct ep_text){ at + sizeof before - 1, EP_KEY_TEXT - 1 });
}

/* Whether it is a good feed of another node. */
static bool
is_anothers(struct ep_text text, const struct ep_key *own)
{
	struct ep_key key;
	EP_FEED struct ep_feed feed = { 0 };
	return key_of(&key, text) && !ep_key_equal(&key, own) &&
	       ep_feed_read(&feed, text, &key, NULL) != EP_CORRUPT;
}

static enum ep_status
read_json(enum ep_feed_state *state, struct ep_feed *feed, const char *folder, const char *name,
          const struct ep_key *key, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_FOLDER struct ep_folder opened = EP_FOLDER_NONE;
	EP_TRY(ep_folder_open(&opened, folder, err));
	enum ep_status status = ep_folder_read(&bytes, &opened, name, EP_FEED_JSON_MAX, err);
	*state = status == EP_NOT_FOUND ? EP_FEED_NONE : EP_FEED_WRONG;
	/* What is no file, or a disk that does not give it, is damage. */
	if (status != EP_OK)
		return status == EP_NO_MEMORY ? status : EP_OK;
	struct ep_text text = ep_buffer_text(&bytes);
	EP_FEED struct ep_feed read = { 0 };
	status = ep_feed_read(&read, text, key, err);
	if (status != EP_OK && status != EP_CORRUPT)
		return status;
	if (status == EP_CORRUPT && is_anothers(text, key))
		return ep_fail(err, EP_DIVERGED,
		               "%s/%s is the feed of another node; publish into another folder, or "
		               "remove it first",
		               folder, name);
	if (status == EP_CORRUPT || !ep_feed_is_whole(&read))
		return EP_OK;
	*state = EP_FEED_GOOD;
	*feed = read;
	read = (struct ep_feed){ 0 };
	return EP_OK;
}

enum ep_status
ep_feed_find(enum ep_feed_state *state, bool *spare, struct ep_feed *feed, const char *folder,
             const struct ep_key *key, struct ep_error *err)
{
	enum ep_feed_state beside = EP_FEED_NONE;
	EP_TRY(read_json(state, feed, folder, EP_FEED_JSON, key, err));
	/* Where somebody has removed it, a new feed is wanted. */
	if (*state == EP_FEED_WRONG)
		EP_TRY(read_json(&beside, feed, folder, EP_FEED_SPARE, key, err));
	*spare = beside == EP_FEED_GOOD;
	return EP_OK;
}
