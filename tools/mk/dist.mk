# What is given to others: a source tarball, Debian packages. dist/README.packagers has the rest.

RELEASE ?= 13

.PHONY: dist deb
dist: ## The source with its crates, which builds without a network
	@CARGO='$(CARGO)' dist/tarball.sh $(TARGET)/dist

deb: ## Debian packages, built, installed and used in a chroot, as root: RELEASE=12|13
	@CARGO='$(CARGO)' dist/deb.sh $(RELEASE) $(TARGET)/deb-$(RELEASE)
