#include "node/node_name.h"

#include <string.h>
#include <unistd.h>

void
ep_host_name(char name[EP_SOURCE_NAME_MAX + 1])
{
	char host[EP_SOURCE_NAME_MAX + 1] = "";
	if (gethostname(host, sizeof host - 1) != 0 || !host[0])
		memcpy(host, "node", 5);
	size_t size = 0;
	for (; host[size]; size++) {
		bool fits = ep_source_name_ok((struct ep_text){ .at = host + size, .size = 1 });
		name[size] = fits ? host[size] : '-';
	}
	name[size] = '\0';
	if (!ep_slave_name_ok(ep_text_of(name)))
		memcpy(name, "node", 5);
}

enum ep_status
ep_node_name(char name[EP_SOURCE_NAME_MAX + 1], const struct ep_log_read *read,
             struct ep_error *err)
{
	struct ep_bytes value;
	enum ep_status status = ep_log_value(&value, read, EP_NAME_VALUE, err);
	if (status == EP_NOT_FOUND) {
		ep_host_name(name);
		return EP_OK;
	}
	if (status != EP_OK)
		return status;
	if (!ep_source_name_ok(ep_text_of_bytes(value)))
		return ep_fail(err, EP_CORRUPT, "the name of this node is damaged in the log");
	memcpy(name, value.at, value.size);
	name[value.size] = '\0';
	return EP_OK;
}

enum ep_status
ep_log_node_name(char name[EP_SOURCE_NAME_MAX + 1], struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	return ep_node_name(name, read, err);
}
