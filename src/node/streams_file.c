#include "node/streams_file.h"

#include "base/file.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)256 << 20)

enum ep_status
ep_streams_file_write(const char *folder, const json_t *json, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, EP_STREAMS_FILE);
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!path || !text)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the state of streams");
	return ep_replace_file(path, text, strlen(text), 0600, err);
}

static bool
is_stale(const json_t *json)
{
	const char *text = json_string_value(json_object_get(json, "time"));
	int64_t at;
	if (!json_is_true(json_object_get(json, "running")))
		return false;
	if (!text || !ep_time_parse(&at, ep_text_of(text)))
		return true;
	int64_t age = ep_time_now() - at;
	return age > EP_STREAMS_STALE_S || age < -EP_STREAMS_STALE_S;
}

json_t *
ep_streams_file_read(const char *folder)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FREE char *path = ep_path_join(folder, EP_STREAMS_FILE);
	if (!path)
		return NULL;
	json_t *json = ep_read_file(&text, path, FILE_MAX, NULL) == EP_OK
	                       ? json_loadb((const char *)text.data, text.size, 0, NULL)
	                       : NULL;
	if (!json_is_object(json)) {
		json_decref(json);
		return json_null();
	}
	json_object_set_new(json, "stale", json_boolean(is_stale(json)));
	return json;
}
