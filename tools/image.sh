#!/bin/sh
# Makes an OCI image from the archive that tarball.sh built on this machine, with buildah and without
# a daemon: the program and its libraries, those of glibc, certificates, and busybox for health checks
# and a shell. It runs as a user without rights, with a read-only root and one volume for the data.
#
# usage: image.sh TARBALL FOLDER
#
# FOLDER gets echoprint-VERSION-image.tar, which podman and docker load.
set -eu
tarball=${1:?usage: image.sh TARBALL FOLDER}
folder=${2:?usage: image.sh TARBALL FOLDER}
mkdir -p "$folder"
version=$(basename "$tarball" | sed 's/^echoprint-\(.*\)-linux-.*/\1/')
image=$folder/echoprint-$version-image.tar

buildah() { command buildah --storage-driver vfs --root "$folder/storage" --runroot "$folder/run" "$@"; }
clean() {
	buildah rm --all >/dev/null 2>&1 || true
	buildah rmi --all --force >/dev/null 2>&1 || true
	rm -rf "$folder/storage" "$folder/run"
}
trap clean EXIT INT TERM
container=$(buildah from --format docker scratch)
root=$(buildah mount "$container")

mkdir -p "$root/bin" "$root/etc/ssl/certs" "$root/lib64" "$root/opt/echoprint" "$root/usr/bin" \
	"$root/var/lib/echoprint" "$root/var/lib/invitations" "$root/tmp" "$root/proc" "$root/dev" "$root/run"
chmod 1777 "$root/tmp"
tar -xf "$tarball" -C "$root/opt/echoprint" --strip-components=1 --no-same-owner
rm -rf "$root/opt/echoprint/share/bash-completion" "$root/opt/echoprint/share/fish" \
	"$root/opt/echoprint/share/zsh" "$root/opt/echoprint/share/man"
for program in "$root"/opt/echoprint/bin/*; do
	ln -s "/opt/echoprint/bin/$(basename "$program")" "$root/usr/bin/"
done

# Of glibc, what the libraries name. Paths are those after /usr was merged, or before.
dpkg -L libc6 | grep -E '/(ld-linux[^/]*|lib(c|m|dl|pthread|rt|resolv))\.so\.[0-9]+$' | while read -r library; do
	mkdir -p "$root/$(dirname "$library")"
	cp -L "$library" "$root/$library"
done
cp /bin/busybox "$root/bin/busybox"
for name in sh cat grep ls mkdir sleep wget; do ln -s busybox "$root/bin/$name"; done
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
printf 'root:x:0:0:root:/:/bin/sh\nechoprint:x:10001:10001::/var/lib/echoprint:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\nechoprint:x:10001:\n' > "$root/etc/group"
# The second is for service/compose.yaml: a new volume gets the owner of its place in the image.
chown 10001:10001 "$root/var/lib/echoprint" "$root/var/lib/invitations"
chmod 700 "$root/var/lib/echoprint" "$root/var/lib/invitations"

buildah config --user 10001:10001 --port 8070 --volume /var/lib/echoprint --workingdir /var/lib/echoprint \
	--env PATH=/usr/bin:/bin --env ECHOPRINT_DATA=/var/lib/echoprint --env ECHOPRINT_SERVE_LISTEN=0.0.0.0:8070 \
	--entrypoint '["/usr/bin/echoprint"]' --cmd serve --stop-signal SIGTERM \
	--healthcheck 'CMD wget -q -O - http://127.0.0.1:8070/healthz' --healthcheck-interval 30s \
	--healthcheck-timeout 5s --healthcheck-start-period 60s \
	--label org.opencontainers.image.title=echoprint --label "org.opencontainers.image.version=$version" \
	--label org.opencontainers.image.licenses=Apache-2.0 "$container"
unpacked=$(du -sm "$root" | cut -f1)
buildah unmount "$container" >/dev/null
rm -f "$image"
# The format of docker, as that of OCI has no health check.
buildah commit -q --format docker "$container" "docker-archive:$image:localhost/echoprint:$version" >/dev/null
echo "$image: localhost/echoprint:$version, $unpacked MB"
