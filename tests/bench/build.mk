# tests/bench: programs that are measured.
BENCH_PROGRAMS := $(addprefix $(BUILD)/tests/bench/,malloc_pairs mapping)

$(BUILD)/tests/bench/%: tests/bench/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -pthread -o $@ $<
