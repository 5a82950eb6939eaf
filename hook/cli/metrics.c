/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm metrics: the figures of containers and of the host in Prometheus' text format, for node_exporter's textfile collector. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/figures.h"
#include "hook/common/engine_names.h"
#include "hook/common/escape.h"
#include "hook/common/ksm.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

/* A figure that is not known has no sample; the names are there all the same. */
struct family {
	const char *name; /* after "oci_ksm_"; an interface */
	const char *type;
	const char *unit; /* the name has it too; NULL: a number */
	const char *help;
};

static const struct family build_info = {"build_info", "gauge", NULL,
					 "Version of oci-ksm; always 1."};
static const struct family container_info = {
	"container_info", "gauge", NULL,
	"A container or run that can be merged, its engine's name for it, how, and the name of its "
	"first process; always 1."};

static const struct container_family {
	struct family family;
	size_t offset; /* of an int64_t in struct figures */
	bool is_share; /* in millionths */
} container_families[] = {
	{{"container_processes", "gauge", NULL, "Processes that it has."},
	 offsetof(struct figures, processes),
	 false},
	{{"container_mergeable_processes", "gauge", NULL,
	  "Of these, processes with memory that ksmd looks at."},
	 offsetof(struct figures, mergeable),
	 false},
	{{"container_anonymous_bytes", "gauge", "bytes", "Anonymous memory in RAM."},
	 offsetof(struct figures, anonymous),
	 false},
	{{"container_merged_bytes", "gauge", "bytes", "Memory that KSM shares with equal pages."},
	 offsetof(struct figures, merged),
	 false},
	{{"container_zero_bytes", "gauge", "bytes", "Of this, memory shared with the zero page."},
	 offsetof(struct figures, zero),
	 false},
	{{"container_scanned_bytes", "gauge", "bytes",
	  "Memory that ksmd keeps books of and looks at in each scan."},
	 offsetof(struct figures, scanned),
	 false},
	{{"container_scan_share_ratio", "gauge", NULL,
	  "Part of all memory that ksmd scans on this host; the same part of its CPU time is for "
	  "this container."},
	 offsetof(struct figures, share),
	 true},
	{{"container_profit_bytes", "gauge", "bytes",
	  "What the kernel reckons as its profit: merged memory less ksmd's own books."},
	 offsetof(struct figures, saved),
	 false},
};

static const struct family container_switched = {
	"container_switched", "gauge", NULL,
	"Of those that were switched while they run, and by whom: 1 on, 0 off."};

enum scale { NUMBER, PAGES /* bytes from pages */, MILLISECONDS /* seconds from these */ };

static const struct host_family {
	struct family family;
	const char *file; /* in KSM_SYS_DIR */
	enum scale scale;
} host_families[] = {
	{{"host_run", "gauge", NULL,
	  "Whether ksmd scans: 1 it does, 0 not, 2 it has unmerged all."},
	 "run",
	 NUMBER},
	{{"host_shared_bytes", "gauge", "bytes", "Memory that KSM's pages take."},
	 "pages_shared",
	 PAGES},
	{{"host_sharing_bytes", "gauge", "bytes", "Memory that maps KSM's pages beyond the first."},
	 "pages_sharing",
	 PAGES},
	{{"host_zero_bytes", "gauge", "bytes", "Memory that maps the kernel's zero page instead."},
	 "ksm_zero_pages",
	 PAGES},
	{{"host_unshared_bytes", "gauge", "bytes", "Memory that was scanned and has no equal."},
	 "pages_unshared",
	 PAGES},
	{{"host_volatile_bytes", "gauge", "bytes", "Memory that changes too fast to be merged."},
	 "pages_volatile",
	 PAGES},
	{{"host_profit_bytes", "gauge", "bytes", "What the kernel reckons as the host's profit."},
	 "general_profit",
	 NUMBER},
	{{"host_full_scans_total", "counter", NULL, "How often ksmd has been through all memory."},
	 "full_scans",
	 NUMBER},
	{{"host_scanned_bytes_total", "counter", "bytes", "Memory that ksmd has scanned."},
	 "pages_scanned",
	 PAGES},
	{{"host_pages_to_scan", "gauge", NULL, "Pages that ksmd scans before it sleeps."},
	 "pages_to_scan",
	 NUMBER},
	{{"host_sleep_seconds", "gauge", "seconds", "How long ksmd then sleeps."},
	 "sleep_millisecs",
	 MILLISECONDS},
};

static const struct family ksmd_cpu = {"host_ksmd_cpu_seconds_total", "counter", "seconds",
				       "CPU time that ksmd has used since the host started."};

static void put_header(FILE *out, const struct family *family)
{
	fprintf(out, "# HELP oci_ksm_%s %s\n# TYPE oci_ksm_%s %s\n", family->name, family->help,
		family->name, family->type);
	if (family->unit)
		fprintf(out, "# UNIT oci_ksm_%s %s\n", family->name, family->unit);
}

