# oci-config: what OCI documents say and how they are edited. json-c only.
OCI_CONFIG_SRCS := $(addprefix oci-config/, \
	error.c notes.c file.c json.c json_scan.c mode.c size.c \
	spec.c edits.c env.c mounts.c hooks.c notify.c seccomp.c \
	seccomp_set.c seccomp_json.c seccomp_plan.c seccomp_notify.c seccomp_undo.c plan.c \
	settings.c settings_ksm.c annotations.c policy.c state.c process_state.c record.c)
