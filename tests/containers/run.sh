#!/bin/bash
# `make containers-test`: docker-compose.yml as people run it. It builds the images, starts everything, has `pingcrm doctor` look at each
# container, signs in at a local Google, compares with its oracle, kills each container's process, takes everything down and up again,
# restores a dump and a backup where all else is lost, and looks at the proxy. All of it on the containers' own networks, bounded, and
# cleaned up at the end.
#
# With the Docker that runs; else, as root, with one of its own (apt-get install --no-install-recommends docker.io iptables).
# STANDINS=yes takes stand-ins in the place of others' images, for machines that reach no registry of images: Debian's packages
# (debootstrap busybox-static; Caddy's is fetched) and the programs of the embedded servers. KEEP=yes leaves what was built for the next run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${TMPDIR:-/var/tmp}/pingcrm-containers-test
python=${PYTHON:-python3}
project=pingcrmtest
export PINGCRM_IMAGE=pingcrm-test PINGCRM_MIGRATE_IMAGE=pingcrm-test-migrate

skip() { echo "containers-test: skipped, because $*"; exit 0; }
step() { printf '\n== %s\n' "$*"; }
fail() { echo "containers-test: $*" >&2; exit 1; }
need() { for program in "$@"; do command -v "$program" > /dev/null || skip "$program is not installed"; done; }

[ "$(uname -s)" = Linux ] || skip "it needs Linux"
need docker tar
mkdir -p "$work"
# shellcheck source=tests/containers/engine.sh
. "$here/engine.sh"
trap finish EXIT
find_engine
find_compose
[ "${STANDINS:-}" != yes ] || make_standins

compose() {
	(cd "$root" && "${compose_program[@]}" --project-name $project --env-file "$work/env" -f docker-compose.yml -f tests/containers/compose.yml "$@")
}
drive() { compose run --rm --no-deps -T person "$1"; }
container() { echo "$project-$1-1"; }
containers() { docker ps --all --quiet --filter label=com.docker.compose.project=$project; }
restarts() { docker inspect --format '{{.RestartCount}}' "$(container "$1")"; }

wait_until_healthy() { # how many
	for _ in $(seq 300); do
		[ "$(docker ps --quiet --filter label=com.docker.compose.project=$project --filter health=healthy | wc -l)" = "$1" ] && return
		sleep 1
	done
	compose ps --all
	fail "not $1 containers are healthy after five minutes"
}

expect_restarts() { # how often, of which
	local times=$1 service
	for service in "${@:2}"; do
		[ "$(restarts "$service")" = "$times" ] || fail "$service was started again $(restarts "$service") times, not $times"
	done
}

