#!/bin/sh
# Makes .env for docker-compose.yml, or adds what it has not: passwords and keys from the system's random source, for their owner to read
# alone. What is there stays as it is. Needs nothing installed.
#
#   sh deploy/make-env.sh                     PingCRM on this machine's loopback, for this machine or a proxy of yours
#   sh deploy/make-env.sh crm.example.org     the proxy of docker-compose.yml before it, with TLS for this name
#
# The names of the secrets are those of `pingcrm secrets`; a test compares.
set -eu
umask 077
export LC_ALL=C
cd "$(dirname "$0")/.."
file=${ENV_FILE:-.env}
domain=${1:-}

case $domain in
*[!A-Za-z0-9.-]*)
	echo "$domain is no name of a machine: write it without https:// and without a path." >&2
	exit 2
	;;
esac

draft=$file.new
trap 'rm -f "$draft"' EXIT
rm -f "$draft"
if [ -e "$file" ]; then cat "$file" > "$draft"; else : > "$draft"; fi
if [ -n "$(tail -c 1 "$draft")" ]; then echo >> "$draft"; fi

# Whether a name has a value, or (mentioned) a line at all.
has_value() { grep -q "^ *\(export  *\)\{0,1\}$1=..*" "$draft"; }
mentioned() { grep -q "^ *\(export  *\)\{0,1\}$1=" "$draft"; }
add() { printf '%s=%s\n' "$1" "$2" >> "$draft"; }

# 40 letters and digits, a letter first: safe in URLs, shells and NATS configuration, where 12k would be a number.
password() {
	letter=$(head -c 256 /dev/urandom | tr -dc A-Za-z | cut -c 1)
	rest=$(head -c 1024 /dev/urandom | tr -dc A-Za-z0-9 | cut -c 1-39)
	[ ${#letter}${#rest} = 139 ] || { echo "/dev/urandom gave too little." >&2; exit 1; }
	printf '%s%s' "$letter" "$rest"
}

# 32 bytes in URL-safe base64.
key() { head -c 32 /dev/urandom | base64 | tr -- '+/' '-_'; }

secrets="PINGCRM_POSTGRES_PASSWORD PINGCRM_NATS_PASSWORD PINGCRM_CONNECTOR_NATS_PASSWORD PINGCRM_REDIS_PASSWORD"
for service in AUTH SYNC CONTACTS PREP GATEWAY; do
	for server in POSTGRES NATS REDIS; do secrets="$secrets PINGCRM_${service}_${server}_PASSWORD"; done
done
for name in $secrets; do
	has_value "$name" && continue
	value=$(password)
	add "$name" "$value"
done
for name in PINGCRM_SECRET_KEYS PINGCRM_WEBHOOK_KEYS; do
	has_value "$name" && continue
	value=$(key)
	add "$name" "$value"
done

if [ -n "$domain" ]; then
	has_value PINGCRM_DOMAIN || add PINGCRM_DOMAIN "$domain"
	has_value PINGCRM_PUBLIC_URL || add PINGCRM_PUBLIC_URL "https://$domain"
	# Where Docker and Podman put their networks: the proxy's address is in one of them.
	has_value PINGCRM_TRUSTED_PROXIES || add PINGCRM_TRUSTED_PROXIES 10.0.0.0/8,172.16.0.0/12,192.168.0.0/16
	has_value COMPOSE_PROFILES || add COMPOSE_PROFILES proxy
fi

missing=
for name in PINGCRM_GOOGLE_CLIENT_ID PINGCRM_GOOGLE_CLIENT_SECRET; do
	mentioned "$name" || add "$name" ""
	has_value "$name" || missing="$missing $name"
done

mv -f "$draft" "$file"
echo "$file is complete, and can be read by its owner only: it holds all passwords and keys, keep it safe."
[ -z "$missing" ] || echo "Put the OAuth client of the Google Cloud console into it:$missing"
