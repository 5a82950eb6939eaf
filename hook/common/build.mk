# hook/common: what the host's programs share.
COMMON_SRCS := $(addprefix hook/common/, \
	frames.c ksm.c pagemap.c proc.c \
	)
