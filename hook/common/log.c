/* SPDX-License-Identifier: Apache-2.0 */
/* The log of the host's programs: where lines go, and how they look. */
#include "hook/common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/escape.h"
#include "hook/common/paths.h"
#include "oci-config/cleanup.h"
#include "oci-config/state.h"

#define SYSLOG_SOCKET "/dev/log"
#define LOG_TEXT_SIZE 1024

enum log_sink { LOG_SINK_CLOSED, LOG_SINK_NONE, LOG_SINK_SYSLOG, LOG_SINK_FILE, LOG_SINK_STDERR };

/* A program has one log; it is single threaded while it logs. */
static struct {
	enum log_sink sink;
	int fd;
	const char *program;
	char wanted[256];
	char path[256]; /* of the file */
	char container[ESCAPED_SIZE(OCFG_ID_MAX)];
} log_state = {.sink = LOG_SINK_CLOSED, .fd = -1, .program = "oci-ksm"};

static const struct {
	const char *name;
	int priority; /* of syslog, facility "daemon" */
} log_levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3 << 3 | 3},
	[LOG_LEVEL_WARNING] = {"warning", 3 << 3 | 4},
	[LOG_LEVEL_INFO] = {"info", 3 << 3 | 6},
	[LOG_LEVEL_DEBUG] = {"debug", 3 << 3 | 7},
};

static void close_sink(void)
{
	if (log_state.fd >= 0)
		close(log_state.fd);
	log_state.fd = -1;
	log_state.sink = LOG_SINK_CLOSED;
}

void log_init(const char *program, const char *sink)
{
	close_sink();
	log_state.program = program;
	snprintf(log_state.wanted, sizeof(log_state.wanted), "%s", sink ? sink : "auto");
}

void log_container(const char *id)
{
	escape(id, log_state.container, sizeof(log_state.container));
}

static bool open_syslog(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET};
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return false;
	log_state.fd = steal_fd(&fd);
	log_state.sink = LOG_SINK_SYSLOG;
	return true;
}

/* Nothing but a regular file: the path may lie in a folder that others can write to. */
static bool open_file(const char *path)
{
	cleanup_close int fd =
		open(path,
		     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		     0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	snprintf(log_state.path, sizeof(log_state.path), "%s", path);
	log_state.fd = steal_fd(&fd);
	log_state.sink = LOG_SINK_FILE;
	return true;
}

static bool open_default_file(void)
{
	char path[256];

	return paths_log_file(path, sizeof(path)) == 0 && open_file(path);
}

static void open_sink(void)
{
	const char *wanted = log_state.wanted;

	log_state.sink = LOG_SINK_NONE;
	if (!strcmp(wanted, "stderr")) {
		log_state.sink = LOG_SINK_STDERR;
	} else if (!strcmp(wanted, "syslog")) {
		open_syslog();
	} else if (!strncmp(wanted, "file:", 5)) {
		open_file(wanted + 5);
	} else if (!open_syslog()) {
		open_default_file();
	}
}

/* A file that is rotated or removed while a daemon runs is not the log any more. */
static bool file_is_current(void)
{
	struct stat now, open;

	return lstat(log_state.path, &now) == 0 && fstat(log_state.fd, &open) == 0 &&
	       now.st_ino == open.st_ino && now.st_dev == open.st_dev;
}

/* False: nowhere to write to now. The next line tries again: syslog may have been late. */
static bool prepare_sink(void)
{
	if (log_state.sink == LOG_SINK_FILE && !file_is_current())
		close_sink();
	if (log_state.sink == LOG_SINK_CLOSED || log_state.sink == LOG_SINK_NONE)
		open_sink();
	return log_state.sink != LOG_SINK_NONE;
}

/* Makes nothing. */
static bool may_write(const char *path)
{
	cleanup_close int fd =
		open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char folder[256];
	struct stat st;

	errno = fd < 0 ? errno : EPERM;
	if (fd >= 0)
		return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (errno != ENOENT)
		return false;
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	return access(folder[0] ? folder : "/", W_OK) == 0;
}

int log_check(const char *sink, struct error *err)
{
	char path[256] = SYSLOG_SOCKET;

	sink = sink ? sink : "auto";
	if (!strcmp(sink, "stderr"))
		return 0;
	if (!strncmp(sink, "file:", 5)) {
		snprintf(path, sizeof(path), "%s", sink + 5);
	} else {
		bool heard = open_syslog();
		int code = errno;

		close_sink();
		if (heard)
			return 0;
		if (!strcmp(sink, "syslog"))
			return error_set(err, code, "connect to %s", path);
		(void)paths_log_file(path, sizeof(path));
	}
	return may_write(path) ? 0 : error_set(err, errno, "open the log %s", path);
}

/* What stands before "program[pid]": files need the time, syslog its priority, stderr nothing. */
static void format_prefix(enum log_level level, char *buf, size_t size)
{
	time_t now = time(NULL);
	struct tm utc;

	buf[0] = '\0';
	if (log_state.sink == LOG_SINK_SYSLOG)
		snprintf(buf, size, "<%d>", log_levels[level].priority);
	else if (log_state.sink == LOG_SINK_FILE && gmtime_r(&now, &utc))
		strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ ", &utc);
}

/*
 * One write, so that lines of several programs never mix. False: syslog has been restarted, or the terminal at which a
 * daemon was started is gone. There is nobody to tell of other failures.
 */
static bool deliver(const char *line, size_t len)
{
	if (log_state.sink == LOG_SINK_SYSLOG)
		return send(log_state.fd, line, len - 1, MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
	if (write(log_state.sink == LOG_SINK_STDERR ? STDERR_FILENO : log_state.fd, line, len) >= 0)
		return true;
	if (log_state.sink != LOG_SINK_STDERR || (errno != EIO && errno != EPIPE))
		return true;
	snprintf(log_state.wanted, sizeof(log_state.wanted), "auto");
	return false;
}

static bool write_line(enum log_level level, const char *message)
{
	char line[ESCAPED_SIZE(LOG_TEXT_SIZE) + sizeof(log_state.container) + 256];
	char prefix[32];
	bool in_container = log_state.container[0] != '\0';
	int n;

	format_prefix(level, prefix, sizeof(prefix));
	n = snprintf(line, sizeof(line), "%s%s[%d]: %s%s%s%s: %s\n", prefix, log_state.program,
		     (int)getpid(), in_container ? "container " : "", log_state.container,
		     in_container ? ": " : "", log_levels[level].name, message);
	return n <= 0 || deliver(line, (size_t)n);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[LOG_TEXT_SIZE], escaped[ESCAPED_SIZE(LOG_TEXT_SIZE)];
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	escape(text, escaped, sizeof(escaped));
	if (prepare_sink() && !write_line(level, escaped)) {
		close_sink();
		if (prepare_sink())
			write_line(level, escaped);
	}
	errno = saved;
}

void log_error(const struct error *err, const char *what)
{
	log_line(LOG_LEVEL_ERROR, "%s: %s", what, err->msg);
}

void log_notes(const struct ocfg_notes *notes)
{
	for (unsigned i = 0; i < notes->count && i < OCFG_NOTES_MAX; i++)
		log_line(LOG_LEVEL_WARNING, "%s", notes->text[i]);
}
