#!/bin/sh
# A newer Python than this Debian has, for the packaging tests: from Debian's testing suite, into build/python3.14,
# beside the system and without root. It brings its own C library, as the system's is older.
# Does nothing where that Python is on the PATH or was fetched before; exits with 3 where it cannot be had.
set -eu
version=${1:-3.14}
suite=${2:-forky}
root=$(cd "$(dirname "$0")/.." && pwd)/build/python$version
python=$root/usr/bin/python$version

if command -v "python$version" >/dev/null 2>&1 || [ -x "$python" ]; then exit 0; fi
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null 2>&1 || { echo "Python $version: install it yourself, this is no Debian." >&2; exit 3; }
done

rm -rf "$root" "$root.part"
mkdir -p "$root.part/apt/lists/partial" "$root.part/apt/archives/partial"
trap 'rm -rf "$root.part"' EXIT
cd "$root.part"
touch apt/status
# The mirror and the keys are those that this machine uses already.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)
[ -n "$mirror" ] || { echo "Python $version: apt knows no Debian mirror; run apt-get update." >&2; exit 3; }
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.pgp] $mirror $suite main" > apt/sources.list
cat > apt/conf <<END
Dir::Etc::sourcelist "$PWD/apt/sources.list";
Dir::Etc::sourceparts "/nonexistent";
Dir::State "$PWD/apt";
Dir::State::status "$PWD/apt/status";
Dir::Cache "$PWD/apt";
Debug::NoLocking "1";
APT::Sandbox::User "";
APT::Install-Recommends "false";
END
export APT_CONFIG="$PWD/apt/conf"
{ apt-get update && apt-get install --yes --download-only "python$version"; } > apt/log 2>&1 \
  || { tail -n 3 apt/log >&2; echo "Python $version cannot be had from Debian's $suite here." >&2; exit 3; }

mkdir files
for package in apt/archives/*.deb; do dpkg-deb --extract "$package" files; done
mv files "$root"
loader=$(find "$root/usr/lib" -name 'ld-linux-*.so.*' | head -n 1)
mv "$python" "$python.elf"
# Under its own loader, which only this process uses; the name it was called by tells Python which venv it is in.
cat > "$python" <<END
#!/bin/sh
exec "$loader" --argv0 "\$0" --library-path "$(dirname "$loader")" "$python.elf" "\$@"
END
chmod +x "$python"
"$python" -c 'import ssl, sqlite3, sys; print("Python", sys.version.split()[0], "in", sys.prefix)'
