# tests/shim: programs that run with and without the shim, built for each kind of libc that it meets.
SHIM_TEST_DIR := $(BUILD)/tests/shim
SHIM_TEST_NAMES := errno growth plain reserve secrets spawn threads vmas
SHIM_TEST_PROGRAMS := $(addprefix $(SHIM_TEST_DIR)/, \
	$(addprefix glibc/,$(SHIM_TEST_NAMES) deepbind ids lib.so sandbox) \
	$(addprefix musl/,$(SHIM_TEST_NAMES)) \
	32/plain static/plain asan/plain)
SHIM_TEST_CFLAGS := -std=gnu17 -D_GNU_SOURCE -O2 -I. -Wall -Wextra -pthread
MUSL_CC ?= musl-gcc

$(SHIM_TEST_DIR)/glibc/%: tests/shim/%.c tests/shim/marked.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_TEST_CFLAGS) -o $@ $< -ldl

$(SHIM_TEST_DIR)/glibc/lib.so: tests/shim/deepbind_lib.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_TEST_CFLAGS) -fPIC -shared -o $@ $<

$(SHIM_TEST_DIR)/musl/%: tests/shim/%.c tests/shim/marked.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(SHIM_TEST_CFLAGS) -o $@ $<

$(SHIM_TEST_DIR)/32/%: tests/shim/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 $(SHIM_TEST_CFLAGS) -o $@ $<

$(SHIM_TEST_DIR)/static/%: tests/shim/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -static $(SHIM_TEST_CFLAGS) -o $@ $<

$(SHIM_TEST_DIR)/asan/%: tests/shim/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -fsanitize=address $(SHIM_TEST_CFLAGS) -o $@ $<
