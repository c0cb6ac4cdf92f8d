"""Whom and where PostgreSQL may be when we are root: it refuses to run as root, wisely."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
from pathlib import Path

from klokwerk_platform.processes import Owner


def owner_for_server() -> Owner | None:
    """The user as whom the server runs: None means ourselves; for root it is ``nobody``.

    PostgreSQL's initdb looks the user up by name, so it must be one that the machine knows.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        entry = next(each for each in pwd.getpwall() if each.pw_uid != 0)
    return Owner(entry.pw_uid, entry.pw_gid)


def reachable(path: Path) -> bool:
    """Whether every folder down to ``path`` may be entered by everybody."""
    return all(
        folder.stat().st_mode & stat.S_IXOTH
        for folder in (path, *path.resolve().parents)
        if folder.exists() and folder.is_dir()
    )


def data_folder(wanted: Path, owner: Owner | None) -> Path:
    """Where the data goes: ``wanted``, or, where the other user can't get there, a folder under /var/tmp.

    The stand-in's name follows from ``wanted``, so that the next start finds it again.
    """
    if owner is None or reachable(wanted.parent):
        return wanted
    name = hashlib.sha256(str(wanted.resolve()).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"klokwerk-{name}" / wanted.name  # noqa: S108 - owned and checked below


def make_folder(path: Path, owner: Owner | None) -> None:
    """Make the folder, owned by the server's user and closed to others.

    Raises ``PermissionError`` when somebody else made it before us.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    allowed = {os.geteuid()} | ({owner.uid} if owner else set())
    if path.is_symlink() or path.stat().st_uid not in allowed:
        raise PermissionError(f"{path} belongs to somebody else. Remove it, or choose another state folder.")
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)
    path.chmod(0o700)


def programs_for(installed: Path, owner: Owner | None) -> Path:
    """The PostgreSQL programs for that user: as installed, or a copy where the installed ones are hidden.

    A virtual environment under /root can't be entered by anybody else.
    """
    if owner is None or reachable(installed / "bin"):
        return installed
    package = installed.parent
    stamp = hashlib.sha256(f"{package}{(installed / 'bin' / 'postgres').stat().st_mtime_ns}".encode())
    copy = Path("/var/tmp") / f"klokwerk-postgres-{stamp.hexdigest()[:12]}"  # noqa: S108
    target = copy / package.name / installed.name
    if copy.exists() and copy.stat().st_uid != os.geteuid():
        raise PermissionError(f"{copy} belongs to somebody else. Remove it and start again.")
    if not (copy / ".complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(mode=0o755)
        for folder in ("bin", "lib", "share"):
            shutil.copytree(installed / folder, target / folder)
        libraries = package.with_name(f"{package.name}.libs")  # the wheel's own shared libraries
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        (copy / ".complete").touch()
    return target
