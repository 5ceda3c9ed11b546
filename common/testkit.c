#include "common/testkit.h"

#include <ftw.h>
#include <stdio.h>

enum { DESCRIPTORS = 8 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

int test_folder_remove(const char *path)
{
	return nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
