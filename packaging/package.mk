# Packages. They are built from a private copy of the tree, so that nothing in it is touched or taken along that is not ours.

PACKAGE_TREE := Makefile CHANGELOG.md LICENSE README.md SECURITY.md docs hook oci-config packaging shim tests
PACKAGE_BUILD ?= $(BUILD)/package
# The last change's, so that who builds the same gets the same.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2> /dev/null || stat -c %Y CHANGELOG.md)

##### Debian: packaging/debian is debian/ there #####
DEB_FLAGS ?= -b -us -uc
deb: ## Debian packages, into dist/
	rm -rf $(PACKAGE_BUILD)/deb
	mkdir -p $(PACKAGE_BUILD)/deb/oci-ksm $(DISTDIR)
	cp -R --preserve=mode,links $(PACKAGE_TREE) $(PACKAGE_BUILD)/deb/oci-ksm/
	cd $(PACKAGE_BUILD)/deb/oci-ksm && mv packaging/debian debian && \
		sed 's|@VERSION@|$(VERSION)|; s|@DATE@|'"$$(LC_ALL=C date -u -R -d @$(SOURCE_DATE_EPOCH))"'|' debian/changelog.in > debian/changelog && \
		rm debian/changelog.in && \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD -u CFLAGS dpkg-buildpackage $(DEB_FLAGS)
	mv $(PACKAGE_BUILD)/deb/*.deb $(PACKAGE_BUILD)/deb/*.changes $(PACKAGE_BUILD)/deb/*.buildinfo $(DISTDIR)/
	rm -rf $(PACKAGE_BUILD)/deb

.PHONY: deb
