/* Built without newt: there are no windows. */
#include "ctlclient/wizard/ui.h"

bool ui_newt_is_possible(void)
{
	return false;
}

int ui_newt_open(struct wiz_ui **out, int signals, struct err *e)
{
	(void)signals;
	*out = NULL;
	return err_set(e, ERR_FAILED, "terminal", "this program was built without windows");
}
