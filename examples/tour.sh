#!/usr/bin/env bash
# The main job of hubctl from nothing to a linked account, in a throw-away store: each command is
# shown as one would type it, then run. Builds hubctl first, unless HUBCTL names one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -n ${HUBCTL:-} ]]; then
  program=$(realpath "$HUBCTL")
  hubctl() { "$program" "$@"; }
else
  cargo build --release --locked --manifest-path "$root/Cargo.toml"
  hubctl() { cargo run --quiet --release --locked --manifest-path "$root/Cargo.toml" -- "$@"; }
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# Nothing of the user's own settings is used, and nothing is written outside the folder.
for name in "${!HUBCTL@}"; do unset "$name"; done
export HUBCTL_CONFIG_DIR=$folder HUBCTL_MASTER_KEY_FILE=$folder/master.key HUBCTL_NO_INPUT=1
(umask 077; head -c 32 /dev/urandom | base64 >"$HUBCTL_MASTER_KEY_FILE")

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi

say() { printf '\n%s# %s%s\n' "$bold" "$1" "$plain"; }
run() {
  printf '%s$ %s%s\n' "$bold" "$1" "$plain"
  eval "$1"
}

say 'A connector is a tool that customers can link. Find one and enable it.'
run 'hubctl connectors available --search bamboo'
run 'hubctl connectors enable bamboohr'

say 'A session is the right of one customer to link one account for a while.'
run 'hubctl session create --provider bamboohr --origin-owner-id acme-7 --origin-owner-name Acme'

say 'An auth link is the same to be sent by mail: it lives for 30 days.'
run 'hubctl link create --provider bamboohr --origin-owner-id globex-2 --origin-owner-name Globex'
run 'hubctl session list'

say 'With the credentials at hand, an account is linked at once. They are read from a file.'
run '(umask 077; echo not-a-real-key > api-key.txt)'
run 'hubctl accounts add --provider bamboohr --origin-owner-id acme-7 --origin-owner-name Acme --set subdomain=acme --set api_key=@api-key.txt'
run 'hubctl accounts list'

say 'Before anything is stopped, hubctl counts what it would touch.'
run 'hubctl connectors disable bamboohr --dry-run'
run 'hubctl connectors disable bamboohr --yes'

say 'What happened to an account, and what helps?'
run 'hubctl accounts explain "$(hubctl accounts list -o id)"'
run 'hubctl connectors enable bamboohr'

say 'The same for scripts.'
run "hubctl accounts list --jq '.[] | {provider, origin_owner_id, status}'"

say 'That was all in a folder that is gone now; your own store was not touched.'
