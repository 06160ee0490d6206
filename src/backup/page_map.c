#include "backup/page_map.h"

#include "base/bytes.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct ep_page_file {
	int fd;
	struct ep_container_reader *reader;
};

/* ---- bytes ---- */

enum ep_status
ep_page_table_write(struct ep_container_writer *map, const char *name,
                    const struct ep_page_table *table, struct ep_error *err)
{
	uint8_t bytes[EP_PAGE_TABLE] = { 0 };
	ep_store32(bytes, table->page_size);
	ep_store64(bytes + 8, table->count);
	EP_TRY(ep_container_part(map, name, err));
	return ep_container_add(map, bytes, sizeof bytes, err);
}

enum ep_status
ep_page_ref_write(struct ep_container_writer *map, const struct ep_page_ref *ref,
                  struct ep_error *err)
{
	uint8_t bytes[EP_PAGE_REF];
	ep_store32(bytes, ref->pack);
	ep_store32(bytes + 4, ref->index);
	memcpy(bytes + 8, ref->hash, EP_PAGE_HASH);
	return ep_container_add(map, bytes, sizeof bytes, err);
}

void
ep_page_hash(uint8_t hash[EP_PAGE_HASH], const uint8_t *bytes, size_t size)
{
	struct ep_hasher hasher;
	struct ep_hash whole;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, bytes, size);
	ep_hasher_done(&whole, &hasher);
	memcpy(hash, whole.bytes, EP_PAGE_HASH);
}

enum ep_status
ep_page_table_read(struct ep_page_table *table, struct ep_container_reader *reader,
                   struct ep_error *err)
{
	uint8_t bytes[EP_PAGE_TABLE];
	EP_TRY(ep_container_read_exact(reader, bytes, sizeof bytes, err));
	struct ep_page_table found = { .page_size = ep_load32(bytes),
		                       .count = ep_load64(bytes + 8) };
	bool power = found.page_size && !(found.page_size & (found.page_size - 1));
	if (!power || found.page_size < 512 || found.page_size > 65536 || ep_load32(bytes + 4) ||
	    found.count > EP_PAGES_MAX)
		return ep_fail(err, EP_CORRUPT,
		               "a table of pages is damaged: %llu pages of %u bytes",
		               (unsigned long long)found.count, found.page_size);
	*table = found;
	return EP_OK;
}

enum ep_status
ep_page_ref_read(struct ep_page_ref *ref, struct ep_container_reader *reader, struct ep_error *err)
{
	uint8_t bytes[EP_PAGE_REF];
	EP_TRY(ep_container_read_exact(reader, bytes, sizeof bytes, err));
	uint32_t pack = ep_load32(bytes);
	if (pack > EP_BACKUP_NUMBER_MAX)
		return ep_fail(err, EP_CORRUPT, "a table of pages is damaged: it names pack %u",
		               pack);
	*ref = (struct ep_page_ref){ .pack = pack, .index = ep_load32(bytes + 4) };
	memcpy(ref->hash, bytes + 8, EP_PAGE_HASH);
	return EP_OK;
}

/* ---- files ---- */

enum ep_status
ep_page_file_open(struct ep_page_file **out, const char *path, struct ep_error *err)
{
	EP_OWNED(ep_page_file_close)
	struct ep_page_file *file = calloc(1, sizeof *file);
	if (!file)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0 && errno == ENOENT)
		return ep_fail(err, EP_CORRUPT, "the file %s is missing", path);
	if (file->fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", path);
	enum ep_status status = ep_container_open(&file->reader, ep_source_of_fd(&file->fd), err);
	if (status != EP_OK) {
		ep_error_prefix(err, "%s: ", path);
		return status;
	}
	*out = EP_TAKE(file);
	return EP_OK;
}

void
ep_page_file_close(struct ep_page_file *file)
{
	if (!file)
		return;
	ep_container_close(file->reader);
	ep_fd_close(&file->fd);
	free(file);
}

struct ep_container_reader *
ep_page_file_reader(const struct ep_page_file *file)
{
	return file->reader;
}

enum ep_status
ep_page_file_find(struct ep_page_file *file, const char *name, struct ep_error *err)
{
	const char *found;
	do
		EP_TRY(ep_container_next(&found, file->reader, err));
	while (strcmp(found, name) != 0);
	return EP_OK;
}
