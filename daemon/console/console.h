/* console: the web console: signing in and out, and its pages. Loop thread. */
#ifndef VOC_CONSOLE_H
#define VOC_CONSOLE_H

#include "daemon/http/http.h"

enum { CONSOLE_MAX_SIGN_IN = 4096 };

/* POST /console/session {"token":…}: a cookie for a token. */
void console_sign_in(struct http_request *r);
bool console_admit(struct http_request *r, uint64_t length); /* its body is small */
/* GET /console/session: who is signed in; else 401, which is no failure. */
void console_session(struct http_request *r);
/* DELETE /console/session: 204, also when nobody was signed in. */
void console_sign_out(struct http_request *r);

/* GET /console/: the page; GET /console/{file}: what it loads; GET /: there it is. */
void console_page(struct http_request *r);
void console_file(struct http_request *r);
void console_home(struct http_request *r);

/* The headers of everything a browser shows or runs, before http_respond(). Scripts, styles, fonts
 * and data from here alone, in no frame; nothing of the browser (camera, place, …) is asked for. */
void console_page_headers(struct http_request *r);

#endif
