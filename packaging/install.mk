# Installing. Programs find the shim at <their folder>/../lib/oci-ksm/preload, so that place follows from BINDIR.

##### Where podman, crun and CRI-O look; only /usr and /usr/local mean the machine's own /etc #####
PRELOADDIR := $(PREFIX)/lib/oci-ksm/preload
HOOKSDIR   ?= $(if $(filter /usr,$(PREFIX)),$(DATADIR)/containers/oci/hooks.d,$(SYSCONFDIR)/containers/oci/hooks.d)
PRECREATEDIR := $(DATADIR)/oci-ksm/hooks.precreate.d
CONFDDIR   ?= $(SYSCONFDIR)/containers/containers.conf.d

# Files in which the folders of this PREFIX are filled in. It may be installed for two at the same time: each has its own files, and none of
# them is there in part. $(call fill_in,COMMAND): what it prints is the file that is to be made.
FILLED := $(BUILD)/filled$(PREFIX)
fill_in = $(Q)mkdir -p $(@D) && $(1) > $@.$$$$ && mv $@.$$$$ $@

# One hooks.d file a stage: a file has one command line, and ours names its stage.
HOOK_STAGES := prestart poststop
PODMAN_BUILT := $(patsubst %,$(FILLED)/podman/oci-ksm-%.json,$(HOOK_STAGES) precreate) $(FILLED)/podman/oci-ksm.conf
$(FILLED)/podman/oci-ksm-%.json: packaging/podman/oci-ksm.json FORCE
	$(call fill_in,sed 's|@BINDIR@|$(BINDIR)|; s|@STAGE@|$*|' $<)
$(FILLED)/podman/oci-ksm.conf: packaging/podman/containers.conf FORCE
	$(call fill_in,sed 's|@PRECREATEDIR@|$(PRECREATEDIR)|; s|@BINDIR@|$(BINDIR)|' $<)

##### What an administrator copies into the configuration of engines; nothing is switched on by installing it #####
SHAREDIR := $(DATADIR)/oci-ksm
ENGINE_FILES := docker/daemon.json containerd/config-v2.toml containerd/config-v3.toml crio/99-oci-ksm.conf kubernetes/runtimeclass.yaml \
	podman/oci-ksm-example.container cdi/oci-ksm.json
ENGINE_BUILT := $(addprefix $(FILLED)/engines/,$(ENGINE_FILES))
$(FILLED)/engines/%: packaging/% FORCE
	$(call fill_in,sed 's|@BINDIR@|$(BINDIR)|' $<)
# By these names oci-ksm-runtime stands in front of one runtime, instead of the first that the settings name.
RUNTIME_LINKS := oci-ksm-runtime-crun oci-ksm-runtime-runc

##### systemd: for the machine, and for each user's rootless containers #####
SYSTEMDDIR ?= $(PREFIX)/lib/systemd
SYSTEMD_UNITS := $(foreach whose,system user,$(whose)/oci-ksmd.socket $(whose)/oci-ksmd.service) \
	system/oci-ksm-metrics.timer system/oci-ksm-metrics.service system/oci-ksm-tune.service
SYSTEMD_BUILT := $(addprefix $(FILLED)/systemd/,$(SYSTEMD_UNITS))
$(FILLED)/systemd/%.socket: packaging/systemd/%.socket FORCE
	$(call fill_in,cat $<)
$(FILLED)/systemd/%.timer: packaging/systemd/%.timer FORCE
	$(call fill_in,cat $<)
$(FILLED)/systemd/%.service: packaging/systemd/%.service.in FORCE
	$(call fill_in,sed 's|@BINDIR@|$(BINDIR)|' $<)

# What the state of root is kept in: made at boot, too, for who looks before the first container.
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d