/* Whoever starts a container chooses names: here they are printable ASCII, with quotes and backslashes as the format wants. */
static void put_label(FILE *out, const char *name, const char *value)
{
	char text[ESCAPED_SIZE(ENGINE_NAME_MAX)];

	fprintf(out, "%s=\"", name);
	escape(value ? value : "", text, sizeof(text));
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

static void put_infos(FILE *out, const struct figures *figures, size_t count)
{
	put_header(out, &container_info);
	for (size_t i = 0; i < count; i++) {
		char mode[64];

		fprintf(out, "oci_ksm_%s{", container_info.name);
		put_label(out, "id", figures[i].record.id);
		fputc(',', out);
		put_label(out, "name", figures[i].name);
		fputc(',', out);
		put_label(out, "mode", figures_mode(&figures[i], mode, sizeof(mode)));
		fputc(',', out);
		put_label(out, "source", figures[i].record.source);
		fputc(',', out);
		put_label(out, "command", figures[i].command);
		fputs("} 1\n", out);
	}
	put_header(out, &container_switched);
	for (size_t i = 0; i < count; i++) {
		if (!figures[i].switched.id)
			continue;
		fprintf(out, "oci_ksm_%s{", container_switched.name);
		put_label(out, "id", figures[i].record.id);
		fputc(',', out);
		put_label(out, "by", figures[i].switched.by);
		fprintf(out, "} %d\n", figures[i].switched.merging);
	}
}

static void put_figure(FILE *out, const struct container_family *row, const struct figures *figures)
{
	int64_t value;

	memcpy(&value, (const char *)figures + row->offset, sizeof(value));
	if (value == KSM_UNKNOWN)
		return;
	fprintf(out, "oci_ksm_%s{", row->family.name);
	put_label(out, "id", figures->record.id);
	if (row->is_share)
		fprintf(out, "} %.6f\n", (double)value / 1e6);
	else
		fprintf(out, "} %" PRId64 "\n", value);
}

static void put_containers(FILE *out, const struct figures *figures, size_t count)
{
	put_infos(out, figures, count);
	for (size_t n = 0; n < sizeof(container_families) / sizeof(container_families[0]); n++) {
		put_header(out, &container_families[n].family);
		for (size_t i = 0; i < count; i++)
			put_figure(out, &container_families[n], &figures[i]);
	}
}

static void put_host(FILE *out)
{
	double cpu = ksm_cpu_seconds();

	for (size_t i = 0; i < sizeof(host_families) / sizeof(host_families[0]); i++) {
		const struct host_family *row = &host_families[i];
		int64_t value = ksm_sys_get(row->file);

		put_header(out, &row->family);
		if (value == KSM_UNKNOWN)
			continue;
		if (row->scale == MILLISECONDS)
			fprintf(out, "oci_ksm_%s %.3f\n", row->family.name, (double)value / 1000);
		else
			fprintf(out, "oci_ksm_%s %" PRId64 "\n", row->family.name,
				row->scale == PAGES ? value * sysconf(_SC_PAGESIZE) : value);
	}
	put_header(out, &ksmd_cpu);
	if (cpu >= 0)
		fprintf(out, "oci_ksm_%s %.2f\n", ksmd_cpu.name, cpu);
}

static int make_text(char **ret, size_t *ret_len, struct error *err)
{
	struct figures *figures = NULL;
	cleanup_free char *text = NULL;
	size_t count = 0, len = 0;
	FILE *out;
	int rc = figures_load(&figures, &count, err);

	if (rc < 0)
		return rc;
	out = open_memstream(&text, &len);
	if (out) {
		put_header(out, &build_info);
		fprintf(out, "oci_ksm_%s{version=\"%s\"} 1\n", build_info.name, OCI_KSM_VERSION);
		put_containers(out, figures, count);
		put_host(out);
	}
	figures_free(figures, count);
	if (!out || fclose(out))
		return error_set(err, ENOMEM, "text of metrics");
	*ret = steal_pointer(&text);
	*ret_len = len;
	return 0;
}

static int put_out(const char *path, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int rc = make_text(&text, &len, err);

	if (rc < 0)
		return rc;
	if (path)
		return ocfg_file_publish(AT_FDCWD, path, text, len, err);
	fwrite(text, 1, len, stdout);
	return 0;
}

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm metrics [<options>]\n\n"
	     "Print what 'oci-ksm status' knows, and the host's own figures, in Prometheus' text "
	     "format.\n\n"
	     "Options:\n"
	     " -o, --output=<file>  replace this file (mode 0644) instead; node_exporter reads "
	     "*.prom\n"
	     " -h, --help           display this help\n\n"
	     "oci-ksm-metrics.timer does this every 30 s, where it is enabled.");
}

int cli_metrics(int argc, char **argv)
{
	static const struct option longs[] = {
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	struct error err = {0};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
		if (c == 'h')
			return usage(), CLI_OK;
		if (c != 'o')
			return cli_try_help("metrics");
		path = optarg;
	}
	if (optind != argc)
		return cli_usage_error("metrics", "unexpected argument: %s", argv[optind]);
	if (put_out(path, &err) < 0) {
		cli_warn("%s", err.msg);
		return CLI_FAILED;
	}
	return CLI_OK;
}
