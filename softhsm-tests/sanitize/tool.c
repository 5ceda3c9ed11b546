/*
 * Linked into the commands of the sanitized build. Looking for leaks takes as long as most of what
 * they do, and the tests run thousands of them: it is done only where ASAN_OPTIONS has
 * detect_leaks=1, as softhsm-tests/lib.sh sets it for every command whose outcome a test looks at.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
