#include "throw.h"

void
throw_it(int value)
{
	throw value;
}

int
catch_it(void (*body)(void *), void *arg)
{
	try {
		body(arg);
	} catch (int value) {
		return value;
	}
	return 0;
}
