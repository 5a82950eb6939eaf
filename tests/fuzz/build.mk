# Fuzz targets of oci-config: tests/fuzz/fuzz_NAME.c, their corpus in tests/fuzz/corpus/fuzz_NAME.
OCI_CONFIG_FUZZERS := json plan settings wishes state process_state record words
define fuzz_target
FUZZERS += fuzz_$(1)
fuzz_$(1)_SRCS := tests/fuzz/fuzz_$(1).c
endef
$(foreach t,$(OCI_CONFIG_FUZZERS),$(eval $(call fuzz_target,$(t))))
# The helper's reader of memory maps.
$(eval $(call fuzz_target,regions))
fuzz_regions_SRCS += hook/mark/regions.c
