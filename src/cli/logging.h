/* logging.h - lines on stderr, for people, for the journal, and for programs that collect logs
 *
 *     text                  echoprint: MESSAGE
 *     text, to the journal  <N>MESSAGE, N as in sd-daemon(3)
 *     JSON                  {"time":"...","level":"info","command":"serve","message":"...", and
 * more members where they are known}; to the journal behind <N>, too
 */
#ifndef EP_CLI_LOGGING_H
#define EP_CLI_LOGGING_H

#include "base/status.h"
#include "base/text.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* From what matters most. Each includes those before it. */
enum ep_level { EP_LEVEL_ERROR, EP_LEVEL_WARNING, EP_LEVEL_INFO, EP_LEVEL_DEBUG };

/* Sets how lines look from now on: by the names that --log-format and --log-level have, NULL for
 * text and info; command is in each JSON line (a constant). Until the first call they are text for
 * people. Callable while other threads write. EP_USAGE  there is no such name. */
EP_MUST_USE enum ep_status ep_logging_set(const char *command, const char *format,
                                          const char *level, struct ep_error *err);

/* Whether lines of a level are written. */
bool ep_logging_has(enum ep_level level);

/* Whether lines are for people: text, and not to the journal. */
bool ep_logging_is_plain(void);

/* Writes a line. */
void ep_tell(enum ep_level level, const char *fmt, ...) EP_PRINTF(2, 3);

/* The same, with members that a line of JSON has besides; fields is released, and may be NULL. */
void ep_tell_fields(enum ep_level level, json_t *fields, const char *fmt, ...) EP_PRINTF(3, 4);

/* The same as ep_tell. */
void ep_tell_list(enum ep_level level, const char *fmt, va_list args) EP_PRINTF(2, 0);

/* Writes text with its control characters as \xNN, so that nobody's data drives a terminal. */
void ep_write_text(FILE *file, struct ep_text text);

/* Takes the line of progress away that stands on the terminal; says that one does. */
void ep_clear_progress(void);
void ep_progress_stands(void);

/* Rows of the options tables of commands that run for long, and the choices of these. */
/* clang-format off */
#define EP_LOG_FORMATS "text json"
#define EP_LOG_LEVELS "error warning info debug"
#define EP_OPTION_LOG_FORMAT { "log-format", 0, "FORMAT", "how lines on standard error look: text (default) or json" }
#define EP_OPTION_LOG_LEVEL { "log-level", 0, "LEVEL", "the least of what is told there: error, warning, info (default) or debug (-v)" }
#define EP_CHOICES_OF_LOGS { "log-format", EP_LOG_FORMATS }, { "log-level", EP_LOG_LEVELS }
/* clang-format on */

#endif
