# The C tests, plain and under two checkers. ctests/README.md says what they
# prove; ctests/run.sh is for other libraries, other OpenSSLs, single programs.
#
#   make ctests TESTS='peer table'      these only
#   make ctests-valgrind MODES=linked   in one way only

.PHONY: ctests ctests-valgrind ctests-asan
TESTS ?=
MODES ?= linked preloaded
CTESTS = LIB_SO='$(abspath $(LIB_SO))' MAKE='$(MAKE)' MAKEFLAGS= \
	CC='$(CC)' CXX='$(CXX)'

# A leak is an error too. Not a possible one: so the stack of a thread looks
# that runs while the program ends, which a test does on purpose.
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full \
	--show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect --suppressions=ctests/valgrind.supp

ctests: lib ## C tests, linked, preloaded and static: TESTS='peer table'
	@$(CTESTS) BUILD='$(BUILD)' MODES='linked preloaded static' \
	    ctests/run.sh $(TESTS)

ctests-valgrind: lib ## C tests under valgrind: TESTS='peer table'
	@$(CTESTS) BUILD='$(BUILD)' MODES='$(MODES)' RUNNER='$(VALGRIND)' ctests/run.sh $(TESTS)

ctests-asan: lib ## C tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(CTESTS) BUILD='$(BUILD)-asan' MODES='$(MODES)' SAN=address,undefined \
	    ctests/run.sh $(TESTS)
