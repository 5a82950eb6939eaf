# hook/inject: system calls inside another process. A program that uses it: NAME_SRCS += $(INJECT_SRCS)
INJECT_SRCS := $(addprefix hook/inject/, \
	inject.c stop.c release.c state.c status.c waits.c trampoline.c calls.c madvise.c \
	arch_x86_64.c arch_aarch64.c)
