# shim: what runs inside the container's processes. One library for glibc and musl alike: no libc, no DT_NEEDED.
SHIM_SRCS := $(addprefix shim/, \
	batch.c \
	elf.c \
	maps.c \
	mark.c \
	next.c \
	start.c \
	wrap_malloc.c \
	wrap_mmap.c)

# The folder that is mounted into containers. ld.so puts its own library folder in the place of $LIB: Debian's, Fedora's, Arch's;
# musl does not know the token and finds a folder of that very name. 32-bit programs find a library that does nothing.
# Programs built with a shared AddressSanitizer end at once if another library is loaded before it, unless the path by which that
# one is preloaded contains "libasan.so"; those with a static one end if any mapped file is named so. Hence a folder of
# that name, with links to the library outside it. It works with both: the shim passes malloc on to the sanitizer's.
SHIM_DIR := $(BUILD)/lib/oci-ksm/preload
SHIM_ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
SHIM_VIA := not-libasan.so
SHIM_LIBS := '$$LIB' lib lib64 lib/$(SHIM_ARCH)-linux-gnu
SHIM_LIBS_32 := $(if $(filter x86_64,$(SHIM_ARCH)),lib/i386-linux-gnu lib32)
SHIM_FILES := $(SHIM_DIR)/.complete

SHIM_CFLAGS := -std=gnu17 $(WARNINGS) -fPIC -ffreestanding -fno-strict-aliasing -fvisibility=hidden -fno-stack-protector \
	-fno-plt -I. $(if $(filter x86_64,$(SHIM_ARCH)),-fcf-protection=return) $(if $(filter aarch64,$(SHIM_ARCH)),-mno-outline-atomics)
# A symbol that is not there at run time keeps every program from starting: -z defs finds it here.
SHIM_LDFLAGS := -shared -nostdlib -Wl,--version-script=shim/shim.lds,--hash-style=both,-z,defs,-z,now,-z,relro,-z,noexecstack

# The user's CFLAGS may ask for what needs a libc (sanitizers, profiling): only -O and -g options are taken, and
# those that keep the folder of the build out of the result.
SHIM_USER_CFLAGS = $(or $(filter -O% -g% -ffile-prefix-map=% -fdebug-prefix-map=%,$(CFLAGS)),-O2)

$(BUILD)/shim/%.o: shim/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_CFLAGS) $(SHIM_USER_CFLAGS) -MMD -MP -c $< -o $@

$(SHIM_DIR)/libksm_preload.so: $(patsubst shim/%.c,$(BUILD)/shim/%.o,$(SHIM_SRCS)) shim/shim.lds
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_LDFLAGS) -o $@ $(filter %.o,$^)

$(SHIM_DIR)/libksm_preload_32.so: shim/stub32.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 -Os -s -shared -nostdlib -Wl,-z,noexecstack -o $@ $<

$(SHIM_FILES): $(SHIM_DIR)/libksm_preload.so $(if $(SHIM_LIBS_32),$(SHIM_DIR)/libksm_preload_32.so) shim/build.mk
	$(Q)cd $(SHIM_DIR) && \
	for d in $(SHIM_LIBS); do d=$(SHIM_VIA)/$$d; mkdir -p "$$d" && ln -rsf libksm_preload.so "$$d/"; done && \
	for d in $(SHIM_LIBS_32); do d=$(SHIM_VIA)/$$d; mkdir -p "$$d" && ln -rsf libksm_preload_32.so "$$d/libksm_preload.so"; done && \
	echo '/dev/oci-ksm/$(SHIM_VIA)/$$LIB/libksm_preload.so' > ld.so.preload
	$(Q)ln -rsf $(SHIM_DIR)/libksm_preload.so $(BUILD)/lib/libksm_preload.so
	$(Q)touch $@

-include $(patsubst shim/%.c,$(BUILD)/shim/%.d,$(SHIM_SRCS))
