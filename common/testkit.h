/* What tests of all rooms share. */
#ifndef COMMON_TESTKIT_H
#define COMMON_TESTKIT_H

/* Removes a folder with all that is in it; links are not followed. 0, or -1 if something stays. */
int test_folder_remove(const char *path);

#endif
