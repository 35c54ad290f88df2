/* bootstrap: the first tokens of a new installation, one a role, for the first workspace.
 *
 * Before the loop runs and only when the system store has no token and config auth.bootstrap names a
 * file: writes it (0600, {"admin":"…",…}) and then the store, so that whatever is interrupted is made
 * anew at the next start. Main thread; the one write that is not a pipeline command. */
#ifndef VOC_BOOTSTRAP_H
#define VOC_BOOTSTRAP_H

#include "daemon/core/config.h"
#include "daemon/http/auth.h"
#include "daemon/pipeline/workspace.h"

/* Loads the tokens there are, and makes the first ones when there are none. 0 or -errno, message. */
int bootstrap_tokens(const struct config *cfg, struct workspace *system, struct auth *auth,
                     const struct clock *clock, char *message, size_t size);

#endif
