#include "daemon/console/console.h"

void console_page_headers(struct http_request *r)
{
    static const struct {
        const char *name;
        struct span value;
    } headers[] = {
        {"Content-Security-Policy",
         SPAN_LIT("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                  "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
                  "frame-ancestors 'none'")},
        {"Cross-Origin-Opener-Policy", SPAN_LIT("same-origin")},
        {"Cross-Origin-Resource-Policy", SPAN_LIT("same-origin")},
        {"Permissions-Policy",
         SPAN_LIT("accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), camera=(), "
                  "display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), "
                  "geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), "
                  "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
                  "publickey-credentials-get=(), screen-wake-lock=(), serial=(), "
                  "storage-access=(), usb=(), web-share=(), xr-spatial-tracking=()")},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        http_set_header(r, headers[i].name, headers[i].value);
    if (http_is_tls(r))
        http_set_header(r, "Strict-Transport-Security", SPAN_LIT("max-age=31536000"));
}
