#!/bin/sh
# `make run`: starts vocd from the build directory on its embedded default: everything under STATE,
# loopback only, no server needed. Prints the address and calls to paste.
#   run-local.sh BUILD STATE PORT SAMPLE
set -eu
build=$1 state=$2 port=$3 sample=$4
mkdir -p "$state"
chmod 700 "$state"
build=$(cd "$build" && pwd)
connectors=$(cd "$(dirname "$0")/../daemon/connectors" && pwd)
state=$(cd "$state" && pwd)
config=$state/vocd.yaml

if [ ! -e "$config" ]; then
    cat >"$config" <<EOF
# Made by \`make run\`; yours to change. All settings: systemd/vocd.yaml.example
state: $state
lexicons: $build/lexicons.bin
connectors: $connectors
timezone: Asia/Seoul
http:
  address: 127.0.0.1
  port: $port
auth:
  bootstrap: $state/tokens.json
workspaces:
  - id: demo
    name: 다온몰 (sample)
    timezone: Asia/Seoul
    receivers:
      # \`$build/vocctl alert listen\` in another terminal shows what arrives here.
      - name: local
        type: webhook
        url: http://127.0.0.1:8643/
        allow_private: true
EOF
fi
sed -i -e "s|^  port: .*|  port: $port|" -e "s|^lexicons: .*|lexicons: $build/lexicons.bin|" "$config"

"$build/vocd" --config "$config" &
pid=$!
trap 'kill -TERM $pid 2>/dev/null || true; wait $pid; exit $?' INT TERM

"$build/vocctl" ready --url "http://127.0.0.1:$port" --wait 30 --pid $pid || { wait $pid; exit 1; }
export VOC_URL="http://127.0.0.1:$port" VOC_TOKENS="$state/tokens.json"
if [ "$sample" != 0 ] && [ ! -e "$state/sample.loaded" ]; then
    "$build/vocctl" sample load && : >"$state/sample.loaded"
fi
"$build/vocctl" hello
wait $pid
