# Tests and checks. tests/run runs the stages and counts; here is what it builds, and the targets that people use.

STAGES := lint unit integration fuzz
FILES ?= tests/integration/*.bats
# Features of the kernel that are forced off in turn, and the files that run then: those that say so, or FILES, wholly.
PROBES ?= madvise prctl exec_inherit vma_merge process_madvise notify sync_wake_up wait_killable suspend_seccomp listener
PROBE_FILES ?= $(if $(PROBES_WHOLE),$(FILES),$(shell grep -l '^\# probes: ' tests/integration/*.bats))
PROBES_WHOLE := $(if $(filter command,$(firstword $(origin FILES))),1)
run_tests = +@MAKE='$(MAKE)' BUILD='$(BUILD)' FILES='$(FILES)' PROBES='$(PROBES)' PROBE_FILES='$(PROBE_FILES)' PROBES_WHOLE='$(PROBES_WHOLE)' tests/run $(1)

check: ## All tests: lint, unit, integration, fuzz (root; packaging/setup.sh check installs what they need)
	$(call run_tests,$(STAGES))
check-unit: ## The unit tests, with AddressSanitizer and UBSan
	$(call run_tests,unit)
check-integration: ## Tests with real runtimes and engines; FILES=tests/integration/x.bats for some of them
	$(call run_tests,integration)
check-probes: ## Some of them again, as on kernels that lack a feature; PROBES=prctl FILES=tests/integration/x.bats
	$(call run_tests,probes)
check-fuzz: ## The fuzz targets over their corpus, shortly
	$(call run_tests,fuzz)
check-kernels: ## Each mode on other kernels and on aarch64, in QEMU; KERNELS="5.10 6.12 newest aarch64" for some of them
	$(call run_tests,kernels)
kernels-table: build-guest ## The same, and writes what it finds into docs/modes.md
	@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/kernels/run table
lint: ## Format, static analysis, compiler warnings and house rules
	$(call run_tests,lint)

BENCH ?= quick
CSV ?= $(BUILD)/bench/bench.csv
bench: all $(addprefix $(BUILD)/tools/,$(TOOLS)) $(BENCH_PROGRAMS) $(WORKLOADS) ## What merging saves and costs, into CSV=build/bench/bench.csv; BENCH=full takes longer; PARTS="cost scale" for some
	@BUILD='$(BUILD)' BENCH='$(BENCH)' CSV='$(CSV)' tests/bench/bench
bench-page: ## docs/benchmarks.md, its plots and the summary in README.md, from CSV
	@tests/bench/page '$(CSV)'
bench-check: ## Fails if a ratio of the CSV B is worse than in A, beyond the spread of both; AGREE=1: or better
	@tests/bench/compare '$(A)' '$(B)' $(if $(AGREE),--agree)

demo: all $(BUILD)/tools/ksm-census ## What merging saves: 8 real containers without and with oci-ksm (root; under a minute)
	@BUILD=$(BUILD) tests/demo/run

##### What the stages build #####
build-tests: $(addprefix $(BUILD)/tests/,$(TESTS))
build-tools: $(addprefix $(BUILD)/tools/,$(TOOLS)) $(SHIM_TEST_PROGRAMS) $(NOTIFY_TEST_PROGRAMS) $(BENCH_PROGRAMS) $(WORKLOADS) $(IMAGE_WORKLOADS)
list-tests:
	@echo $(addprefix $(BUILD)/tests/,$(TESTS))

# Fuzz targets: NAME_SRCS as for programs; libFuzzer comes with clang.
FUZZ_BUILD ?= build-fuzz
FUZZ_FLAGS := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
fuzz_obj = $(patsubst %.c,$(FUZZ_BUILD)/obj/%.o,$(1))
$(FUZZ_BUILD)/obj/%.o: %.c
	$(call say,CC,$< (fuzz))
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -D_FORTIFY_SOURCE%,$(OUR_CPPFLAGS)) $(CPPFLAGS) -std=gnu17 -g -O1 $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
define fuzzer
$(FUZZ_BUILD)/$(1): $$(call fuzz_obj,$$($(1)_SRCS) $$(OCI_CONFIG_SRCS))
	$$(call say,LD,$$@)
	$$(Q)$$(CLANG) $$(FUZZ_FLAGS) -o $$@ $$^ -ljson-c
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))
-include $(patsubst %.c,$(FUZZ_BUILD)/obj/%.d,$(OCI_CONFIG_SRCS) $(foreach f,$(FUZZERS),$($(f)_SRCS)))
build-fuzzers: $(addprefix $(FUZZ_BUILD)/,$(FUZZERS))
list-fuzzers:
	@echo $(addprefix $(FUZZ_BUILD)/,$(FUZZERS))

SECONDS ?= 60
fuzz: build-fuzzers ## Each fuzz target for SECONDS=60, from its corpus; findings go to build-fuzz/
	$(Q)for f in $(FUZZERS); do mkdir -p $(FUZZ_BUILD)/corpus/$$f && \
		$(FUZZ_BUILD)/$$f -max_total_time=$(SECONDS) -artifact_prefix=$(FUZZ_BUILD)/ $(FUZZ_BUILD)/corpus/$$f tests/fuzz/corpus/$$f || exit 1; done

##### Static analysis (tests/lint runs these) #####
C_FILES = $(shell find hook shim oci-config tests -name '*.[ch]' | sort)
HEADERS = $(filter %.h,$(C_FILES)) $(wildcard shim/.clang-tidy tests/*/.clang-tidy)
format: ## Format the C sources in place
	$(CLANG_FORMAT) -i $(C_FILES)
lint-format:
	@$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
lint-tidy: $(patsubst %.c,$(BUILD)/tidy/%.ok,$(filter %.c,$(C_FILES)))
$(BUILD)/tidy/%.ok: %.c .clang-tidy $(HEADERS)
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG_TIDY) --quiet $< -- -std=gnu17 $(OUR_CPPFLAGS) $(CPPFLAGS) > $@.log 2>&1 || { cat $@.log; exit 1; }
	@touch $@
lint-cppcheck:
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr --suppressions-list=tests/cppcheck.txt \
		-j $$(nproc) -I. -D_GNU_SOURCE -D__x86_64__ -DOCI_KSM_VERSION='"$(VERSION)"' $(filter %.c,$(C_FILES))
# The whole tree with every warning an error, by both compilers.
lint-gcc lint-clang: lint-%:
	@$(MAKE) --no-print-directory CC=$* WERROR=1 BUILD=$(BUILD)/lint-$* all build-tests build-tools > /dev/null

.PHONY: demo bench bench-page bench-check check check-unit check-integration check-probes check-fuzz check-kernels kernels-table lint build-tests build-tools list-tests build-fuzzers list-fuzzers fuzz format \
	lint-format lint-tidy lint-cppcheck lint-gcc lint-clang
