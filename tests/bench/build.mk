# tests/bench: programs that are measured.
BENCH_PROGRAMS := $(addprefix $(BUILD)/tests/bench/,malloc_pairs mapping rounds write_fault calls)

# The static one of the workloads, but with libc, so that it loads the shim.
$(BUILD)/tests/bench/calls: tests/workloads/calls.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -pthread -o $@ $<

$(BUILD)/tests/bench/%: tests/bench/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -pthread -o $@ $<
