#!/bin/sh
# Ten calls of the HTTP API with curl: PINGCRM_TOKEN=pcrm_… sh api.sh (a token with the scopes read and write).
set -eu
api=${PINGCRM_URL:-http://127.0.0.1:8025}/api/v1

# call METHOD PATH [more arguments of curl]: prints the response. What is refused ends the program with its problem document.
# The token goes through a pipe: as an argument it would show in every list of processes.
call() {
    method=$1 path=$2
    shift 2
    response=$(
        printf 'header = "Authorization: Bearer %s"\n' "$PINGCRM_TOKEN" |
            curl --config - --silent --show-error --fail-with-body --request "$method" "$@" "$api$path"
    ) || { printf '%s\n' "$response" >&2; return 1; }
    printf '%s\n' "$response"
}

# Who am I, and what may this token do?
call GET /me

# A person. Sent again with the same key, after a lost connection, it is still made once.
person=$(call POST /contacts --header "Idempotency-Key: ada-$$-$(date +%s)" --json '{"name": "Ada Lovelace", "tags": ["curl"]}')
id=$(printf '%s' "$person" | sed 's/.*"id":"\([0-9a-f-]*\)".*/\1/')

# What is left out of a change stays as it is.
call PATCH "/contacts/$id" --json '{"company": "Analytical Engines"}'
call GET "/contacts/$id"

# What happened elsewhere. The same `ref` again changes nothing.
call POST "/contacts/$id/interactions" --json '{"platform": "letter", "kind": "message", "direction": "inbound", "ref": "letter-1",
    "occurred_at": "2026-01-31T12:00:00Z", "title": "On the engine", "text": "Your drawings have arrived."}'
call GET "/contacts/$id/interactions?limit=20"

# Lists come in pages: the next one is `&cursor=` and the `next_cursor` of this one.
call GET "/contacts?tag=curl&limit=10"
call GET "/meetings"
call GET "/settings"

call DELETE "/contacts/$id"
