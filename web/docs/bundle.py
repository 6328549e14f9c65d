#!/usr/bin/env python3
"""Fetches Swagger UI and Redoc from npm and writes a C++ source that embeds their files: bundle.py FOLDER

The versions and hashes are those of package-lock.json; no script of a package runs. FOLDER gets embedded_assets.cc,
which defines find_embedded_asset of src/api/assets.h, and the files it takes in, each plain and compressed.
"""
import gzip
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent
FETCH_LIMIT_SECONDS = 600
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".txt": "text/plain; charset=utf-8"}
FILES = [  # in node_modules; the licences are what the scripts' first lines refer to
    "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
    "redoc/bundles/redoc.standalone.js",
    "redoc/bundles/redoc.standalone.js.LICENSE.txt",
]
# Redoc shows a picture from its maker's server; the pages may load nothing from elsewhere.
OUTSIDE_PICTURE = b'"https://cdn.redoc.ly/redoc/logo-mini.svg"'
EMPTY_PICTURE = b'"data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E"'

HEAD = """// Written by web/docs/bundle.py from the npm packages of web/docs/package-lock.json.
#include <algorithm>
#include <array>
#include <utility>

#include "api/assets.h"

"""
EMBED = """asm(R"(
.pushsection .rodata
.global headgate_asset_{number}
headgate_asset_{number}:
.incbin "{path}"
.popsection
)");
extern "C" const char headgate_asset_{number}[{size}];

"""
ROW = """    std::pair<std::string_view, Asset>{{
        "{name}",
        {{.bytes = {{headgate_asset_{plain}, sizeof headgate_asset_{plain}}},
         .gzip = {{headgate_asset_{zipped}, sizeof headgate_asset_{zipped}}},
         .content_type = "{type}",
         .version = "{version}"}}}},
"""
TAIL = """
}  // namespace

std::optional<Asset> find_embedded_asset(std::string_view name) {
  const auto found = std::ranges::find(kAssets, name, &std::pair<std::string_view, Asset>::first);
  return found == kAssets.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace headgate::api
"""


def stop(why):
    sys.exit(f"\nThe pages /docs and /redoc cannot be built: {why}\n")


def fetch(folder):
    """node_modules as package-lock.json says, in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(SOURCE / name, folder)
    wanted = ", ".join(f"{name} {version}" for name, version in json.loads((SOURCE / "package.json").read_text())["dependencies"].items())
    try:
        npm = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
             "--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=5000"], cwd=folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=FETCH_LIMIT_SECONDS)
    except FileNotFoundError:
        stop("there is no npm. Install the Debian packages nodejs and npm.")
    except subprocess.TimeoutExpired:
        stop(f"npm did not fetch {wanted} within {FETCH_LIMIT_SECONDS // 60} minutes.")
    if npm.returncode != 0:
        stop(f"npm could not fetch {wanted}. It needs the npm registry once; is there a network, "
             f"or a proxy to set (https_proxy)? npm said:\n\n{npm.stdout}")
    return folder / "node_modules"


def contents(path):
    data = path.read_bytes()
    if path.name == "redoc.standalone.js":
        if data.count(OUTSIDE_PICTURE) != 1:
            stop("this version of Redoc takes its logo from another address; look at OUTSIDE_PICTURE in web/docs/bundle.py.")
        data = data.replace(OUTSIDE_PICTURE, EMPTY_PICTURE)
    # The maps stay out, so nothing may ask for them.
    return re.sub(rb"\n?(//|/\*)# sourceMappingURL=[^\s*]*( ?\*/)?\s*\Z", b"\n", data)


def main(out):
    modules = fetch(out / "packages")
    blobs, rows = [], []
    for file in FILES:
        data = contents(modules / file)
        name = pathlib.Path(file).name
        for path, blob in ((out / name, data), (out / f"{name}.gz", gzip.compress(data, 9, mtime=0))):
            path.write_bytes(blob)
            blobs.append(EMBED.format(number=len(blobs), path=path.as_posix(), size=len(blob)))
        rows.append(ROW.format(name=name, plain=len(blobs) - 2, zipped=len(blobs) - 1, type=TYPES[pathlib.Path(name).suffix],
                               version=hashlib.sha256(data).hexdigest()[:16]))
    (out / "embedded_assets.cc").write_text(
        HEAD + "".join(blobs) + "namespace headgate::api {\nnamespace {\n\nconstexpr auto kAssets = std::to_array({\n" + "".join(rows) + "});\n" + TAIL)
    shutil.rmtree(out / "packages")


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(pathlib.Path(sys.argv[1]).resolve())
