# Programs that have nothing to do with DTLS, with and without the library in their process.
#   make guests GUESTS='curl psql'    some of them (see guests/)

GUESTS ?=

.PHONY: guests
guests: lib ## Programs that do not use the library run as ever with it preloaded: GUESTS='curl psql'
	@tools/setup.sh build guests
	@. tools/plain-env.sh; LIB='$(abspath $(LIB_SO))' SCRATCH='$(abspath $(TARGET)/guests)' e2e/guests/run.py $(GUESTS)
