#!/bin/bash
# What the image of PostgreSQL does at its first start, as far as docker-compose.yml asks for it.
set -euo pipefail
mkdir --parents "$PGDATA" && chmod 0700 "$PGDATA"
if [ "$(id -u)" = 0 ]; then
	chown --recursive postgres "$PGDATA" /run/postgresql
	exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	password=$(mktemp)
	printf '%s\n' "$POSTGRES_PASSWORD" > "$password"
	# shellcheck disable=SC2086 -- several arguments in a variable
	initdb --username=postgres --pwfile="$password" ${POSTGRES_INITDB_ARGS:-}
	rm "$password"
	echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
	printf "listen_addresses = '*'\nunix_socket_directories = '/run/postgresql'\n" >> "$PGDATA/postgresql.conf"
	pg_ctl --wait --options="-c listen_addresses=''" start
	psql --username=postgres --dbname=postgres --command="CREATE DATABASE $POSTGRES_DB"
	pg_ctl --wait --mode=fast stop
fi
exec "$@"
