#!/bin/sh
# The Valkey of docker-compose.yml. Written by `pingcrm redis-acl --env`; a test compares.
# Passwords come from the environment: `pingcrm secrets` makes them. They stay in memory, in a file for this user alone: a command line can
# be read by everybody on the machine.
set -eu
umask 077
cat > "${TMPDIR:-/tmp}/valkey.conf" <<END
appendonly yes
maxmemory 256mb
maxmemory-policy noeviction
requirepass $PINGCRM_REDIS_PASSWORD
user auth >$PINGCRM_AUTH_REDIS_PASSWORD on ~auth:* resetchannels -@all +get +set +getdel +del +incrby +pexpire +pttl +hget +hmget +hset +hgetall +hdel +hincrby +time +evalsha +script|load +multi +exec +discard +ping +select +client|setinfo +client|setname
user sync >$PINGCRM_SYNC_REDIS_PASSWORD on ~sync:* ~google:* resetchannels -@all +get +set +getdel +del +incrby +pexpire +pttl +hget +hmget +hset +hgetall +hdel +hincrby +time +evalsha +script|load +multi +exec +discard +ping +select +client|setinfo +client|setname
user contacts >$PINGCRM_CONTACTS_REDIS_PASSWORD on ~contacts:* resetchannels -@all +get +set +getdel +del +incrby +pexpire +pttl +hget +hmget +hset +hgetall +hdel +hincrby +time +evalsha +script|load +multi +exec +discard +ping +select +client|setinfo +client|setname
user prep >$PINGCRM_PREP_REDIS_PASSWORD on ~prep:* ~meeting_prep:* ~google:* resetchannels -@all +get +set +getdel +del +incrby +pexpire +pttl +hget +hmget +hset +hgetall +hdel +hincrby +time +evalsha +script|load +multi +exec +discard +ping +select +client|setinfo +client|setname
user gateway >$PINGCRM_GATEWAY_REDIS_PASSWORD on ~gateway:* resetchannels -@all +get +set +getdel +del +incrby +pexpire +pttl +hget +hmget +hset +hgetall +hdel +hincrby +time +evalsha +script|load +multi +exec +discard +ping +select +client|setinfo +client|setname
END
exec valkey-server "${TMPDIR:-/tmp}/valkey.conf" "$@"
