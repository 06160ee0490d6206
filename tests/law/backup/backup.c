/* Laws of backups: any bytes are read or refused, with little memory; what is written is read as
 * the same; a file that was cut or changed anywhere is refused. */
#include "backup/backup_manifest.h"
#include "backup/container.h"
#include "backup/page_map.h"
#include "base/file.h"
#include "tests/input.h"
#include "tests/must.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void law_backup(const uint8_t *bytes, size_t size);

/* Reads all of a file; the parts' bytes are appended to out. */
static enum ep_status
read_all(struct ep_buffer *out, const void *bytes, size_t size)
{
	struct input input = { .at = bytes, .size = size, .piece = 777 };
	struct ep_source source = { .read = read_input, .context = &input };
	struct ep_container_reader *reader = NULL;
	const char *name;
	enum ep_status status = ep_container_open(&reader, source, NULL);
	while (status == EP_OK) {
		struct ep_bytes piece = { .size = 1 };
		status = ep_container_next(&name, reader, NULL);
		while (status == EP_OK && piece.size) {
			status = ep_container_read(&piece, reader, NULL);
			must(status != EP_OK || piece.size <= EP_CONTAINER_CHUNK);
			/* Small files may hold large ones: not more of them than a test needs. */
			if (status == EP_OK && out->size < ((size_t)8 << 20))
				needs(ep_buffer_append(out, piece.at, piece.size, NULL));
		}
	}
	ep_container_close(reader);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* A file whose part is these bytes comes back, and is refused where one bit is another. */
static void
comes_back(const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	EP_BUFFER struct ep_buffer found = { 0 };
	struct ep_container_writer writer;
	EP_FD int fd = memfd_create("backup", MFD_CLOEXEC);
	must(fd >= 0);
	needs(ep_container_begin(&writer, fd, "a test", ep_text_of("{}"), NULL));
	needs(ep_container_part(&writer, "data.mdb", NULL));
	needs(ep_container_add(&writer, bytes, size, NULL));
	needs(ep_container_part(&writer, "key", NULL));
	needs(ep_container_end(&writer, NULL));
	ep_container_done(&writer);
	must(lseek(fd, 0, SEEK_SET) == 0);
	needs(ep_read_all(&file, fd, "a test", EP_BUFFER_MAX, NULL));
	must_equal(file.size, writer.written);
	must_equal(read_all(&found, file.data, file.size), EP_OK);
	must_equal(found.size, size);
	must(size == 0 || memcmp(found.data, bytes, size) == 0);
	size_t at = (size ? bytes[0] * (size_t)7919 + bytes[size - 1] : 3) % file.size;
	must(read_all(&found, file.data, at) != EP_OK);
	file.data[at] ^= (uint8_t)(1U << (size & 7));
	must(read_all(&found, file.data, file.size) != EP_OK);
}

/* A table of pages of any bytes is read or refused, and ends. */
static void
table_ends(const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	struct ep_container_writer writer;
	struct ep_container_reader *reader;
	struct ep_page_table table = { 0 };
	struct ep_page_ref ref;
	const char *name;
	EP_FD int fd = memfd_create("backup", MFD_CLOEXEC);
	must(fd >= 0);
	needs(ep_container_begin(&writer, fd, "a test", ep_text_of("{}"), NULL));
	needs(ep_container_part(&writer, "data.mdb", NULL));
	needs(ep_container_add(&writer, bytes, size, NULL));
	needs(ep_container_end(&writer, NULL));
	ep_container_done(&writer);
	must(lseek(fd, 0, SEEK_SET) == 0);
	needs(ep_read_all(&file, fd, "a test", EP_BUFFER_MAX, NULL));
	struct input input = { .at = file.data, .size = file.size, .piece = 4096 };
	struct ep_source source = { .read = read_input, .context = &input };
	needs(ep_container_open(&reader, source, NULL));
	needs(ep_container_next(&name, reader, NULL));
	enum ep_status status = ep_page_table_read(&table, reader, NULL);
	must(status == EP_OK || status == EP_CORRUPT);
	uint64_t number = 0;
	for (; status == EP_OK && number < table.count; number += status == EP_OK) {
		status = ep_page_ref_read(&ref, reader, NULL);
		must(status == EP_CORRUPT || ref.pack <= EP_BACKUP_NUMBER_MAX);
	}
	must(EP_PAGE_TABLE + number * EP_PAGE_REF <= size || number == 0);
	ep_container_close(reader);
}

static void
manifest_comes_back(const uint8_t *bytes, size_t size)
{
	struct ep_backup_manifest manifest;
	struct ep_backup_manifest again;
	if (ep_backup_manifest_read(&manifest, (struct ep_text){ (const char *)bytes, size },
	                            NULL) != EP_OK)
		return;
	json_t *json = ep_backup_manifest_json(&manifest);
	char *text = json_dumps(json, JSON_COMPACT);
	must(text != NULL);
	needs(ep_backup_manifest_read(&again, ep_text_of(text), NULL));
	must(strcmp(again.node, manifest.node) == 0 && again.position == manifest.position &&
	     strcmp(again.digest, manifest.digest) == 0 && again.time == manifest.time &&
	     strcmp(again.program, manifest.program) == 0);
	free(text);
	json_decref(json);
}

void
law_backup(const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer parts = { 0 };
	(void)!read_all(&parts, bytes, size);
	comes_back(bytes, size);
	table_ends(bytes, size);
	manifest_comes_back(bytes, size);
}
