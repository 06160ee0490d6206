#include "net/legacy/casket.h"

#include "net/late.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tchdb.h>
#include <unistd.h>

/* What the library maps of the file; it reads the rest. */
#define MAPPED ((int64_t)16 << 20)

struct ep_casket {
	struct ep_tyrant *tyrant;
	pid_t process;
};

/* ---- the library ---- */

#define FUNCTIONS(X)     \
	X(tchdbnew)      \
	X(tchdbsetxmsiz) \
	X(tchdbopen)     \
	X(tchdbecode)    \
	X(tchdberrmsg)   \
	X(tchdbrnum)     \
	X(tchdbget)      \
	X(tchdbiterinit) \
	X(tchdbiternext)

struct library {
	FUNCTIONS(EP_LATE_MEMBER)
};

#define FUNCTION(name) { #name, offsetof(struct library, late_##name) },

static const struct ep_late_function functions[] = { FUNCTIONS(FUNCTION){ NULL, 0 } };
static const char *const files[] = { "libtokyocabinet.so.9", NULL };

/* ---- the process that reads the file ---- */

struct reader {
	struct library library;
	TCHDB *database;
	FILE *in;
	FILE *out;
};

/* Reads a number of 32 bits; false at the end of the requests. */
static bool
read_size(size_t *size, FILE *in)
{
	uint8_t bytes[4];
	if (fread(bytes, 1, sizeof bytes, in) != sizeof bytes)
		return false;
	*size = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
	return true;
}

static void
write_number(FILE *out, uint64_t number, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		putc((int)(number >> shift & 0xff), out);
}

/* Answers with a key or value, or that there is none. */
static void
answer(const struct reader *reader, char *bytes, int size)
{
	putc(bytes ? 0 : 1, reader->out);
	if (bytes) {
		write_number(reader->out, (uint64_t)size, 4);
		fwrite(bytes, 1, (size_t)size, reader->out);
	}
	free(bytes);
}

static bool
answer_get(const struct reader *reader)
{
	static char key[EP_TYRANT_KEY_MAX];
	size_t size;
	int value_size = 0;
	if (!read_size(&size, reader->in) || size > sizeof key ||
	    fread(key, 1, size, reader->in) != size)
		return false;
	char *value = reader->library.late_tchdbget(reader->database, key, (int)size, &value_size);
	/* That there is no such key is no failure; that the file cannot be read ends the process.
	 */
	if (!value && reader->library.late_tchdbecode(reader->database) != TCENOREC)
		return false;
	answer(reader, value, value_size);
	return true;
}

static bool
answer_iternext(const struct reader *reader)
{
	int size = 0;
	char *key = reader->library.late_tchdbiternext(reader->database, &size);
	if (!key && reader->library.late_tchdbecode(reader->database) != TCENOREC)
		return false;
	answer(reader, key, size);
	return true;
}

/* Answers a request; false when there is no other, or the file is damaged. */
static bool
answer_one(const struct reader *reader)
{
	const struct library *library = &reader->library;
	if (getc(reader->in) != 0xc8)
		return false;
	switch (getc(reader->in)) {
	case 0x30:
		return answer_get(reader);
	case 0x50:
		putc(library->late_tchdbiterinit(reader->database) ? 0 : 1, reader->out);
		return true;
	case 0x51:
		return answer_iternext(reader);
	case 0x80:
		putc(0, reader->out);
		write_number(reader->out, library->late_tchdbrnum(reader->database), 8);
		return true;
	default:
		return false;
	}
}

/* Opens the file, and tells how: an empty line, or what is wrong. */
static bool
open_database(struct reader *reader, const char *path)
{
	const struct library *library = &reader->library;
	reader->database = library->late_tchdbnew();
	if (!library->late_tchdbsetxmsiz(reader->database, MAPPED) ||
	    !library->late_tchdbopen(reader->database, path, HDBOREADER | HDBOLCKNB)) {
		int code = library->late_tchdbecode(reader->database);
		fprintf(reader->out,
		        code == TCELOCK ? "a server has it open: give its address with --tyrant, "
		                          "or a copy of the file\n"
		                        : "it is not a hash database of Tokyo Cabinet, or it is "
		                          "damaged: %s\n",
		        library->late_tchdberrmsg(code));
		return false;
	}
	putc('\n', reader->out);
	return true;
}

/* The whole life of the process. */
static void
serve(const struct library *library, int fd, const char *path, pid_t parent)
{
	const struct rlimit nothing = { 0, 0 };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return;
	(void)setrlimit(RLIMIT_CORE, &nothing);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	struct reader reader = { .library = *library,
		                 .in = fdopen(fd, "r"),
		                 .out = fdopen(dup(fd), "w") };
	if (!reader.in || !reader.out)
		return;
	bool goes_on = open_database(&reader, path);
	while (fflush(reader.out) == 0 && goes_on)
		goes_on = answer_one(&reader);
}

/* ---- this side ---- */

/* Reads the line that tells how the file was opened, byte by byte, as answers follow. */
static enum ep_status
read_verdict(int fd, const char *path, struct ep_error *err)
{
	char line[200];
	size_t size = 0;
	char byte = 0;
	while (read(fd, &byte, 1) == 1 && byte != '\n' && size + 1 < sizeof line)
		line[size++] = byte;
	line[size] = '\0';
	if (byte != '\n')
		return ep_fail(err, EP_BAD_INPUT,
		               "cannot open %s: it is damaged, and the library that reads it has "
		               "crashed",
		               path);
	return size ? ep_fail(err, EP_BAD_INPUT, "cannot open %s: %s", path, line) : EP_OK;
}

/* Starts the process; *fd is this side's end of the socket. */
static enum ep_status
start(pid_t *process, int *fd, const struct library *library, const char *path,
      struct ep_error *err)
{
	int ends[2];
	pid_t parent = getpid();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return ep_fail_errno(err, errno, "cannot read %s", path);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		serve(library, ends[1], path, parent);
		_exit(0);
	}
	int failed = errno;
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return ep_fail_errno(err, failed, "cannot start a process that reads %s", path);
	}
	*process = child;
	*fd = ends[0];
	return EP_OK;
}

enum ep_status
ep_casket_open(struct ep_casket **out, const char *path, const atomic_bool *stop,
               struct ep_error *err)
{
	struct library library;
	struct stat about;
	char name[300];
	int fd = -1;
	if (stat(path, &about) != 0)
		return errno == ENOENT ? ep_fail(err, EP_NOT_FOUND, "there is no file %s", path)
		                       : ep_fail_errno(err, errno, "cannot open %s", path);
	if (!S_ISREG(about.st_mode))
		return ep_fail(err, EP_BAD_INPUT, "%s is not a file", path);
	EP_TRY(ep_late_load(&library, files, functions, err));
	EP_OWNED(ep_casket_close)
	struct ep_casket *casket = calloc(1, sizeof *casket);
	if (!casket)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(start(&casket->process, &fd, &library, path, err));
	snprintf(name, sizeof name, "the process that reads %s", path);
	EP_TRY(ep_tyrant_of_socket(&casket->tyrant, fd, name, stop, err));
	EP_TRY(read_verdict(fd, path, err));
	*out = EP_TAKE(casket);
	return EP_OK;
}

void
ep_casket_close(struct ep_casket *casket)
{
	if (!casket)
		return;
	ep_tyrant_close(casket->tyrant);
	if (casket->process > 0) {
		kill(casket->process, SIGKILL);
		while (waitpid(casket->process, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(casket);
}

struct ep_tyrant *
ep_casket_tyrant(const struct ep_casket *casket)
{
	return casket->tyrant;
}
