# tests/kernels: a program for guests, static and dynamic.
KERNEL_TEST_PROGRAMS := $(addprefix $(BUILD)/tests/kernels/,static dynamic)
$(BUILD)/tests/kernels/static: KERNEL_TEST_FLAGS := -static
$(KERNEL_TEST_PROGRAMS): tests/kernels/work.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra $(KERNEL_TEST_FLAGS) -o $@ $<
# What a guest has of this tree, in a folder of builds of its own for another processor.
build-guest: all $(KERNEL_TEST_PROGRAMS) $(BUILD)/tests/workloads/calls $(BUILD)/tools/ksm-census
.PHONY: build-guest
