#include "cli/logging.h"

#include "base/time.h"
#include "format/json_text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* By level: the names, and the priorities of sd-daemon(3). */
static const char *const names[] = { "error", "warning", "info", "debug" };
static const int priorities[] = { 3, 4, 6, 7 };

/* There is one stderr. */
static struct {
	pthread_mutex_t mutex; /* of a line, and of what is not atomic */
	const char *command;
	bool journal; /* stderr is the journal */
	bool progress; /* a line of progress stands on the terminal */
	atomic_bool json;
	atomic_int level;
} logging = { .mutex = PTHREAD_MUTEX_INITIALIZER, .level = EP_LEVEL_DEBUG };

/* Whether stderr is the stream to the journal that the service manager opened. */
static bool
is_journal(void)
{
	struct stat info;
	unsigned long long device;
	unsigned long long inode;
	const char *stream = getenv("JOURNAL_STREAM");
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

enum ep_status
ep_logging_set(const char *command, const char *format, const char *level, struct ep_error *err)
{
	int found = level ? -1 : EP_LEVEL_INFO;
	for (int i = 0; level && i <= EP_LEVEL_DEBUG; i++)
		found = strcmp(level, names[i]) == 0 ? i : found;
	if (found < 0)
		return ep_fail(err, EP_USAGE,
		               "--log-level is \"%s\", but must be error, warning, info or debug",
		               level);
	bool json = format && strcmp(format, "json") == 0;
	if (format && !json && strcmp(format, "text") != 0)
		return ep_fail(err, EP_USAGE, "--log-format is \"%s\", but must be text or json",
		               format);
	pthread_mutex_lock(&logging.mutex);
	logging.command = command;
	logging.journal = is_journal();
	atomic_store(&logging.json, json);
	atomic_store(&logging.level, found);
	pthread_mutex_unlock(&logging.mutex);
	return EP_OK;
}

bool
ep_logging_has(enum ep_level level)
{
	return (int)level <= atomic_load(&logging.level);
}

bool
ep_logging_is_plain(void)
{
	pthread_mutex_lock(&logging.mutex);
	bool plain = !logging.journal && !atomic_load(&logging.json);
	pthread_mutex_unlock(&logging.mutex);
	return plain;
}

void
ep_write_text(FILE *file, struct ep_text text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.at[i];
		bool second =
			c == 0xc2 && i + 1 < text.size && (unsigned char)text.at[i + 1] < 0xa0;
		if (c < 0x20 || c == 0x7f || second)
			fprintf(file, "\\x%02x", c);
		else
			fputc(c, file);
	}
}

static void
clear_progress(void)
{
	if (logging.progress)
		fputs("\r\033[K", stderr);
	logging.progress = false;
}

void
ep_clear_progress(void)
{
	pthread_mutex_lock(&logging.mutex);
	clear_progress();
	pthread_mutex_unlock(&logging.mutex);
}

void
ep_progress_stands(void)
{
	pthread_mutex_lock(&logging.mutex);
	logging.progress = true;
	pthread_mutex_unlock(&logging.mutex);
}

/* The line as JSON; false: there is no memory for it. */
static bool
write_json(enum ep_level level, json_t *fields, const char *text)
{
	char moment[EP_TIME_TEXT];
	ep_time_print(moment, ep_time_now());
	json_t *line =
		json_pack("{s:s, s:s, s:s*, s:o}", "time", moment, "level", names[level], "command",
	                  logging.command, "message", ep_json_text(ep_text_of(text)));
	bool written = line && (!fields || json_object_update(line, fields) == 0) &&
	               json_dumpf(line, stderr, JSON_COMPACT) == 0;
	json_decref(line);
	return written;
}

static void tell(enum ep_level level, json_t *fields, const char *fmt, va_list args)
	EP_PRINTF(3, 0);

static void
tell(enum ep_level level, json_t *fields, const char *fmt, va_list args)
{
	char text[2048];
	if (!ep_logging_has(level))
		return;
	vsnprintf(text, sizeof text, fmt, args);
	/* A server's threads all speak: line by line. */
	pthread_mutex_lock(&logging.mutex);
	clear_progress();
	if (logging.journal)
		fprintf(stderr, "<%d>", priorities[level]);
	if (!atomic_load(&logging.json) || !write_json(level, fields, text)) {
		/* The journal has the name of the program. */
		if (!logging.journal)
			fputs("echoprint: ", stderr);
		ep_write_text(stderr, ep_text_of(text));
	}
	fputc('\n', stderr);
	pthread_mutex_unlock(&logging.mutex);
}

void
ep_tell_list(enum ep_level level, const char *fmt, va_list args)
{
	tell(level, NULL, fmt, args);
}

void
ep_tell(enum ep_level level, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	tell(level, NULL, fmt, args);
	va_end(args);
}

void
ep_tell_fields(enum ep_level level, json_t *fields, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	tell(level, fields, fmt, args);
	va_end(args);
	json_decref(fields);
}
