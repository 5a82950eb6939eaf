/* SPDX-License-Identifier: Apache-2.0 */
/* A live upgrade: the keeper becomes another program (exec), with the same pid and everything that it holds. */
#include "hook/notify/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/probe.h"
#include "hook/common/proc.h"
#include "hook/notify/journal.h"
#include "hook/notify/keeper.h"
#include "hook/notify/requests.h"
#include "oci-config/cleanup.h"

#define CHECK_PATIENCE 10000 /* ms */
#define REST_PATIENCE  12000 /* longer than any connection lives that says nothing */
#define VERDICT	       "oci-ksmd understands this state, features "

int replace_check(int journal_fd, struct error *err)
{
	unsigned features;
	int rc = journal_check(journal_fd, err);

	if (rc < 0)
		return rc;
	features = probe(PROBE_ALL);
	if (!(features & PROBE_NOTIFY))
		return error_set(err, EOPNOTSUPP, "seccomp listeners");
	if (printf(VERDICT "%u\n", features) < 0 || fflush(stdout))
		return error_set(err, errno, "write to standard output");
	return 0;
}

void replace_init(struct keeper *k)
{
	k->replacement = (struct keeper_replacement){.program = -1, .output = -1};
}

void replace_forget(struct keeper *k)
{
	if (k->replacement.program >= 0)
		close(k->replacement.program);
	if (k->replacement.output >= 0)
		close(k->replacement.output);
	replace_init(k);
}

static void fail(struct keeper *k, const char *why)
{
	struct keeper_replacement *r = &k->replacement;

	log_line(LOG_LEVEL_ERROR, "not replaced: %s", why);
	if (r->check > 0)
		kill(r->check,
		     SIGKILL); /* replace_reap does not know it any more: it is only waited for */
	requests_fail(k, r->asked_by, why);
	replace_forget(k);
}

/* In the child. The journal is the only thing that it gets. */
static _Noreturn void run_check(const struct keeper *k, int output)
{
	char name[] = "oci-ksmd", option[64];
	char *argv[] = {name, option, NULL};
	sigset_t none;

	snprintf(option, sizeof(option), REPLACE_CHECK_OPTION "%d", k->journal_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(output, STDOUT_FILENO) >= 0 && fcntl(k->journal_fd, F_SETFD, 0) == 0)
		syscall(SYS_execveat, k->replacement.program, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

void replace_begin(struct keeper *k, struct connection *c)
{
	struct keeper_replacement *r = &k->replacement;
	int pair[2];

	if (r->program >= 0 || c->count != 1) {
		requests_fail(k, c,
			      c->count != 1 ? "the new program has to come with the request"
					    : "another replacement is under way");
		return;
	}
	c->asked = true;
	c->count = 0;
	*r = (struct keeper_replacement){.program = c->fds[0],
					 .asked_by = c,
					 .output = -1,
					 .deadline = keeper_now() + CHECK_PATIENCE};
	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0) {
		fail(k, strerror(errno));
		return;
	}
	r->output = pair[0];
	r->check = fork();
	if (r->check == 0)
		run_check(k, pair[1]);
	close(pair[1]);
	if (r->check < 0)
		fail(k, strerror(errno));
}

size_t replace_poll(const struct keeper *k, struct pollfd *ret)
{
	if (k->replacement.output < 0)
		return 0;
	*ret = (struct pollfd){.fd = k->replacement.output, .events = POLLIN};
	return 1;
}

int64_t replace_deadline(const struct keeper *k)
{
	return k->replacement.program >= 0 ? k->replacement.deadline : INT64_MAX;
}

int replace_reap(struct keeper *k, int pid, int status)
{
	struct keeper_replacement *r = &k->replacement;

	if (r->program < 0 || r->check != pid)
		return -1;
	r->check = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail(k, "the new program does not understand the state of this one");
	else
		r->deadline = keeper_now() + REST_PATIENCE;
	return 0;
}

static void set_inherited(const struct handover *handover, const struct journal *journal, int flags)
{
	const int fds[] = {handover->journal,	handover->socket,      handover->worker_fd,
			   handover->marker_fd, handover->wake_worker, handover->wake_marker,
			   handover->asked};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, flags);
	for (size_t i = 0; i < handover->count; i++)
		fcntl(handover->connections[i], F_SETFD, flags);
	for (uint32_t i = 0; i < journal->top; i++)
		if (journal->listener[i].held)
			fcntl(journal->listener[i].fd, F_SETFD, flags);
}