##### Man pages, and the shells' completion of command lines #####
MANDIR  ?= $(DATADIR)/man
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR  ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
MAN_PAGES := $(notdir $(wildcard packaging/man/*))
man_path = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(1)
# bash and fish look for a file of the command's name, zsh reads all that are there.
COMPLETED := oci-ksmd oci-ksm-hook ksm-wrapper

# The shim's folder is never removed: it is mounted in running containers, which see new files in it but not a new folder.
install: all $(PODMAN_BUILT) $(SYSTEMD_BUILT) $(ENGINE_BUILT) ## Install below DESTDIR and PREFIX=/usr/local
	$(INSTALL) -d $(addprefix $(DESTDIR),$(BINDIR) $(PREFIX)/lib/oci-ksm $(HOOKSDIR) $(PRECREATEDIR) $(CONFDDIR) \
		$(SYSTEMDDIR)/system $(SYSTEMDDIR)/user $(TMPFILESDIR) $(BASHDIR) $(ZSHDIR) $(FISHDIR) $(DATADIR)/oci-ksm/prometheus \
		$(sort $(dir $(foreach page,$(MAN_PAGES),$(call man_path,$(page))))))
	$(INSTALL) -m 755 $(addprefix $(BUILD)/bin/,$(PROGRAMS)) $(DESTDIR)$(BINDIR)/
	ln -sf oci-ksm $(DESTDIR)$(BINDIR)/ksm-wrapper
	for link in $(RUNTIME_LINKS); do ln -sf oci-ksm-runtime $(DESTDIR)$(BINDIR)/$$link; done
	cp -R --no-dereference --remove-destination $(BUILD)/lib/oci-ksm/preload $(DESTDIR)$(PREFIX)/lib/oci-ksm/
	rm $(DESTDIR)$(PRELOADDIR)/.complete
	chmod -R u=rwX,go=rX $(DESTDIR)$(PRELOADDIR)
	$(INSTALL) -m 644 $(patsubst %,$(FILLED)/podman/oci-ksm-%.json,$(HOOK_STAGES)) $(DESTDIR)$(HOOKSDIR)/
	$(INSTALL) -m 644 $(FILLED)/podman/oci-ksm-precreate.json $(DESTDIR)$(PRECREATEDIR)/
	$(INSTALL) -m 644 $(FILLED)/podman/oci-ksm.conf $(DESTDIR)$(CONFDDIR)/
	$(INSTALL) -m 644 packaging/prometheus/oci-ksm.json $(DESTDIR)$(DATADIR)/oci-ksm/prometheus/
	$(INSTALL) -m 644 $(filter $(FILLED)/systemd/system/%,$(SYSTEMD_BUILT)) $(DESTDIR)$(SYSTEMDDIR)/system/
	$(INSTALL) -m 644 $(filter $(FILLED)/systemd/user/%,$(SYSTEMD_BUILT)) $(DESTDIR)$(SYSTEMDDIR)/user/
	$(INSTALL) -m 644 packaging/systemd/tmpfiles.d/oci-ksm.conf $(DESTDIR)$(TMPFILESDIR)/
	$(foreach page,$(MAN_PAGES),$(INSTALL) -m 644 packaging/man/$(page) $(DESTDIR)$(call man_path,$(page)) &&) :
	$(foreach link,$(RUNTIME_LINKS),ln -sf oci-ksm-runtime.8 $(DESTDIR)$(MANDIR)/man8/$(link).8 &&) :
	$(INSTALL) -m 644 packaging/completion/oci-ksm.bash $(DESTDIR)$(BASHDIR)/oci-ksm
	$(INSTALL) -m 644 packaging/completion/_oci-ksm $(DESTDIR)$(ZSHDIR)/
	$(INSTALL) -m 644 packaging/completion/oci-ksm.fish $(DESTDIR)$(FISHDIR)/
	$(foreach program,$(COMPLETED),ln -sf oci-ksm $(DESTDIR)$(BASHDIR)/$(program) && \
		ln -sf oci-ksm.fish $(DESTDIR)$(FISHDIR)/$(program).fish &&) :
	for file in $(ENGINE_FILES); do $(INSTALL) -D -m 644 $(FILLED)/engines/$$file $(DESTDIR)$(SHAREDIR)/$$file || exit 1; done

# Takes away what install made, and no folder that others use too. The administrator's settings stay.
uninstall: ## Remove what install installed
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(PROGRAMS) $(RUNTIME_LINKS) ksm-wrapper)
	rm -f $(patsubst %,$(DESTDIR)$(HOOKSDIR)/oci-ksm-%.json,$(HOOK_STAGES)) $(DESTDIR)$(CONFDDIR)/oci-ksm.conf
	rm -f $(addprefix $(DESTDIR)$(SYSTEMDDIR)/,$(SYSTEMD_UNITS))
	rm -f $(DESTDIR)$(TMPFILESDIR)/oci-ksm.conf $(addprefix $(DESTDIR),$(foreach page,$(MAN_PAGES) $(addsuffix .8,$(RUNTIME_LINKS)),$(call man_path,$(page))))
	rm -f $(addprefix $(DESTDIR)$(BASHDIR)/,oci-ksm $(COMPLETED)) $(DESTDIR)$(ZSHDIR)/_oci-ksm \
		$(patsubst %,$(DESTDIR)$(FISHDIR)/%.fish,oci-ksm $(COMPLETED))
	rm -rf $(DESTDIR)$(PREFIX)/lib/oci-ksm $(DESTDIR)$(DATADIR)/oci-ksm

# The tree as git knows it; to be built as it is.
DISTDIR ?= dist
dist: ## Make dist/oci-ksm-VERSION.tar.gz of what is committed
	@mkdir -p $(DISTDIR)
	git archive --format=tar.gz --prefix=oci-ksm-$(VERSION)/ -o $(DISTDIR)/oci-ksm-$(VERSION).tar.gz HEAD

FORCE:
.PHONY: install uninstall dist FORCE
