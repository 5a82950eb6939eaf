# Packages. They are built from a private copy of the tree, so that nothing in it is touched or taken along that is not ours.

PACKAGE_TREE := Makefile CHANGELOG.md LICENSE README.md SECURITY.md docs hook oci-config packaging shim tests
PACKAGE_BUILD ?= $(BUILD)/package
# The time of the last change, so that who builds the same gets the same.
PACKAGE_EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2> /dev/null || stat -c %Y CHANGELOG.md))
# What of this make, and of who called it, is not the package's.
PACKAGE_ENV = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD -u PREFIX -u DESTDIR -u CFLAGS SOURCE_DATE_EPOCH=$(PACKAGE_EPOCH)

##### Debian: packaging/debian is debian/ there #####
DEB_FLAGS ?= -b -us -uc
deb: ## Debian packages, into dist/
	rm -rf $(PACKAGE_BUILD)/deb
	mkdir -p $(PACKAGE_BUILD)/deb/oci-ksm $(DISTDIR)
	cp -R --preserve=mode,links $(PACKAGE_TREE) $(PACKAGE_BUILD)/deb/oci-ksm/
	cd $(PACKAGE_BUILD)/deb/oci-ksm && mv packaging/debian debian && \
		sed 's|@VERSION@|$(VERSION)|; s|@DATE@|'"$$(LC_ALL=C date -u -R -d @$(PACKAGE_EPOCH))"'|' debian/changelog.in > debian/changelog && \
		rm debian/changelog.in && \
		$(PACKAGE_ENV) dpkg-buildpackage $(DEB_FLAGS)
	mv $(PACKAGE_BUILD)/deb/*.deb $(PACKAGE_BUILD)/deb/*.changes $(PACKAGE_BUILD)/deb/*.buildinfo $(DISTDIR)/
	rm -rf $(PACKAGE_BUILD)/deb

##### RPM: what the build needs is checked by our own Makefile, so Debian's rpmbuild does too #####
RPM_FLAGS ?= -bb --nodeps
rpm: ## RPM packages, into dist/
	rm -rf $(PACKAGE_BUILD)/rpm
	mkdir -p $(PACKAGE_BUILD)/rpm/SOURCES $(PACKAGE_BUILD)/rpm/oci-ksm-$(VERSION) $(DISTDIR)
	cp -R --preserve=mode,links,timestamps $(PACKAGE_TREE) $(PACKAGE_BUILD)/rpm/oci-ksm-$(VERSION)/
	tar -C $(PACKAGE_BUILD)/rpm -czf $(PACKAGE_BUILD)/rpm/SOURCES/oci-ksm-$(VERSION).tar.gz oci-ksm-$(VERSION)
	$(PACKAGE_ENV) rpmbuild $(RPM_FLAGS) --define '_topdir $(abspath $(PACKAGE_BUILD)/rpm)' --define 'oci_ksm_version $(VERSION)' \
		packaging/rpm/oci-ksm.spec
	mv $(PACKAGE_BUILD)/rpm/RPMS/*/*.rpm $(DISTDIR)/
	rm -rf $(PACKAGE_BUILD)/rpm

.PHONY: deb rpm
