# oci-config: what OCI documents say and how they are edited. json-c only.
OCI_CONFIG_SRCS := $(addprefix oci-config/, \
	error.c)
