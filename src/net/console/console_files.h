/* console_files.h - the files of the console, as tools/embed_files.py writes them */
#ifndef EP_NET_CONSOLE_CONSOLE_FILES_H
#define EP_NET_CONSOLE_CONSOLE_FILES_H

#include <stddef.h>

struct ep_console_file {
	const char *name;
	const char *type; /* Content-Type */
	const char *tag; /* of its bytes, in quotes */
	const unsigned char *plain;
	size_t plain_size;
	const unsigned char *packed; /* by gzip */
	size_t packed_size;
};

/* Ended by one without name. */
extern const struct ep_console_file ep_console_files[];

#endif
