# tests/bench: programs that are measured.
BENCH_PROGRAMS := $(BUILD)/tests/bench/malloc_pairs

$(BUILD)/tests/bench/%: tests/bench/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O1 -o $@ $<
