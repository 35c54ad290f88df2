#!/bin/sh
# `make install` and `make uninstall`: what is installed is listed once, here.
#   install.sh install|uninstall BUILD
# From the environment: DESTDIR PREFIX SYSCONFDIR UNITDIR. The configuration and the state of a
# machine are its own: an existing vocd.yaml stays as it is, and nothing of both is ever removed.
set -eu
what=$1 build=$2
prefix=${PREFIX:-/usr} sysconf=${SYSCONFDIR:-/etc}
units=${UNITDIR:-$prefix/lib/systemd/system}
doc=$prefix/share/doc/vocd
mkdir -p "$build"

# file MODE SOURCE TARGET
file() {
    if [ "$what" = uninstall ]; then
        rm -f "${DESTDIR:-}$3"
    else
        install -D -m "$1" "$2" "${DESTDIR:-}$3"
    fi
}

# The same, with the paths of this installation in place of those the file was written with.
placed() {
    [ "$what" = uninstall ] || sed -e "s|/usr/bin/voc|$prefix/bin/voc|g" \
        -e "s|/etc/vocd|$sysconf/vocd|g" "$2" >"$build/placed"
    file "$1" "$build/placed" "$3"
    rm -f "$build/placed"
}

# Only where the built-in default would miss it.
example() {
    if [ "$prefix" = /usr ] || [ "$what" = uninstall ]; then
        cat systemd/vocd.yaml.example
    else
        sed -e "s|^#lexicons: .*|lexicons: $prefix/share/vocd/lexicons/lexicons.bin|" \
            -e "s|^#connectors: .*|connectors: $prefix/share/vocd/connectors|" \
            systemd/vocd.yaml.example
    fi
}

file 755 "$build/vocd" "$prefix/bin/vocd"
file 755 "$build/vocctl" "$prefix/bin/vocctl"
file 644 "$build/lexicons.bin" "$prefix/share/vocd/lexicons/lexicons.bin"
for preset in daemon/connectors/*.yaml; do
    [ ! -e "$preset" ] || file 644 "$preset" "$prefix/share/vocd/connectors/${preset##*/}"
done
file 644 docs/connector.schema.json "$prefix/share/vocd/connector.schema.json"

placed 644 systemd/vocd.service "$units/vocd.service"
placed 644 systemd/vocd.tmpfiles "$prefix/lib/tmpfiles.d/vocd.conf"
file 644 systemd/vocd.sysusers "$prefix/lib/sysusers.d/vocd.conf"
file 644 systemd/vocctl.bash-completion "$prefix/share/bash-completion/completions/vocctl"
for page in systemd/man/*.[158]; do
    [ ! -e "$page" ] || file 644 "$page" "$prefix/share/man/man${page##*.}/${page##*/}"
done

example >"$build/vocd.yaml"
[ "$what" = uninstall ] || [ -e "${DESTDIR:-}$sysconf/vocd/vocd.yaml" ] ||
    file 640 "$build/vocd.yaml" "$sysconf/vocd/vocd.yaml"
file 644 "$build/vocd.yaml" "$doc/examples/vocd.yaml"
rm -f "$build/vocd.yaml"
file 644 systemd/dropin.conf.example "$doc/examples/dropin.conf"
file 644 systemd/prometheus-rules.yaml "$doc/examples/prometheus-rules.yaml"
file 644 daemon/api/openapi.json "$doc/openapi.json"
for page in README.md README.ko.md NEWS.md docs/*.md; do
    file 644 "$page" "$doc/${page##*/}"
done
for page in docs/ko/*.md docs/images/*.png; do
    file 644 "$page" "$doc/${page#docs/}"
done

if [ "$what" = uninstall ]; then
    for folder in "$doc/examples" "$doc/ko" "$doc/images" "$doc" "$prefix/share/vocd/lexicons" \
        "$prefix/share/vocd/connectors" "$prefix/share/vocd"; do
        rmdir "${DESTDIR:-}$folder" 2>/dev/null || true
    done
fi
