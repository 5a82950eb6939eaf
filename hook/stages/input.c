/* SPDX-License-Identifier: Apache-2.0 */
/* stdin of a hook, read to its end whatever comes. */
#include "hook/stages/input.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "oci-config/cleanup.h"
#include "oci-config/file.h"

#define STATE_MAX   (1u << 20)
#define INPUT_CHUNK (64u << 10)

/* Up to `size` bytes; 0 at the end, also if there is no stdin at all. */
static size_t read_some(char *buf, size_t size)
{
	ssize_t n;

	do {
		n = read(STDIN_FILENO, buf, size);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? (size_t)n : 0;
}

void input_read(size_t max, struct input *ret)
{
	size_t size = 0, n;

	*ret = (struct input){.whole = false};
	for (;;) {
		if (ret->len == size) {
			char *grown =
				size > max ? NULL : realloc(ret->text, size * 2 + INPUT_CHUNK);

			if (!grown)
				return;
			ret->text = grown;
			size = size * 2 + INPUT_CHUNK;
		}
		n = read_some(ret->text + ret->len, size - ret->len);
		if (n == 0)
			break;
		ret->len += n;
	}
	ret->whole = ret->len <= max;
}

void input_drain(const struct input *input)
{
	char buf[4096];

	if (input->whole)
		return;
	while (read_some(buf, sizeof(buf)) > 0)
		;
}

int input_echo(const struct input *input)
{
	char buf[4096];
	size_t n;
	int rc = ocfg_file_write_full(STDOUT_FILENO, input->text, input->len);

	while (rc == 0 && !input->whole && (n = read_some(buf, sizeof(buf))) > 0)
		rc = ocfg_file_write_full(STDOUT_FILENO, buf, n);
	return rc;
}

void input_done(struct input *input)
{
	free(input->text);
	*input = (struct input){.whole = false};
}

int input_state(struct ocfg_oci_state *ret, struct error *err)
{
	struct input input;
	int rc;

	input_read(STATE_MAX, &input);
	input_drain(&input);
	if (input.whole)
		rc = ocfg_oci_state_parse(input.text, input.len, ret, err);
	else
		rc = error_set(err, EFBIG, "read the container's state");
	input_done(&input);
	return rc;
}
