# hook/common: what the host's programs share.
COMMON_SRCS := $(addprefix hook/common/, \
	bundle.c cgroup.c cgroup_find.c cgroup_procs.c contents.c engine_names.c estimate.c frames.c guess.c ksm.c pagemap.c pairs.c proc.c seen.c subordinate.c \
	ksm_knobs.c ksm_wishes.c ksm_tuning.c ksm_tuning_file.c \
	escape.c log.c paths.c caps.c rootfs.c ldso.c bind.c container.c traces.c notify_socket.c \
	probe.c probe_cache.c probe_exec.c probe_seccomp.c probe_vmas.c program.c switched.c alive.c domain.c claim.c layout.c \
	)
