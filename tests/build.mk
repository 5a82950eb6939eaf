# Test programs (TESTS: cmocka), helpers of tests (TOOLS) and fuzz targets (FUZZERS).
