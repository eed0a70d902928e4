#!/bin/sh
# Pins the images of others, by whose tags docker-compose.yml names them, to what they are now: fetches each, and puts its digest into .env.
# Again, after an upgrade or once a month, for newer ones. PINGCRM_ENGINE=podman where that is what you have.
set -eu
umask 077
cd "$(dirname "$0")/.."
file=${ENV_FILE:-.env}
engine=${PINGCRM_ENGINE:-docker}
[ -e "$file" ] || { echo "There is no $file yet: sh deploy/make-env.sh makes it." >&2; exit 1; }

draft=$file.new
trap 'rm -f "$draft" "$draft.pins"' EXIT
rm -f "$draft" "$draft.pins"
sed -n 's/.*\${\(PINGCRM_[A-Z]*_IMAGE\):-\(docker\.io[^}]*\)}.*/\1 \2/p' docker-compose.yml | sort -u > "$draft.pins"

grep -v -e '^PINGCRM_[A-Z]*_IMAGE=docker\.io/.*@sha256:' -e '^# docker\.io/.* on ....-..-..$' "$file" > "$draft" || [ $? = 1 ]
while read -r name image; do
	"$engine" pull --quiet "$image" > /dev/null < /dev/null
	repository=${image%:*}
	short=${repository#docker.io/}
	# Docker leaves out docker.io/ and library/, Podman does not.
	digest=$("$engine" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" < /dev/null |
		sed -n "s#^\(docker\.io/\)\{0,1\}$short@##p; s#^${short#library/}@##p" | head -n 1)
	case $digest in
	sha256:????????????????????????????????????????????????????????????????) ;;
	*)
		echo "$engine does not know the digest of $image." >&2
		exit 1
		;;
	esac
	printf '# %s on %s\n%s=%s@%s\n' "$image" "$(date -u +%Y-%m-%d)" "$name" "$repository" "$digest" >> "$draft"
	echo "$image is $digest"
done < "$draft.pins"
mv -f "$draft" "$file"
