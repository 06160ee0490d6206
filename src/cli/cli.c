#include "cli/cli.h"

#include "base/time.h"
#include "cli/logging.h"
#include "format/json_text.h"
#include "node/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void
ep_print_text(struct ep_text text)
{
	ep_write_text(stdout, text);
}

void
ep_say(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	ep_tell_list(EP_LEVEL_INFO, fmt, args);
	va_end(args);
}

enum ep_exit
ep_bad_usage(const struct ep_command *command, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	ep_tell_list(EP_LEVEL_ERROR, fmt, args);
	va_end(args);
	if (ep_logging_is_plain())
		fprintf(stderr, "try: echoprint %s%s--help\n", command ? command->name : "",
		        command ? " " : "");
	return EP_EXIT_USAGE;
}

enum ep_exit
ep_exit_of(enum ep_status status)
{
	switch (status) {
	case EP_OK:
		return EP_EXIT_DONE;
	case EP_USAGE:
		return EP_EXIT_USAGE;
	case EP_UNREACHABLE:
		return EP_EXIT_UNREACHABLE;
	case EP_DIVERGED:
		return EP_EXIT_DIVERGED;
	case EP_NEWER:
		return EP_EXIT_NEWER;
	case EP_CORRUPT:
		return EP_EXIT_DAMAGED;
	case EP_NO_MEMORY:
	case EP_IO:
	case EP_NO_SPACE:
	case EP_NOT_FOUND:
	case EP_BAD_INPUT:
	case EP_INTERRUPTED:
		return EP_EXIT_FAILED;
	}
	return EP_EXIT_FAILED;
}

enum ep_exit
ep_give_up(const struct ep_call *call, const struct ep_error *err)
{
	bool denied = call->acts_as && strstr(err->text, strerror(EACCES));
	ep_tell(EP_LEVEL_ERROR, "%s", err->text);
	if (denied)
		ep_tell(EP_LEVEL_ERROR,
		        "root acts here as the user %s, who owns %s: give a place where that user "
		        "may write",
		        call->acts_as, call->folder);
	enum ep_exit exit = ep_exit_of(err->status);
	return call->json ? ep_print_json(json_pack("{s:o}", "error",
	                                            ep_json_text(ep_text_of(err->text))),
	                                  exit)
	                  : exit;
}

enum ep_exit
ep_finish(enum ep_exit exit)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit;
	/* Who read it has seen enough, as `head` has. */
	if (errno != EPIPE)
		ep_tell(EP_LEVEL_ERROR, "cannot write to standard output: %s", strerror(errno));
	return EP_EXIT_FAILED;
}

enum ep_exit
ep_print_json(json_t *value, enum ep_exit exit)
{
	ep_clear_progress();
	if (!value || json_dumpf(value, stdout, JSON_COMPACT) != 0) {
		if (errno != EPIPE)
			ep_tell(EP_LEVEL_ERROR, "cannot print the result as JSON");
		exit = EP_EXIT_FAILED;
	}
	json_decref(value);
	putchar('\n');
	return exit;
}

#define SHORT_TEXT 64

/* A place for a short text; eight in turn. */
static char *
next_text(void)
{
	static char texts[8][SHORT_TEXT];
	static unsigned next;
	return texts[next++ % 8];
}

static void
group_digits(char text[SHORT_TEXT], uint64_t number)
{
	char digits[24];
	int size = snprintf(digits, sizeof digits, "%" PRIu64, number);
	char *at = text;
	for (int i = 0; i < size; i++) {
		if (i > 0 && (size - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
}

const char *
ep_grouped(uint64_t number)
{
	char *text = next_text();
	group_digits(text, number);
	return text;
}

const char *
ep_counted(uint64_t number, const char *noun)
{
	char *text = next_text();
	group_digits(text, number);
	size_t size = strlen(text);
	snprintf(text + size, SHORT_TEXT - size, " %s%s", noun, number == 1 ? "" : "s");
	return text;
}

const char *
ep_time_left(double seconds, uint64_t done, uint64_t all)
{
	char *text = next_text();
	text[0] = '\0';
	if (done == 0 || done > all || all == 0)
		return text;
	uint64_t left = (uint64_t)(seconds * (double)(all - done) / (double)done + 0.5);
	snprintf(text, SHORT_TEXT, ", %" PRIu64 ":%02u left", left / 60, (unsigned)(left % 60));
	return text;
}

const char *
ep_bytes_text(uint64_t bytes)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB", "EB" };
	char *text = next_text();
	double value = (double)bytes;
	size_t unit = 0;
	while (value >= 999.95 && unit + 1 < sizeof units / sizeof *units) {
		value /= 1000;
		unit++;
	}
	snprintf(text, SHORT_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

void
ep_print_forms(const struct ep_codes_usage *usage)
{
	for (size_t i = 0; i < EP_CODES_FORM_COUNT; i++) {
		uint64_t documents = usage->of[i].documents;
		if (documents)
			printf("stored       %s in the %s encoding, %.1f bytes each\n",
			       ep_counted(documents, "document"), ep_form_name(i),
			       (double)usage->of[i].bytes / (double)documents);
	}
}

bool
ep_shows_progress(const struct ep_call *call)
{
	return !call->quiet && isatty(STDERR_FILENO);
}

/* In columns. */
static size_t
terminal_width(void)
{
	struct winsize size;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

/* How many bytes of a line, which is UTF-8, fill at most so many columns: a longer one would break,
 * and stay. */
static size_t
fit(const char *line, size_t columns)
{
	size_t size = 0;
	size_t used = 0;
	for (; line[size]; size++) {
		used += ((unsigned char)line[size] & 0xc0) != 0x80;
		if (used > columns)
			break;
	}
	return size;
}

void
ep_show_progress(double *started, const char *fmt, ...)
{
	double now = ep_clock_s();
	if (*started == 0)
		*started = now;
	if (!*fmt) {
		ep_clear_progress();
		return;
	}
	if (now - *started < 1)
		return;
	char line[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	fputs("\r", stderr);
	ep_write_text(stderr, (struct ep_text){ line, fit(line, terminal_width() - 1) });
	fputs("\033[K", stderr);
	fflush(stderr);
	ep_progress_stands();
}

enum ep_status
ep_option_number(uint64_t *number, const char *option, const char *value, uint64_t least,
                 uint64_t most, struct ep_error *err)
{
	char *end;
	errno = 0;
	unsigned long long read = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || read < least || read > most)
		return ep_fail(err, EP_USAGE,
		               "%s is \"%s\", but must be a whole number from %" PRIu64
		               " to %" PRIu64,
		               option, value, least, most);
	*number = read;
	return EP_OK;
}

bool
ep_rest(const struct ep_call *call)
{
	/* A signal ends the sleep; one that comes just before it is seen after it. */
	if (!atomic_load(call->stop))
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000L }, NULL);
	return !atomic_load(call->stop);
}
