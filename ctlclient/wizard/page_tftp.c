#include "ctlclient/wizard/wizard.h"

enum wiz_step page_tftp(struct wizard *w)
{
	return wizard_tell(w, _("Add TFTP Server"), "", "", NULL, STEP_ENTRIES);
}
