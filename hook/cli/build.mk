# oci-ksm
PROGRAMS += oci-ksm
oci-ksm_SRCS := $(addprefix hook/cli/, \
	main.c tune.c run.c run_record.c run_notify.c run_filter.c doctor.c probes_kernel.c probes_ksmd.c probes_features.c probes_install.c probes_notify.c \
	records.c known.c table.c columns.c figures.c figures_list.c figures_choose.c figures_frames.c host.c status.c metrics.c \
	top.c top_view.c trends.c screen.c terminal.c \
	estimate.c targets.c estimate_scan.c estimate_reader.c estimate_guard.c estimate_kin.c estimate_print.c \
	switch.c switch_target.c switch_print.c) $(MARK_SRCS) $(INJECT_SRCS)
oci-ksm_LIBS := -lseccomp -lxxhash -lpthread
