/* SPDX-License-Identifier: Apache-2.0 */
/* What containers wish: modes, sizes, annotations, the environment and the settings behind them. */
#include <errno.h>

#include "oci-config/annotations.h"
#include "oci-config/mode.h"
#include "tests/unit/unit.h"

static void parses_sizes(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} good[] = {
		{"0", 0},
		{"1", 1},
		{"65536", 65536},
		{"64K", 65536},
		{"64k", 65536},
		{"2M", 2 << 20},
		{"2m", 2 << 20},
		{"3G", 3ul << 30},
		{"1g", 1 << 30},
		{"0000010", 10},
		{"18446744073709551615", SIZE_MAX},
		{"17179869183G", 17179869183ul << 30},
	};
	static const char *const bad[] = {"",	"K",   "-1",  "+1",  " 1",   "1 ",   "1KB",
					  "1T", "1.5", "0x4", "1,5", "1K2K", "64k\n"};
	static const char *const large[] = {"18446744073709551616", "99999999999999999999999999",
					    "17179869184G", "18014398509481984K"};
	size_t size = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_ok(ocfg_size_parse(good[i].text, &size, &err));
		assert_true(size == good[i].size);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_error(ocfg_size_parse(bad[i], &size, &err), EINVAL, "is no size");
	for (size_t i = 0; i < COUNT(large); i++)
		assert_error(ocfg_size_parse(large[i], &size, &err), ERANGE, large[i]);
	assert_true(size == good[COUNT(good) - 1].size);
}

static void parses_and_prints_modes(void **state)
{
	static const struct {
		const char *text;
		unsigned modes;
		const char *printed;
	} good[] = {
		{"off", 0, "off"},
		{"auto", OCFG_MODE_AUTO, "auto"},
		{"preload", OCFG_MODE_PRELOAD, "preload"},
		{"notify,preload", OCFG_MODE_PRELOAD | OCFG_MODE_NOTIFY, "preload,notify"},
		{"process,process", OCFG_MODE_PROCESS, "process"},
		{"auto,process,notify,preload",
		 OCFG_MODE_AUTO | OCFG_MODE_PROCESS | OCFG_MODE_NOTIFY | OCFG_MODE_PRELOAD,
		 "preload,notify,process,auto"},
	};
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"", "unknown mode \"\""},
		{"Preload", "unknown mode \"Preload\""},
		{"preload,", "unknown mode \"\""},
		{"preload, notify", "unknown mode \" notify\""},
		{"off,preload", "unknown mode \"off\""},
		{"preloads", "unknown mode \"preloads\""},
		{"0123456789012345678901234567890123456789",
		 "unknown mode \"01234567890123456789012345678901\""},
	};
	unsigned modes = 77;
	char buf[64], small[10];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_error(ocfg_mode_parse(bad[i].text, &modes, &err), EINVAL, bad[i].words);
	assert_int_equal(modes, 77);
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_ok(ocfg_mode_parse(good[i].text, &modes, &err));
		assert_int_equal(modes, good[i].modes);
		assert_string_equal(ocfg_mode_format(modes, buf, sizeof(buf)), good[i].printed);
	}
	assert_string_equal(ocfg_mode_format(modes, small, sizeof(small)), "preload,n");
}

#define MODE(value) "\"oci-ksm/mode\":\"" value "\""
#define WITH(a)	    "{\"annotations\":{" a "}}"
#define ENV(e)	    "{\"process\":{\"env\":[" e "]}}"
#define P	    OCFG_MODE_PRELOAD
#define N	    OCFG_MODE_NOTIFY
#define A	    OCFG_MODE_AUTO

