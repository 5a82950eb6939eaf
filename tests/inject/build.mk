# tests/inject: processes that are injected into and notice if anything in them changes, and a program that injects.
TOOLS += inject-victim inject-spy
inject-victim_SRCS := $(addprefix tests/inject/, \
	victim.c victim_registers.c victim_calls.c victim_busy.c victim_signals.c)
inject-victim_LIBS := -lm -pthread
inject-spy_SRCS := tests/inject/spy.c $(INJECT_SRCS)
