/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper reads and counts: the handover of an upgrade, the service manager's descriptors, limits. */
#include <errno.h>
#include <unistd.h>

#include "hook/notify/handover.h"
#include "hook/notify/limit.h"
#include "hook/notify/systemd.h"
#include "oci-config/cleanup.h"
#include "tests/unit/unit.h"

static void handover_there_and_back(void **state)
{
	static struct handover there, back;
	static char text[HANDOVER_SIZE];

	(void)state;
	there = (struct handover){.journal = 3,
				  .socket = 4,
				  .made = 1,
				  .features = 511,
				  .worker = 4194304,
				  .worker_fd = 5,
				  .marker_fd = -1,
				  .wake_worker = 6,
				  .wake_marker = 7,
				  .asked = 8,
				  .count = HANDOVER_CONNECTIONS};
	for (int i = 0; i < HANDOVER_CONNECTIONS; i++)
		there.connections[i] = 1000000 + i;
	handover_format(&there, text);
	assert_int_equal(strncmp(text, HANDOVER_OPTION, strlen(HANDOVER_OPTION)), 0);
	assert_int_equal(handover_parse(text + strlen(HANDOVER_OPTION), &back, NULL), 0);
	assert_memory_equal(&there, &back, sizeof(there));
}

#define COMPLETE                                                                           \
	"journal=3,socket=4,made=0,features=1,worker=5,worker-fd=6,marker=7,marker-fd=-1," \
	"wake-worker=8,wake-marker=9,asked=10"

static void handover_of_other_versions(void **state)
{
	static struct handover handover;
	static const char *const bad[] = {"",
					  ",",
					  "=",
					  "journal",
					  "journal=",
					  "journal=x",
					  "journal=3",
					  COMPLETE ",x",
					  COMPLETE "x",
					  COMPLETE ",c=99999999999",
					  "journal=3,socket=4",
					  COMPLETE ",c=1 2"};

	(void)state;
	assert_int_equal(handover_parse(COMPLETE ",later=5,c=11,c=12", &handover, NULL), 0);
	assert_int_equal(handover.asked, 10);
	assert_int_equal(handover.count, 2);
	assert_int_equal(handover.connections[1], 12);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(handover_parse(bad[i], &handover, NULL), -EINVAL);
	/* What was there is untouched. */
	assert_int_equal(handover.asked, 10);
}

static void descriptors_of_the_manager(void **state)
{
	cleanup_free struct systemd_fd *fds = NULL;
	struct systemd_fd *none = NULL;
	char pid[32];
	size_t count = 9;

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	assert_int_equal(systemd_parse_fds(pid, "4", "oci-ksmd.socket:journal::listener-7", &fds,
					   &count, NULL),
			 0);
	assert_int_equal(count, 4);
	assert_int_equal(fds[0].fd, SYSTEMD_FDS_START);
	assert_int_equal(fds[3].fd, SYSTEMD_FDS_START + 3);
	assert_string_equal(fds[0].name, "oci-ksmd.socket");
	assert_string_equal(fds[1].name, "journal");
	assert_string_equal(fds[2].name, "");
	assert_string_equal(fds[3].name, "listener-7");
	/* Fewer names than descriptors, or none. */
	free(steal_pointer(&fds));
	assert_int_equal(systemd_parse_fds(pid, "2", "one", &fds, &count, NULL), 0);
	assert_string_equal(fds[1].name, "");
	free(steal_pointer(&fds));
	assert_int_equal(systemd_parse_fds(pid, "1", NULL, &fds, &count, NULL), 0);
	assert_string_equal(fds[0].name, "");
	/* Not set, for somebody else, none. */
	assert_int_equal(systemd_parse_fds(NULL, NULL, NULL, &none, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(systemd_parse_fds("1", "2", "a:b", &none, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(systemd_parse_fds(pid, "0", "", &none, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_null(none);
}

static void descriptors_that_are_none(void **state)
{
	static const char *const bad[] = {
		"", "-1", "x", "1x", " 1", "99999", "99999999999999999999"};
	struct systemd_fd *fds = NULL;
	size_t count = 0;
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(systemd_parse_fds(pid, bad[i], "a", &fds, &count, NULL), -EINVAL);
		if (strcmp(bad[i], "99999") != 0)
			assert_int_equal(systemd_parse_fds(bad[i], "1", "a", &fds, &count, NULL),
					 -EINVAL);
	}
	assert_null(fds);
}

static void limits(void **state)
{
	struct limit limit = {.burst = 3, .every = 10};
	unsigned refused = 9;

	(void)state;
	assert_true(limit_allows(&limit, 1000, &refused));
	assert_int_equal(refused, 0);
	assert_true(limit_allows(&limit, 1000, NULL));
	assert_true(limit_allows(&limit, 1001, NULL));
	assert_false(limit_allows(&limit, 1002, NULL));
	assert_false(limit_allows(&limit, 1009, NULL));
	assert_int_equal(limit_next(&limit), 1010);
	assert_true(limit_allows(&limit, 1010, &refused));
	assert_int_equal(refused, 2);
	assert_false(limit_allows(&limit, 1019, NULL));
	/* Everything has come back. */
	for (int i = 0; i < 3; i++)
		assert_true(limit_allows(&limit, 5000, NULL));
	assert_false(limit_allows(&limit, 5000, NULL));
	assert_int_equal(limit_next(&limit), 5010);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handover_there_and_back),
		cmocka_unit_test(handover_of_other_versions),
		cmocka_unit_test(descriptors_of_the_manager),
		cmocka_unit_test(descriptors_that_are_none),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