/* enable, opted_in and the document decide the modes; the settings' mode is "notify" throughout. */
static void opts_in_only_where_asked(void **state)
{
	static const struct {
		enum ocfg_enable enable;
		bool opted_in;
		const char *text;
		unsigned modes, notes;
	} cases[] = {
		{OCFG_ENABLE_ANNOTATED, false, "{}", 0, 0},
		{OCFG_ENABLE_ANNOTATED, true, "{}", N, 0},
		{OCFG_ENABLE_ALL, false, "{}", N, 0},
		{OCFG_ENABLE_NONE, true, WITH(MODE("preload")), 0, 0},
		{OCFG_ENABLE_NONE, true, WITH("\"oci-ksm/x\":\"\""), 0, 0},
		{OCFG_ENABLE_ANNOTATED, false, WITH(MODE("preload")), P, 0},
		{OCFG_ENABLE_ANNOTATED, true, WITH(MODE("auto")), A, 0},
		{OCFG_ENABLE_ANNOTATED, true, WITH(MODE("off")), 0, 0},
		{OCFG_ENABLE_ALL, true, WITH(MODE("off")), 0, 0},
		{OCFG_ENABLE_ANNOTATED, false, WITH(MODE("prelaod")), N, 1},
		{OCFG_ENABLE_ANNOTATED, false, WITH("\"oci-ksm/min-size\":\"1K\""), 0, 0},
		{OCFG_ENABLE_ANNOTATED, false, ENV("\"OCI_KSM_MODE=preload\""), P, 0},
		{OCFG_ENABLE_ALL, false, ENV("\"OCI_KSM_MODE=off\""), 0, 0},
		{OCFG_ENABLE_ANNOTATED, false, ENV("\"OCI_KSM_MODE=\""), N, 1},
		{OCFG_ENABLE_ANNOTATED, false,
		 "{\"process\":{\"env\":[\"OCI_KSM_MODE=off\"]},\"annotations\":{" MODE(
			 "preload") "}}",
		 P, 0},
		{OCFG_ENABLE_ALL, true,
		 WITH(MODE("preload") ",\"io.kubernetes.cri.container-type\":\"sandbox\""), 0, 0},
		{OCFG_ENABLE_ALL, true,
		 WITH("\"oci-ksm/bad\":\"\",\"oci-ksm/required\":\"true\","
		      "\"io.kubernetes.cri.container-type\":\"sandbox\""),
		 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].text);
		const struct ocfg_settings settings = {.enable = cases[i].enable,
						       .mode = OCFG_MODE_NOTIFY};
		struct ocfg_wishes wishes;
		struct ocfg_notes notes = {0};

		assert_ok(ocfg_wishes_read(&spec, &settings, cases[i].opted_in, &wishes, &notes,
					   &err));
		if (wishes.modes != cases[i].modes || notes.count != cases[i].notes)
			fail_msg("%s: modes %u, %u notes: %s", cases[i].text, wishes.modes,
				 notes.count, notes.text[0]);
		ocfg_spec_done(&spec);
	}
}

static void reads_every_annotation(void **state)
{
	struct ocfg_spec spec = config_of(
		WITH(MODE("preload") ",\"oci-ksm/min-size\":\"64K\",\"oci-ksm/domain\":\"a.b-c\","
				     "\"oci-ksm/layout\":\"shared\",\"oci-ksm/required\":\"true\","
				     "\"other\":\"x\",\"oci-ksmx/mode\":\"y\""));
	const struct ocfg_settings settings = {.min_size = 1};
	struct ocfg_wishes wishes;
	struct ocfg_notes notes = {0};

	(void)state;
	assert_ok(ocfg_wishes_read(&spec, &settings, false, &wishes, &notes, &err));
	assert_int_equal(wishes.modes, OCFG_MODE_PRELOAD);
	assert_int_equal(wishes.min_size, 65536);
	assert_true(wishes.required);
	assert_true(wishes.layout_shared);
	assert_string_equal(wishes.domain, "a.b-c");
	assert_int_equal(notes.count, 0);
	ocfg_spec_done(&spec);
}

#define DOMAIN(value)	  "\"oci-ksm/domain\":\"" value "\""
#define CONTAINERD(value) "\"" OCFG_NAMESPACE_CONTAINERD "\":\"" value "\""
#define CRIO(value)	  "\"" OCFG_NAMESPACE_CRIO "\":\"" value "\""

