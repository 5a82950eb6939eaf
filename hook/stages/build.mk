# oci-ksm-hook
PROGRAMS += oci-ksm-hook
oci-ksm-hook_STATIC := yes
oci-ksm-hook_SRCS := $(addprefix hook/stages/, \
	main.c input.c prestart.c place.c whole.c precreate.c poststop.c) $(INJECT_SRCS)
