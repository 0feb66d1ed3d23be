# What is given to others: a source tarball, Debian packages. dist/README.packagers has the rest.

RELEASE ?= 13

.PHONY: dist deb check-deb rpm
dist: ## The source with its crates, which builds without a network
	@CARGO='$(CARGO)' dist/tarball.sh $(TARGET)/dist

deb: ## Debian packages, built in a chroot and looked through, as root: RELEASE=12|13
	@CARGO='$(CARGO)' dist/deb.sh $(RELEASE) $(TARGET)/deb-$(RELEASE)

check-deb: ## The packages of make deb, installed, used and removed in a chroot: RELEASE=12|13
	@dist/check-deb.sh $(RELEASE) $(TARGET)/deb-$(RELEASE)

rpm: ## RPM packages, built, installed, used and removed in a chroot, as root
	@CARGO='$(CARGO)' dist/rpm.sh $(TARGET)/rpm