/* The settings' domain is "default" throughout. */
static void takes_the_domain_from_whom_the_settings_say(void **state)
{
	static const struct {
		bool from_namespace;
		const char *text, *domain;
		bool uncertain;
		unsigned notes;
	} cases[] = {
		{false, "{}", "default", false, 0},
		{false, WITH(DOMAIN("a")), "a", false, 0},
		{false, WITH(DOMAIN("a b")), "default", false, 1},
		{false, WITH(CONTAINERD("n")), "default", false, 0},
		{false, ENV("\"OCI_KSM_DOMAIN=a\""), "a", false, 0},
		{false, ENV("\"OCI_KSM_DOMAIN=\""), "default", false, 1},
		{false,
		 "{\"process\":{\"env\":[\"OCI_KSM_DOMAIN=e\"]},\"annotations\":{" DOMAIN("a") "}}",
		 "a", false, 0},
		{true, "{}", "default", false, 0},
		{true, WITH(DOMAIN("a")), "default", false, 1},
		{true, WITH(CONTAINERD("n")), "n", false, 0},
		{true, WITH(CRIO("n")), "n", false, 0},
		{true, WITH(CRIO("n") "," DOMAIN("victim")), "n", false, 1},
		{true, WITH(CRIO("n") "," DOMAIN("n")), "n", false, 0},
		{true,
		 "{\"process\":{\"env\":[\"OCI_KSM_DOMAIN=victim\"]},\"annotations\":{" CONTAINERD(
			 "n") "}}",
		 "n", false, 1},
		{true, WITH(CONTAINERD("n") "," CRIO("n")), "n", false, 0},
		{true, WITH(CONTAINERD("n") "," CRIO("victim")), "n", true, 0},
		{true, WITH(CONTAINERD("a/b")), "default", true, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].text);
		const struct ocfg_settings settings = {.mode = OCFG_MODE_AUTO,
						       .domain = "default",
						       .domain_from_namespace =
							       cases[i].from_namespace};
		struct ocfg_wishes wishes;
		struct ocfg_notes notes = {0};

		assert_ok(ocfg_wishes_read(&spec, &settings, true, &wishes, &notes, &err));
		if ((!cases[i].uncertain && strcmp(wishes.domain, cases[i].domain) != 0) ||
		    wishes.domain_is_uncertain != cases[i].uncertain ||
		    notes.count != cases[i].notes)
			fail_msg("%s: domain %s, %u notes: %s", cases[i].text, wishes.domain,
				 notes.count, notes.text[0]);
		ocfg_spec_done(&spec);
	}
}

static void refuses_a_domain_over_the_namespace_where_merging_is_required(void **state)
{
	struct ocfg_spec spec =
		config_of(WITH(CRIO("n") "," DOMAIN("victim") ",\"oci-ksm/required\":\"true\""));
	const struct ocfg_settings settings = {.mode = OCFG_MODE_AUTO,
					       .domain_from_namespace = true};
	struct ocfg_wishes wishes;
	struct ocfg_notes notes = {0};

	(void)state;
	assert_error(ocfg_wishes_read(&spec, &settings, true, &wishes, &notes, &err), EINVAL,
		     "annotation oci-ksm/domain: not taken");
	ocfg_spec_done(&spec);
}

static void reads_the_layout_from_the_environment(void **state)
{
	struct ocfg_spec spec = config_of(ENV("\"OCI_KSM_LAYOUT=shared\""));
	const struct ocfg_settings settings = {.mode = OCFG_MODE_AUTO};
	struct ocfg_wishes wishes;
	struct ocfg_notes notes = {0};

	(void)state;
	assert_ok(ocfg_wishes_read(&spec, &settings, true, &wishes, &notes, &err));
	assert_true(wishes.layout_shared);
	assert_int_equal(notes.count, 0);
	ocfg_spec_done(&spec);
}

static const struct {
	const char *annotation, *words;
} bad[] = {
	{MODE("x"), "annotation oci-ksm/mode: unknown mode \"x\""},
	{"\"oci-ksm/min-size\":\"big\"", "annotation oci-ksm/min-size: \"big\" is no size"},
	{"\"oci-ksm/min-size\":\"99999999999G\"", "annotation oci-ksm/min-size: size"},
	{"\"oci-ksm/layout\":\"random\"", "annotation oci-ksm/layout: unknown layout \"random\""},
	{"\"oci-ksm/domain\":\"\"", "annotation oci-ksm/domain: not 1 to 63"},
	{"\"oci-ksm/domain\":\"a/b\"", "annotation oci-ksm/domain: not 1 to 63"},
	{"\"oci-ksm/domain\":\"0123456789012345678901234567890123456789012345678901234567890123\"",
	 "annotation oci-ksm/domain: not 1 to 63"},
	{"\"oci-ksm/modes\":\"preload\"", "annotation oci-ksm/modes: unknown key"},
	{"\"oci-ksm/\":\"\"", "annotation oci-ksm/: unknown key"},
};

