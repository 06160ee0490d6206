#include "net/console/console.h"

#include "net/access.h"
#include "net/console/console_files.h"
#include "net/fields.h"

#include <stdio.h>
#include <string.h>

#define FRONT "/console/"

/* What browsers ask for at answers that name no picture, such as /status. */
#define ICON "/favicon.ico"

/* A page runs only what is here, and sends nothing elsewhere. */
#define POLICY                                                                              \
	"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " \
	"object-src 'none'"

static const struct ep_console_file *
find(const char *name)
{
	const struct ep_console_file *file = ep_console_files;
	while (file->name && strcmp(file->name, name) != 0)
		file++;
	return file->name ? file : NULL;
}

static void
give(const struct ep_console_file *file, struct ep_http_request *request,
     struct ep_http_answer *answer)
{
	const char *accepted = ep_http_header(request, "Accept-Encoding");
	bool packed = accepted && strstr(accepted, "gzip");
	snprintf(answer->tag, sizeof answer->tag, "%s", file->tag);
	answer->cache = "no-cache";
	answer->policy = POLICY;
	if (ep_field_has_tag(ep_http_header(request, "If-None-Match"), file->tag)) {
		answer->status = 304;
		return;
	}
	answer->status = 200;
	answer->type = file->type;
	answer->encoding = packed ? "gzip" : NULL;
	if (ep_buffer_append(&answer->body, packed ? file->packed : file->plain,
	                     packed ? file->packed_size : file->plain_size, NULL) != EP_OK)
		ep_http_say(answer, 503, "out of memory");
}

static enum ep_http_next
get_file(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	(void)context;
	const char *path = ep_http_path(request);
	const struct ep_console_file *file = find(strcmp(path, "/") == 0    ? "index.html"
	                                          : strcmp(path, ICON) == 0 ? "icon.svg"
	                                                                    : path + strlen(FRONT));
	if (file)
		give(file, request, answer);
	else
		ep_http_say(answer, 404, "the console has no such file");
	return EP_HTTP_ANSWER;
}

static const struct ep_http_route routes[] = {
	{ .method = "GET", .path = "/", .need = EP_NEED_NOTHING, .quick = get_file },
	{ .method = "GET", .path = ICON, .need = EP_NEED_NOTHING, .quick = get_file },
	{ .method = "GET",
	  .path = FRONT,
	  .tree = true,
	  .need = EP_NEED_NOTHING,
	  .quick = get_file },
	{ 0 },
};

struct ep_http_routes
ep_console_routes(void)
{
	return (struct ep_http_routes){ routes, NULL };
}
