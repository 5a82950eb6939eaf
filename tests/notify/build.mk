# tests/notify: programs that are notified, and one that starts them so. How they are linked matters: static ones load no shim.
TOOLS += notify-listener notify-notified
notify-listener_SRCS := tests/notify/listener.c
notify-notified_SRCS := tests/notify/notified.c
NOTIFY_TEST_PROGRAMS := $(addprefix $(BUILD)/tests/notify/,grow own crowd rate narrow interrupted no_watches)
$(BUILD)/tests/notify/%: tests/notify/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OUR_CPPFLAGS) -std=gnu17 $(WARNINGS) -O2 -static -pthread -o $@ $<
NARROW_FLAGS := $(if $(shell $(CC) -dM -E - < /dev/null | grep -w __x86_64__),-m32 -nostdlib -ffreestanding -fno-stack-protector)
$(BUILD)/tests/notify/narrow: tests/notify/narrow.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O2 -static -fno-pie -no-pie $(NARROW_FLAGS) -o $@ $<
