"""npm packages for a test, installed once for each lockfile."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTALL_LIMIT_SECONDS = 300


def installed(source):
    """A folder under build/ with `source`'s package files and node_modules exactly as its lockfile says."""
    files = [source / "package.json", source / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cached = ROOT / "build" / "node" / f"{source.name}-{digest}"
    if cached.is_dir():
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    fresh = pathlib.Path(tempfile.mkdtemp(prefix=f"{source.name}-", dir=cached.parent))
    try:
        for file in files:
            shutil.copy(file, fresh)
        npm = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=fresh, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=INSTALL_LIMIT_SECONDS)
        assert npm.returncode == 0, f"`npm ci` failed for {source}; it needs the npm registry:\n{npm.stdout}"
        try:
            os.rename(fresh, cached)
        except OSError:
            assert cached.is_dir()  # another run was first
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return cached
