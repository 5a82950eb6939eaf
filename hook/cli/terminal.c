/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that a program has for itself for a while, and gives back as it was, however the program ends. */
#include "hook/cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "oci-config/file.h"

/* The alternate screen, no cursor, no continuation of long lines; and back. */
static const char enter_text[] = "\033[?1049h\033[?25l\033[?7l";
static const char leave_text[] = "\033[?7h\033[?25h\033[?1049l";

static const int fatal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,	SIGABRT, SIGBUS,  SIGFPE, SIGSEGV,
			    SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};

/* Read and written by signal handlers as well. */
static struct termios saved, keys;
static volatile sig_atomic_t is_ours, has_keys, is_stale;
static int saved_stderr = -1;

static void enter(void)
{
	if (has_keys)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
	(void)ocfg_file_write_full(STDOUT_FILENO, enter_text, sizeof(enter_text) - 1);
	is_ours = 1;
}

static void leave(void)
{
	if (!is_ours)
		return;
	is_ours = 0;
	(void)ocfg_file_write_full(STDOUT_FILENO, leave_text, sizeof(leave_text) - 1);
	if (has_keys)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

/* What it does by itself, it then does: the handler is gone. */
static void on_fatal(int signal)
{
	leave();
	raise(signal);
}

static void on_stop(int signal)
{
	int saved_errno = errno;

	(void)signal;
	leave();
	raise(SIGSTOP);
	errno = saved_errno;
}

static void on_continue(int signal)
{
	int saved_errno = errno;

	(void)signal;
	enter();
	is_stale = 1;
	errno = saved_errno;
}

static void on_resize(int signal)
{
	(void)signal;
	is_stale = 1;
}

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;

	sigemptyset(&action.sa_mask);
	/* nohup and the like stay in force. */
	if (sigaction(signal, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
		return;
	sigaction(signal, &action, NULL);
}

bool terminal_is_there(void)
{
	const char *type = getenv("TERM");

	return isatty(STDOUT_FILENO) && type && *type && strcmp(type, "dumb") != 0;
}

/* Messages of each look would be drawn over the screen. */
static void silence(void)
{
	int null;

	if (!isatty(STDERR_FILENO))
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (null >= 0 && saved_stderr >= 0)
		dup2(null, STDERR_FILENO);
	if (null >= 0)
		close(null);
}

int terminal_begin(struct error *err)
{
	sigset_t waited;

	if (isatty(STDIN_FILENO)) {
		if (tcgetattr(STDIN_FILENO, &saved) < 0)
			return error_set(err, errno, "terminal");
		keys = saved;
		keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		keys.c_cc[VMIN] = 1;
		keys.c_cc[VTIME] = 0;
		has_keys = 1;
	}
	/* These are waited for only: none is missed between looking and waiting. */
	sigemptyset(&waited);
	sigaddset(&waited, SIGWINCH);
	sigaddset(&waited, SIGCONT);
	sigaddset(&waited, SIGTSTP);
	sigprocmask(SIG_BLOCK, &waited, NULL);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		handle(fatal[i], on_fatal, (int)(SA_RESETHAND | SA_NODEFER));
	handle(SIGTSTP, on_stop, 0);
	handle(SIGCONT, on_continue, 0);
	handle(SIGWINCH, on_resize, 0);
	atexit(terminal_end);
	silence();
	enter();
	return 0;
}

void terminal_end(void)
{
	leave();
	if (saved_stderr < 0)
		return;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	saved_stderr = -1;
}

void terminal_size(size_t *rows, size_t *columns)
{
	struct winsize size = {0};

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*rows = size.ws_row ? size.ws_row : 24;
	*columns = size.ws_col ? size.ws_col : 80;
}

/* What was typed, and not taken yet. */
static char typed[64];
static size_t typed_count;

/* A function key is a sequence of characters (ESC [ ... letter, ESC O letter), of which none is meant. */
static size_t sequence_length(const char *text, size_t len)
{
	size_t n = 2;

	if (len < 2 || (text[1] != '[' && text[1] != 'O'))
		return 1;
	while (n < len && text[1] == '[' && !(text[n] >= '@' && text[n] <= '~'))
		n++;
	return n < len ? n + 1 : len;
}

/* The next key, or 0. */
static int take_key(void)
{
	int key = 0;

	while (typed_count && !key) {
		size_t len = *typed == '\033' ? sequence_length(typed, typed_count) : 1;

		key = *typed == '\033' ? 0 : (unsigned char)*typed;
		typed_count -= len;
		memmove(typed, typed + len, typed_count);
	}
	return key;
}

static int read_key(void)
{
	ssize_t len = read(STDIN_FILENO, typed, sizeof(typed));

	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (len <= 0)
		return -1;
	typed_count = (size_t)len;
	return take_key();
}

int terminal_key(double seconds)
{
	struct pollfd input = {.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN};
	struct timespec timeout = {.tv_sec = (time_t)seconds};
	sigset_t none;
	int rc = take_key();

	if (rc)
		return rc;
	timeout.tv_nsec = (long)((seconds - (double)timeout.tv_sec) * 1e9);
	sigprocmask(SIG_BLOCK, NULL, &none);
	sigdelset(&none, SIGWINCH);
	sigdelset(&none, SIGCONT);
	sigdelset(&none, SIGTSTP);
	is_stale = 0;
	rc = ppoll(&input, 1, &timeout, &none);
	if (rc <= 0 || is_stale)
		return 0;
	return input.revents & (POLLIN | POLLHUP | POLLERR) ? read_key() : 0;
}