services=(auth sync contacts prep gateway)
servers=(postgres nats valkey)
health_checks=$((${#services[@]} + ${#servers[@]} + 2)) # a second sync, and the local Google

step "The images"
base=${PINGCRM_PYTHON_IMAGE:-docker.io/library/python:3.11-slim-bookworm}
[ "${STANDINS:-}" = yes ] || docker pull --quiet "$base"
for target in service migrate; do
	image=$PINGCRM_IMAGE
	[ $target = service ] || image=$PINGCRM_MIGRATE_IMAGE
	tar --directory "$root" --exclude __pycache__ --create requirements.txt services libs deploy |
		docker build --quiet --file deploy/Dockerfile --target $target --build-arg PYTHON_IMAGE="$base" --tag $image -
done
size() { docker image inspect --format '{{.Size}}' "$1"; }
whole=$(size $PINGCRM_IMAGE) added=$(($(size $PINGCRM_IMAGE) - $(size "$base")))
echo "The image of the services has $((whole / 1000000)) MB, $((added / 1000000)) of them ours; that of the migration $(($(size $PINGCRM_MIGRATE_IMAGE) / 1000000))."
[ $added -lt 125000000 ] || fail "more than 125 MB are ours"
[ "${STANDINS:-}" = yes ] || [ "$whole" -lt 250000000 ] || fail "the image has more than 250 MB"
[ "$(docker run --rm --read-only --network none --entrypoint id $PINGCRM_IMAGE -u)" = 10001 ] || fail "the image's user is not 10001"
for tool in dbmate pg_dump pg_restore; do
	docker run --rm --read-only --network none --entrypoint $tool $PINGCRM_MIGRATE_IMAGE --version
	! docker run --rm --network none --entrypoint sh $PINGCRM_IMAGE -c "command -v $tool" || fail "the services' image has $tool"
done

step "Everything up"
rm -f "$work/env"
cat > "$work/env" <<'END'
PINGCRM_GOOGLE_CLIENT_ID=demo.apps.googleusercontent.com
PINGCRM_GOOGLE_CLIENT_SECRET=demo
PINGCRM_GOOGLE_API_ROOT=http://google:18900
PINGCRM_GOOGLE_OAUTH_ROOT=http://google:18900
PINGCRM_GMAIL_UNITS_PER_MINUTE=0
PINGCRM_GMAIL_PROJECT_UNITS_PER_MINUTE=0
PINGCRM_MAIL_POLL_SECONDS=10
PINGCRM_PORT=18025
PINGCRM_HTTP_PORT=127.0.0.1:18080
PINGCRM_HTTPS_PORT=127.0.0.1:18443
PINGCRM_TLS=tls internal
END
ENV_FILE=$work/env sh "$root/deploy/make-env.sh"
[ "$(stat --format %a "$work/env")" = 600 ] || fail "the file with the secrets can be read by others"
compose up --detach --no-build --scale sync=2
wait_until_healthy $health_checks
expect_restarts 0 "${services[@]}" "${servers[@]}" folders migrate
"$python" -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:18025/health/ready", timeout=10).read().decode())'

step "Each container as docker-compose.yml has it"
for name in $(containers); do
	docker inspect --format '{{.Name}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{gt .HostConfig.Memory 0}}' "$name"
done | sort | tee "$work/containers.txt"
! grep --invert-match 'true \[ALL\] \[no-new-privileges:true\] true$' "$work/containers.txt" || fail "these are less contained"
password=$(sed -n 's/^PINGCRM_AUTH_REDIS_PASSWORD=//p' "$work/env")
docker top "$(container valkey)" -eo pid,args > "$work/processes.txt"
! grep --quiet "$password" "$work/processes.txt" || fail "a password stands on a command line"

step "\`pingcrm doctor\` in each container"
examine() { # the name, then how it is run there
	"${@:2}" > "$work/doctor-$1.txt" && return
	cat "$work/doctor-$1.txt"
	fail "doctor finds something wrong in $1"
}
rm -f "$work"/doctor-*.txt
for service in "${services[@]}"; do
	examine "$service" compose exec -T "$service" python -m libs.local doctor
done
examine migrate compose run --rm --no-deps -T migrate doctor
# What is good to know here: no push, no model, a local Google, and no TLS on the containers' own network.
grep --no-filename '^note' "$work"/doctor-*.txt | grep --invert-match \
	--regexp '^note  PINGCRM_GOOGLE_PUBSUB_TOPIC is not set' --regexp '^note  PINGCRM_ANTHROPIC_API_KEY is not set' \
	--regexp 'is used in place of Google\.$' --regexp 'leads to another machine in clear text' > "$work/doctor.txt" || true
[ ! -s "$work/doctor.txt" ] || { cat "$work/doctor.txt"; fail "doctor notes what is none of a container's business"; }

step "Mail, contacts, meetings and briefs"
drive connect
FIRST_SCAN=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
export FIRST_SCAN
compose run --rm --no-deps -T migrate tick prep
drive compare
compose exec -T auth python -m services.auth.rotate
drive look-around
compose run --rm --no-deps -T migrate dead list

wait_until_started_again() { # which
	for _ in $(seq 300); do
		[ "$(restarts "$1")" = 0 ] || return 0
		sleep 0.2
	done
	fail "$1 is not started again after a minute"
}

if [ "$(id -u)" = 0 ]; then
	kill_processes() {
		local service
		for service in "$@"; do
			kill -9 "$(docker inspect --format '{{.State.Pid}}' "$(container "$service")")"
			wait_until_started_again "$service"
		done
		wait_until_healthy $health_checks
	}
	step "The process of each container killed, one after the other"
	# In two rounds: a service that starts where a server is just away ends, and is started once more.
	kill_processes "${services[@]}"
	kill_processes "${servers[@]}"
	# Nothing else was started again because of it: who lost a server waits for it.
	expect_restarts 1 "${services[@]}" "${servers[@]}"
	[ "$(docker inspect --format '{{.RestartCount}}' $project-sync-2)" = 0 ] || fail "the other sync was started again"
	drive compare
fi

# Google stays: it is who knows what was sent.
take_down() { compose rm --stop --force "${services[@]}" "${servers[@]}" folders migrate; }

step "Down and up again"
take_down
compose up --detach --no-build --scale sync=2
wait_until_healthy $health_checks
drive compare
expect_restarts 0 "${services[@]}" "${servers[@]}" folders migrate

lose_everything() {
	take_down
	docker volume rm ${project}_postgres ${project}_nats ${project}_valkey
}

# As docs/operating.md has it.
step "Everything lost but the database's dump and the file with the secrets"
compose exec -T postgres pg_dump --username=postgres --format=custom pingcrm > "$work/pingcrm.dump"
lose_everything
compose run --rm -T migrate
compose exec -T postgres pg_restore --username=postgres --dbname=pingcrm --clean --if-exists --exit-on-error < "$work/pingcrm.dump"
compose up --detach --no-build --scale sync=2
wait_until_healthy $health_checks
drive compare

# As docs/operating/backup.md has it.
step "Everything lost but a backup and the file with the secrets"
rm -rf "$work/backups"
mkdir "$work/backups"
migrate() { compose run --rm --no-deps -T --user "$(id -u)" --volume "$work/backups:/backups" --volume "$work/env:/keys:ro" migrate "$@"; }
migrate backup /backups
backup=$(basename "$work"/backups/pingcrm-*.zip)
[ "$(stat --format %a "$work/backups/$backup")" = 600 ] || fail "the backup can be read by others"
lose_everything
compose up --detach --no-build --wait postgres nats
migrate restore "/backups/$backup" --keys /keys
compose up --detach --no-build --scale sync=2
wait_until_healthy $health_checks
drive compare
expect_restarts 0 "${services[@]}" "${servers[@]}" folders migrate

step "The proxy"
compose --profile proxy up --detach --no-build --no-recreate proxy
wait_until_healthy $((health_checks + 1))
drive by-the-proxy
expect_restarts 0 proxy
echo
echo "containers-test: 1 passed"
