# oci-ksm-runtime
PROGRAMS += oci-ksm-runtime
oci-ksm-runtime_STATIC := yes
oci-ksm-runtime_SRCS := $(addprefix hook/runtime/, \
	main.c args.c real.c report.c features.c edit_create.c edit_exec.c)
