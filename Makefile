# oci-ksm: one non-recursive Makefile. Each folder's build.mk holds data only (names, sources, libraries);
# all rules are here. `make help` lists the targets.

VERSION  := 0.1.0

##### Directories (all can be overridden) #####
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
DATADIR  ?= $(PREFIX)/share
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
BUILD    ?= build
# One spelling, whoever calls: the dependency files name their targets by it.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))

##### Tools and flags (the user's CFLAGS, CPPFLAGS and LDFLAGS come last and are never overwritten) #####
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CLANG      ?= clang
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy
CFLAGS   ?= -O2 -g
WERROR   ?=
SAN      ?=
V        ?= 0
Q        := $(if $(filter 1,$(V)),,@)
say       = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' "$(1)" "$(2)")

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wconversion \
	-Wsign-conversion -Wundef -Wvla -Wwrite-strings -Wpointer-arith -Wnull-dereference \
	-Wimplicit-fallthrough $(if $(WERROR),-Werror)
OUR_CPPFLAGS := -D_GNU_SOURCE -DOCI_KSM_VERSION='"$(VERSION)"' -I. $(if $(SAN),,-D_FORTIFY_SOURCE=2)
OUR_CFLAGS := -std=gnu17 $(WARNINGS) -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection -fPIE
OUR_LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed
ifneq ($(SAN),)
OUR_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
OUR_LDFLAGS += -fsanitize=$(SAN)
STATIC := no
endif

##### Libraries: one clear message for each that is missing #####
# $(call need,PKGCONFIG-NAME,DEBIAN-PACKAGE,FEDORA-PACKAGE)
define need
ifneq ($$(shell $$(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes),yes)
$$(error $(1) is missing: install $(2) (Debian, Ubuntu) or $(3) (Fedora), or run: sh packaging/setup.sh all)
endif
endef
NO_LIBS_TARGETS := help clean format dist uninstall bench-page bench-check
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(NO_LIBS_TARGETS),$(MAKECMDGOALS)),all),)
ifeq ($(shell command -v $(PKG_CONFIG)),)
$(error pkg-config is missing: install pkg-config (Debian, Ubuntu) or pkgconf-pkg-config (Fedora), or run: sh packaging/setup.sh all)
endif
$(eval $(call need,json-c,libjson-c-dev,json-c-devel))
$(eval $(call need,libcap,libcap-dev,libcap-devel))
$(eval $(call need,libseccomp,libseccomp-dev,libseccomp-devel))
$(eval $(call need,libxxhash,libxxhash-dev,xxhash-devel))
ifneq ($(filter build-tests,$(MAKECMDGOALS)),)
$(eval $(call need,cmocka,libcmocka-dev,libcmocka-devel))
endif
endif
# Hook and wrapper stand in the way of every container's start: a static program starts faster. Where the
# distribution has no static libraries they are linked dynamically.
STATIC ?= $(shell printf 'int main(void){return 0;}' | $(CC) -static -x c - -o /dev/null \
	-Wl,--whole-archive -ljson-c -lcap -Wl,--no-whole-archive -lm 2>/dev/null && echo yes || echo no)

##### The parts #####
PROGRAMS :=
TESTS :=
FUZZERS :=
TOOLS :=
SRCS :=
include oci-config/build.mk hook/build.mk shim/build.mk tests/build.mk

LIB_OCI_CONFIG := $(BUILD)/liboci-config.a
LIB_COMMON := $(BUILD)/libcommon.a
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
$(LIB_OCI_CONFIG): $(call obj,$(OCI_CONFIG_SRCS))
$(LIB_COMMON): $(call obj,$(COMMON_SRCS))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

all: $(addprefix $(BUILD)/bin/,$(PROGRAMS)) $(SHIM_FILES) ## Build the programs and the shim (the default)

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# $(call program,OUTPUT,NAME): NAME_SRCS, NAME_LIBS, NAME_STATIC=yes if it should be static where possible
define program
$(1): $$(call obj,$$($(2)_SRCS)) $$(LIB_COMMON) $$(LIB_OCI_CONFIG)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(OUR_LDFLAGS) $$(if $$(filter yesyes,$$(STATIC)$$($(2)_STATIC)),-static,-pie) $$(CFLAGS) $$(LDFLAGS) \
		-o $$@ $$(call obj,$$($(2)_SRCS)) $$(LIB_COMMON) $$(LIB_OCI_CONFIG) $$($(2)_LIBS) -ljson-c -lcap
SRCS += $$($(2)_SRCS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(BUILD)/bin/$(p),$(p))))
$(foreach t,$(TOOLS),$(eval $(call program,$(BUILD)/tools/$(t),$(t))))
$(foreach t,$(TESTS),$(eval $(call program,$(BUILD)/tests/$(t),$(t))))
-include $(patsubst %.c,$(BUILD)/obj/%.d,$(SRCS) $(OCI_CONFIG_SRCS) $(COMMON_SRCS))

include tests/rules.mk packaging/install.mk packaging/package.mk

clean: ## Remove what was built
	rm -rf $(BUILD) build-san build-fuzz

help: ## This list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 22
	@echo 'Variables: PREFIX BINDIR DATADIR SYSCONFDIR DESTDIR BUILD CC CFLAGS CPPFLAGS LDFLAGS'
	@echo '           STATIC=yes|no (hook, wrapper)  WERROR=1  SAN=address,undefined  V=1 (show commands)'

.PHONY: all clean help
