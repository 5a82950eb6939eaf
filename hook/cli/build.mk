# oci-ksm
PROGRAMS += oci-ksm
oci-ksm_SRCS := $(addprefix hook/cli/, \
	main.c run.c status.c doctor.c probes_kernel.c probes_install.c records.c table.c)
