/* What routes tell: the user, and who asked. */
#include "net/serve_internal.h"

#include <stdarg.h>
#include <stdio.h>

void
ep_serve_say(struct ep_serve *serve, bool detail, const char *fmt, ...)
{
	char line[1536];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	serve->options.on_line(serve->options.context, detail, line);
}

void
ep_answer_failure(struct ep_http_answer *answer, const struct ep_error *err)
{
	switch (err->status) {
	case EP_BAD_INPUT:
		ep_http_say(answer, 403, "%s", err->text);
		break;
	case EP_CORRUPT:
	case EP_NEWER:
	case EP_USAGE:
		ep_http_say(answer, 400, "%s", err->text);
		break;
	case EP_DIVERGED:
		ep_http_say(answer, 409, "%s", err->text);
		break;
	case EP_NO_SPACE:
		ep_http_say(answer, 507, "%s", err->text);
		break;
	case EP_INTERRUPTED:
	case EP_NO_MEMORY:
	case EP_NOT_FOUND: /* yet */
		ep_http_say(answer, 503, "%s", err->text);
		break;
	case EP_OK:
	case EP_IO:
		ep_http_say(answer, 500, "%s", err->text);
		break;
	case EP_UNREACHABLE:
		ep_http_say(answer, 502, "%s", err->text);
		break;
	}
}

bool
ep_is_outsider(const struct ep_http_request *request)
{
	return ep_http_role(request) == EP_ROLE_NONE;
}

bool
ep_serve_is_well(const struct ep_serve *serve)
{
	char error[EP_PUBLISHER_ERROR];
	ep_publisher_error(error, serve->publisher);
	return !error[0];
}
