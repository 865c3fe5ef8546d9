"""The tree as the structure tests see it: tracked files, includes, and one way to report."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUBLIC_FOLDERS = ("core", "autograd", "ops", "nn", "data")
PRIVATE_MARK = "For .cpp files only"
SKIP = 77  # ctest's SKIP_RETURN_CODE
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def files(*patterns):
    """Tracked files and those git does not ignore; every file where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode == 0:
        found = [ROOT / line for line in result.stdout.splitlines()]
    else:
        found = [f for f in ROOT.rglob("*") if any(f.match(p) for p in patterns or ("*",))]
    return sorted(f for f in set(found) if f.is_file() and "build" not in f.relative_to(ROOT).parts)


def name(path):
    return path.relative_to(ROOT).as_posix()


def includes(path):
    """(quote, name) of each #include of a file."""
    return INCLUDE.findall(path.read_text())


def public_headers():
    """Headers that are installed: what the library's folders hold, less those marked private."""
    found = [ROOT / "weft.h"] if (ROOT / "weft.h").exists() else []
    for folder in PUBLIC_FOLDERS:
        found += [f for f in files(f"{folder}/*.h") if PRIVATE_MARK not in f.read_text()]
    return found


def report(offences, checked):
    """Prints the offences and ends the program; a test that looked at nothing has failed."""
    for offence in offences:
        print(offence)
    print(f"{len(checked)} looked at, {len(offences)} offences")
    sys.exit(1 if offences or not checked else 0)