static void notes_bad_annotations_and_takes_the_defaults(void **state)
{
	const struct ocfg_settings settings = {.mode = OCFG_MODE_AUTO, .min_size = 5};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		cleanup_free char *text = NULL;
		struct ocfg_spec spec;
		struct ocfg_wishes wishes;
		struct ocfg_notes notes = {0};

		assert_true(asprintf(&text, WITH("%s"), bad[i].annotation) > 0);
		spec = config_of(text);
		assert_ok(ocfg_wishes_read(&spec, &settings, true, &wishes, &notes, &err));
		assert_int_equal(notes.count, 1);
		if (!strstr(notes.text[0], bad[i].words) ||
		    !strstr(notes.text[0], ", using the default"))
			fail_msg("\"%s\" lacks \"%s\"", notes.text[0], bad[i].words);
		assert_int_equal(wishes.modes, OCFG_MODE_AUTO);
		assert_int_equal(wishes.min_size, 5);
		assert_false(wishes.required);
		assert_false(wishes.layout_shared);
		assert_string_equal(wishes.domain, "");
		ocfg_spec_done(&spec);
	}
}

/* Wherever "required" stands among them, the first bad annotation is the error. */
static void is_strict_where_merging_is_required(void **state)
{
	static const char *const orders[] = {WITH("\"oci-ksm/required\":\"true\",%s"),
					     WITH("%s,\"oci-ksm/required\":\"true\"")};
	const struct ocfg_settings settings = {.mode = OCFG_MODE_AUTO};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(bad); i++) {
		const char *order = orders[i % 2], *at = strstr(order, "%s");
		cleanup_free char *text = NULL;
		struct ocfg_spec spec;
		struct ocfg_wishes wishes;
		struct ocfg_notes notes = {0};

		assert_true(asprintf(&text, "%.*s%s%s", (int)(at - order), order,
				     bad[i / 2].annotation, at + 2) > 0);
		spec = config_of(text);
		assert_error(ocfg_wishes_read(&spec, &settings, true, &wishes, &notes, &err),
			     EINVAL, bad[i / 2].words);
		ocfg_spec_done(&spec);
	}
}

static void needs_a_mode_where_merging_is_required(void **state)
{
	static const struct {
		const char *text;
		bool opted_in, refused;
	} cases[] = {
		{WITH("\"oci-ksm/required\":\"true\""), false, true},
		{WITH("\"oci-ksm/required\":\"true\""), true, false},
		{WITH("\"oci-ksm/required\":\"false\""), false, false},
		{WITH(MODE("off") ",\"oci-ksm/required\":\"true\""), true, false},
	};
	const struct ocfg_settings settings = {.mode = OCFG_MODE_AUTO};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].text);
		struct ocfg_wishes wishes;
		struct ocfg_notes notes = {0};

		if (cases[i].refused)
			assert_error(ocfg_wishes_read(&spec, &settings, cases[i].opted_in, &wishes,
						      &notes, &err),
				     EINVAL, "oci-ksm/mode is missing");
		else
			assert_ok(ocfg_wishes_read(&spec, &settings, cases[i].opted_in, &wishes,
						   &notes, &err));
		ocfg_spec_done(&spec);
	}
}

static void needs_a_clear_yes_for_required(void **state)
{
	struct ocfg_spec spec = config_of(WITH("\"oci-ksm/required\":\"yes\""));
	struct ocfg_settings settings = {.mode = OCFG_MODE_AUTO};
	struct ocfg_wishes wishes;
	struct ocfg_notes notes = {0};

	(void)state;
	assert_ok(ocfg_wishes_read(&spec, &settings, true, &wishes, &notes, &err));
	assert_false(wishes.required);
	assert_string_equal(notes.text[0], "annotation oci-ksm/required: neither \"true\" nor "
					   "\"false\", using the default");
	ocfg_spec_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_sizes),
		cmocka_unit_test(parses_and_prints_modes),
		cmocka_unit_test(opts_in_only_where_asked),
		cmocka_unit_test(reads_every_annotation),
		cmocka_unit_test(takes_the_domain_from_whom_the_settings_say),
		cmocka_unit_test(refuses_a_domain_over_the_namespace_where_merging_is_required),
		cmocka_unit_test(reads_the_layout_from_the_environment),
		cmocka_unit_test(notes_bad_annotations_and_takes_the_defaults),
		cmocka_unit_test(is_strict_where_merging_is_required),
		cmocka_unit_test(needs_a_mode_where_merging_is_required),
		cmocka_unit_test(needs_a_clear_yes_for_required),
	};

	return cmocka_run_group_tests_name("annotations", tests, NULL, NULL);
}
