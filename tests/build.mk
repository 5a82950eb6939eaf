# Test programs (TESTS: cmocka), helpers of tests (TOOLS) and fuzz targets (FUZZERS).

TOOLS += ksm-census
ksm-census_SRCS := $(addprefix tests/tools/, ksm-census.c settle.c)
ksm-census_LIBS := -lxxhash

include tests/inject/build.mk tests/notify/build.mk
include tests/shim/build.mk
include tests/bench/build.mk
include tests/workloads/build.mk
include tests/unit/build.mk
include tests/fuzz/build.mk
include tests/kernels/build.mk
