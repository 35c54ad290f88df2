#!/bin/sh
# Installs the Debian packages that are missing, and says which: `sh tests/lib/deps.sh SET…` of the
# sets build, test, deb, real. Nothing is said or done when all is there. As root directly, else with
# sudo.
#
# PROGRAM=PACKAGE asks for the package only where the program is missing: node is Debian's nodejs
# (npm apart) or another maker's, with npm inside and in conflict with Debian's npm.
set -eu

build="gcc make pkg-config libuv1-dev libcurl4-openssl-dev libpcre2-dev liblmdb-dev libfyaml-dev
    libhttp-parser-dev libjansson-dev libutf8proc-dev libzstd-dev libxxhash-dev libgsl-dev
    libsystemd-dev libexpat1-dev libzip-dev libicu-dev libssl-dev libcrypt-dev libgmime-3.0-dev
    python3 node=nodejs npm=npm"
test="libcmocka-dev clang clang-format clang-tidy cppcheck libclang-rt-14-dev prometheus
    nginx-light wrk curl openssl xz-utils jq tzdata systemd-analyze=systemd mandoc shellcheck
    chromium fonts-noto-cjk python3-jsonschema python3-openpyxl python3-xlsxwriter python3-yaml"
deb="debhelper po-debconf"
real="request-tracker5 rt5-db-sqlite rt5-standalone dbconfig-sqlite3 libdbd-pg-perl postgresql
    redmine redmine-sqlite puma bundler dovecot-imapd debootstrap systemd-container lintian"

missing=
for set in "${@:-build}"; do
    case $set in
    build) wanted=$build ;;
    test) wanted=$test ;;
    deb) wanted=$deb ;;
    real) wanted=$real ;;
    *) echo "deps.sh: no such set: $set" >&2; exit 2 ;;
    esac
    for package in $wanted; do
        case $package in
        *=*)
            command -v "${package%%=*}" >/dev/null && continue
            # Whether nodejs brings npm is seen once it is there.
            [ "$package" = npm=npm ] && ! command -v node >/dev/null && continue
            missing="$missing ${package#*=}"
            continue ;;
        esac
        status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$status" = "install ok installed" ] || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "deps.sh: as root: apt-get install$missing" >&2; exit 1; }
    as_root=sudo
fi

# Servers come along for their programs only: none of them is to be started now.
policy=/usr/sbin/policy-rc.d
kept=
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    kept=yes
fi
undo() { [ -z "$kept" ] || $as_root rm -f $policy; }
trap undo EXIT
trap 'exit 1' INT TERM HUP

echo "installing:$missing"
log=$(mktemp)
run() {
    $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 && return
    cat "$log" >&2
    rm -f "$log"
    exit 1
}
run apt-get -qq update
# shellcheck disable=SC2086
run apt-get -qq -y --no-install-recommends install $missing
rm -f "$log"

case " $missing " in
*" nodejs "*)
    undo
    trap - EXIT
    command -v node >/dev/null || { echo "deps.sh: nodejs brought no node" >&2; exit 1; }
    exec sh "$0" "${@:-build}" ;;
esac
