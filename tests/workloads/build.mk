# tests/workloads: programs that containers run in tests; static ones, and Go without cgo.
WORKLOADS := $(addprefix $(BUILD)/tests/workloads/,static calls hostile pages go)
# For the images of the engines' tests only (the benchmarks do without musl).
IMAGE_WORKLOADS := $(BUILD)/tests/workloads/musl

$(BUILD)/tests/workloads/static: tests/workloads/table.c
$(BUILD)/tests/workloads/calls: tests/workloads/calls.c
$(BUILD)/tests/workloads/hostile: tests/workloads/hostile.c
$(BUILD)/tests/workloads/pages: tests/workloads/pages.c
$(addprefix $(BUILD)/tests/workloads/,static calls hostile pages):
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -static -pthread -o $@ $<

$(BUILD)/tests/workloads/musl: tests/workloads/table.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)musl-gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -o $@ $<

# Offline: nothing but the standard library. The caller's own settings and cache of Go are left alone.
$(BUILD)/tests/workloads/go: tests/workloads/table.go
	$(call say,GO,$@)
	@mkdir -p $(@D)
	$(Q)env GOENV=off GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GO111MODULE=auto CGO_ENABLED=0 \
		GOCACHE=$(abspath $(BUILD))/go-cache go build -trimpath -o $@ $<
