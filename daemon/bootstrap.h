/* bootstrap: the first tokens of a workspace, one a role.
 *
 * Before the loop runs, when config auth.bootstrap names a file and the system store has no token
 * of the workspace: writes the file (0600, {"admin":"…",…}; of a workspace after the first its id
 * goes into the name) and then the store, so that whatever is interrupted is made anew at the next
 * start. Main thread; the one write that is not a pipeline command. */
#ifndef VOC_BOOTSTRAP_H
#define VOC_BOOTSTRAP_H

#include "daemon/core/config.h"
#include "daemon/http/auth.h"
#include "daemon/pipeline/workspace.h"

/* Loads the tokens there are, and makes the first ones where there are none. 0 or -errno, message.
 */
int bootstrap_tokens(const struct config *cfg, struct workspace *system, struct auth *auth,
                     const struct clock *clock, char *message, size_t size);

#endif
