/*
 * Text for people that is translated where a program has asked for it (setlocale(3),
 * textdomain(3)); elsewhere it stays English. The keys are the English sentences; po/ has the
 * translations.
 */
#ifndef COMMON_I18N_H
#define COMMON_I18N_H

#include <libintl.h>

#define _(text) gettext(text)
#define N_(text) text /* translated where it is used */

#endif
