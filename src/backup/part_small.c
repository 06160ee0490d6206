#include "backup/part_small.h"

#include "backup/parts.h"
#include "base/file.h"

enum ep_status
ep_part_add_small(uint64_t *bytes, struct ep_container_writer *writer, const char *folder,
                  const char *name, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer content = { 0 };
	EP_FREE char *path = ep_path_join(folder, name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	enum ep_status status = ep_read_file(&content, path, EP_PART_SMALL_MAX, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_container_part(writer, name, err));
	status = ep_container_add(writer, content.data, content.size, err);
	*bytes += content.size;
	sodium_memzero(content.data, content.size);
	return status;
}
