/* status.h - how every function of this program reports failure, and how it cleans up
 *
 * A function that can fail returns an ep_status and tells the story in an ep_error that the caller
 * owns. Out parameters come first and are untouched on failure. Nothing below cli/ logs or exits.
 */
#ifndef EP_BASE_STATUS_H
#define EP_BASE_STATUS_H

/* One value per different reaction of a caller. */
enum ep_status {
	EP_OK = 0,
	EP_NO_MEMORY, /* give up */
	EP_IO, /* the system refused; the text has its reason */
	EP_NO_SPACE, /* the disk or the map is full: works again when there is room */
	EP_NOT_FOUND, /* what was asked for is not there */
	EP_BAD_INPUT, /* the caller's input is not what it must be */
	EP_CORRUPT, /* our own data is damaged */
	EP_NEWER, /* written by a newer version of this program */
	EP_INTERRUPTED, /* the user asked to stop */
	EP_UNREACHABLE, /* the other side does not answer: try again later */
	EP_DIVERGED, /* the history is gone or has diverged: a person must decide */
	EP_USAGE /* the command line is not what it must be */
};

struct ep_error {
	enum ep_status status;
	char text[480]; /* lower case, no full stop, says what would have been right */
};

#define EP_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define EP_MUST_USE __attribute__((warn_unused_result))

/* Fills err (may be NULL) and gives status: `return ep_fail(err, EP_CORRUPT, "...");`. A macro, so
 * that compilers and analysers see that a failure is one; status is evaluated twice. */
#define ep_fail(err, status, ...) \
	(ep_error_set((err), (status), __VA_ARGS__), (enum ep_status)(status))
void ep_error_set(struct ep_error *err, enum ep_status status, const char *fmt, ...)
	EP_PRINTF(3, 4);

/* As ep_fail, for a failed system call: adds the words for errno_value, and makes the status
 * EP_NO_SPACE for a full disk or quota, EP_NO_MEMORY for want of memory, else EP_IO. */
enum ep_status ep_fail_errno(struct ep_error *err, int errno_value, const char *fmt, ...)
	EP_PRINTF(3, 4);

/* Puts words in front of the text of err (may be NULL), as in "songs.csv: " + text. */
void ep_error_prefix(struct ep_error *err, const char *fmt, ...) EP_PRINTF(2, 3);

/* Hands a failure up unchanged; the only macro that hides a return. */
#define EP_TRY(call)                                   \
	do {                                           \
		enum ep_status ep_try_status = (call); \
		if (ep_try_status != EP_OK)            \
			return ep_try_status;          \
	} while (0)

/* A variable that its scope owns: `EP_OWNED(ep_log_close) struct ep_log *log = NULL;`. The release
 * function must have been named with EP_DEFINE_OWNED, and accepts NULL. */
#define EP_OWNED(release) __attribute__((cleanup(release##_owned)))
#define EP_DEFINE_OWNED(type, release)                      \
	static inline void release##_owned(type **variable) \
	{                                                   \
		release(*variable);                         \
	}

/* Hands ownership over: gives the pointer and leaves NULL behind. */
#define EP_TAKE(pointer)                                  \
	__extension__({                                   \
		__typeof__(pointer) ep_taken = (pointer); \
		(pointer) = NULL;                         \
		ep_taken;                                 \
	})

/* Memory that its scope owns: `EP_FREE char *path = NULL;` */
void ep_free_owned(void *variable);
#define EP_FREE __attribute__((cleanup(ep_free_owned)))

#endif