static void fill_handover(const struct keeper *k, unsigned features, struct handover *ret)
{
	const struct connections *all = &k->connections;

	*ret = (struct handover){.journal = k->journal_fd,
				 .socket = k->socket,
				 .made = k->path[0] != '\0',
				 .features = (int)features,
				 .worker = k->children[CHILD_WORKER].pid,
				 .worker_fd = k->children[CHILD_WORKER].fd,
				 .marker = k->children[CHILD_MARKER].pid,
				 .marker_fd = k->children[CHILD_MARKER].fd,
				 .wake_worker = k->wakes.worker,
				 .wake_marker = k->wakes.marker,
				 .asked = k->replacement.asked_by->fd};
	for (unsigned i = 0; i < all->top; i++)
		if (all->list[i].open && !all->list[i].asked)
			ret->connections[ret->count++] = all->list[i].fd;
}

/* The command line of the new program: ours, with what it takes over. NULL: no memory. */
static char **make_argv(const struct keeper *k, char *option)
{
	size_t count = 0, n = 0;
	char **argv;

	while (k->argv[count])
		count++;
	argv = calloc(count + 2, sizeof(*argv));
	for (size_t i = 0; argv && i < count; i++) {
		if (strncmp(k->argv[i], HANDOVER_OPTION, strlen(HANDOVER_OPTION)) == 0)
			continue;
		argv[n++] = k->argv[i];
		if (i == 0)
			argv[n++] = option;
	}
	return argv;
}

/* Worker and marker go on meanwhile; if the new program falls over, the worker finds its keeper gone. */
static void become(struct keeper *k, unsigned features)
{
	struct handover handover;
	char option[HANDOVER_SIZE];
	cleanup_free char **argv = NULL;

	fill_handover(k, features, &handover);
	handover_format(&handover, option);
	argv = make_argv(k, option);
	if (!argv) {
		fail(k, "out of memory");
		return;
	}
	log_line(LOG_LEVEL_INFO, "becoming the new program, with %u listeners", k->held);
	set_inherited(&handover, k->journal, 0);
	syscall(SYS_execveat, k->replacement.program, "", argv, environ, AT_EMPTY_PATH);
	set_inherited(&handover, k->journal, FD_CLOEXEC);
	fail(k, strerror(errno));
}

static void read_verdict(struct keeper_replacement *r)
{
	ssize_t n = read(r->output, r->verdict + r->len, sizeof(r->verdict) - 1 - r->len);

	if (n > 0) {
		r->len += (size_t)n;
	} else if (n == 0 || errno != EAGAIN) {
		close(r->output);
		r->output = -1;
	}
}

/* Exactly what replace_check prints: that a program ends well says little about it. */
static bool is_good(const struct keeper_replacement *r, unsigned *ret_features)
{
	const char *number = r->verdict + strlen(VERDICT);
	int64_t features;
	char again[sizeof(r->verdict)];

	if (strncmp(r->verdict, VERDICT, strlen(VERDICT)) != 0 ||
	    proc_number(number, &features) < 0 || features < 0 || features > UINT_MAX)
		return false;
	snprintf(again, sizeof(again), VERDICT "%u\n", (unsigned)features);
	*ret_features = (unsigned)features;
	return strcmp(again, r->verdict) == 0;
}

void replace_serve(struct keeper *k)
{
	struct keeper_replacement *r = &k->replacement;
	unsigned features;

	if (r->program < 0)
		return;
	if (r->output >= 0)
		read_verdict(r);
	if (r->output < 0 && r->check == 0) {
		if (!is_good(r, &features))
			fail(k, "that is no program that could take over");
		else if (connections_are_at_rest(k))
			become(k, features);
	}
	if (r->program >= 0 && r->deadline <= keeper_now())
		fail(k, r->check ? "the new program does not get ready"
				 : "there was always somebody in the middle of a message");
}
