/* SPDX-License-Identifier: Apache-2.0 */
/* What people's programs ask the keeper on its socket: one line each way (hook/common/notify_socket.h). */
#include "hook/notify/requests.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hook/common/escape.h"
#include "hook/notify/keeper.h"
#include "hook/notify/replace.h"
#include "oci-config/json.h"

/* Places left for those that were told they could come, and for exec sessions of what is served already. */
#define RESERVE 64

void requests_fail(struct keeper *k, struct connection *c, const char *why)
{
	cleanup_json json_object *answer = json_object_new_object();
	struct error err = {0};
	const char *text;
	char line[1024];
	size_t len;
	int n;

	if (ocfg_json_add(answer, "oci-ksm", json_object_new_string("error"), &err) < 0 ||
	    ocfg_json_add(answer, "message", json_object_new_string(why), &err) < 0 ||
	    ocfg_json_print(answer, &text, &len, &err) < 0)
		text = "{\"oci-ksm\":\"error\"}";
	n = snprintf(line, sizeof(line), "%s\n", text);
	connection_answer(k, c, line, n < (int)sizeof(line) ? (size_t)n : 0);
}

static void hello(struct keeper *k, struct connection *c)
{
	uint32_t left = k->capacity - k->held;
	char line[256];
	int n;

	if (left <= (k->capacity < 8 * RESERVE ? k->capacity / 8 : RESERVE)) {
		snprintf(line, sizeof(line), "it serves %u containers, and cannot take more",
			 k->held);
		requests_fail(k, c, line);
		return;
	}
	if (k->ending || k->children[CHILD_WORKER].pid == 0) {
		requests_fail(k, c,
			      k->ending ? "it is ending when its last container ends "
					  "(oci-ksmd --replace has it go on)"
					: "its worker does not run");
		return;
	}
	n = snprintf(line, sizeof(line),
		     "{\"oci-ksm\":\"hello\",\"version\":\"" OCI_KSM_VERSION
		     "\",\"keeper\":%d,\"worker\":%d,\"containers\":%u,\"features\":%u}\n",
		     (int)getpid(), (int)k->children[CHILD_WORKER].pid, k->held, k->features);
	connection_answer(k, c, line, (size_t)n);
}

void requests_answer(struct keeper *k, struct connection *c)
{
	cleanup_json json_object *request = NULL;
	struct error err = {0};
	const char *kind = "";
	int rc = ocfg_json_parse(c->text, c->len, &request, &err);

	if (rc == 0)
		rc = ocfg_json_get_string(request, "oci-ksm", &kind, &err);
	if (rc < 0)
		requests_fail(k, c, err.msg);
	else if (strcmp(kind, "hello") == 0)
		hello(k, c);
	else if (strcmp(kind, "replace") == 0)
		replace_begin(k, c);
	else
		requests_fail(k, c, "there is no such request");
}

void requests_replaced(int fd)
{
	static const char line[] = "{\"oci-ksm\":\"replaced\"}\n";

	(void)!send(fd, line, sizeof(line) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}
