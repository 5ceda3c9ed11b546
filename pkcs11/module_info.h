/* The PKCS#11 modules in use, described: for those who diagnose and for records. */
#ifndef PKCS11_MODULE_INFO_H
#define PKCS11_MODULE_INFO_H

#include "pkcs11/token.h"

/* What a module says of itself (C_GetInfo, PKCS#11 v2.40 section 5.4), as text_printable() shows
 * it, and where it came from. */
struct module_info {
	char name[256]; /* as in struct token_info */
	char description[129], manufacturer[129];
	char library[16];  /* version of the library, "2.6" */
	char cryptoki[16]; /* version of PKCS#11 it speaks, "2.40" */
	char file[4096];   /* path of the shared object; empty if there is none here (p11-kit's
			    * remote modules) or it cannot be told */
	bool software;     /* known to keep its keys in software */
};

/* Describes the modules. *out is an array of *out_n, the caller's; free() it. */
int modules_describe(struct module_info **out, size_t *out_n, struct tokens *ts, struct err *e);

#endif
