#!/usr/bin/python3
"""Checks who may include whom in src/, and that each third-party library has one owner folder."""
import pathlib
import re
import sys

LAYERS = {  # folder -> row; only folders on lower rows may be included, never the same row
    "app": 7,
    "api": 6, "ui": 6,
    "dispatch": 5,
    "auth": 4, "limits": 4, "queue": 4, "routing": 4, "supervisor": 4, "documents": 4,
    "edge": 3, "upstream": 3, "providers": 3, "dialects": 3, "stores": 3,
    "observe": 2,
    "config": 1, "model": 1,
    "base": 0,
}
ONLY = {  # a folder that may include less than its row allows
    "providers": {"base", "model"},
    "dialects": {"base", "model"},
}
OF_EDGE = {"api": {"edge/handler.h"}, "ui": {"edge/handler.h"}}
OWNERS = [  # third-party header -> folders that may include it
    (re.compile(r"<boost/(asio|beast)/"), ("edge", "upstream", "base")),
    (re.compile(r"<sqlite3\.h>"), ("stores/sqlite",)),
    (re.compile(r"<(libpq-fe\.h|postgresql/)"), ("stores/postgres",)),
    (re.compile(r"<hiredis/"), ("stores/redis",)),
    (re.compile(r"<(poppler|tesseract|leptonica)"), ("documents",)),
    (re.compile(r"<(seccomp\.h|linux/landlock\.h)"), ("documents",)),
    (re.compile(r"<(prometheus|spdlog)/"), ("observe",)),
    (re.compile(r"<yaml-cpp/"), ("config",)),
    (re.compile(r"<CLI/"), ("app",)),
]
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))')


def check_ours(folder, path, included):
    target = included.split("/")[0]
    if target == "testing":
        return None if path.name.endswith(("_test.cc", "_fixture.h", "_testing.h")) or folder == "testing" else "testing/ is for tests only"
    if target == folder:
        if folder == "stores" and path.parent.name == "stores" and included.count("/") > 1:
            return "an interface may not include one of its engines"
        return None
    if folder == "testing":
        return None
    if target not in LAYERS:
        return f"unknown folder {target}/"
    if included.startswith("stores/") and included.count("/") > 1 and folder != "app":
        if not path.name.endswith("_test.cc"):
            return "only app/ names a store's engine"
    if LAYERS[target] >= LAYERS[folder] and not (folder == "config" and target == "model"):
        return f"{folder}/ (row {LAYERS[folder]}) may not include {target}/ (row {LAYERS[target]})"
    if folder in ONLY and target not in ONLY[folder]:
        return f"{folder}/ may include only {', '.join(sorted(ONLY[folder]))}"
    if target == "edge" and folder in OF_EDGE and included not in OF_EDGE[folder]:
        return f"of edge/, {folder}/ may include only handler.h"
    return None


def check_third_party(root, path, included):
    where = path.relative_to(root).as_posix()
    for pattern, owners in OWNERS:
        if pattern.match(included) and not any(where.startswith(owner + "/") for owner in owners):
            return f"{included} belongs to {' and '.join(owners)} only"
    return None


def main():
    root = pathlib.Path(__file__).resolve().parents[2] / "src"
    problems = []
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".cc", ".h"):
            continue
        folder = path.relative_to(root).parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            why = check_ours(folder, path, match[1]) if match[1] else check_third_party(root, path, match[2])
            if why:
                problems.append(f"src/{path.relative_to(root)}:{number}: {why}")
    print("\n".join(problems) if problems else "layers: ok")
    return 1 if problems else 0


sys.exit(main())
