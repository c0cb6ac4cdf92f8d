"""Connection tests: go the way of a sending step by step, leave nothing behind, and tell what each step gave."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
from klokwerk.deliveries import Verdict

from ekt_service.channels.errand import Route
from ekt_service.channels.ftps import CertificateError, FtpsDoor, FtpsShelf
from ekt_service.channels.http import PURPOSE_HEADER, HttpDoor, cause_of, judged, status_url_of
from ekt_service.channels.placing import ShelfError
from ekt_service.channels.sftp import HostKeyError, SftpDoor, SftpShelf
from ekt_service.channels.sftp import SignInError as SftpSignInError
from ekt_service.channels.targets import TargetRefusedError, TargetUnknownError
from ekt_service.domain.connection import Connection, Report, Step, StepOutcome
from ekt_service.domain.server_address import FtpsAddress, HttpAddress, SftpAddress

_PROBE = b"Klokwerk connection test; this file may be removed.\r\n"


class _StopError(Exception):
    """A step failed or asks; it is in the report already."""


@dataclass(slots=True)
class _Steps:
    """What was done so far."""

    done: list[Step] = field(default_factory=list)
    fingerprint: str = ""

    def add(self, name: str, outcome: StepOutcome, message: str = "") -> None:
        self.done.append(Step(name, outcome, message))

    async def do(self, name: str, work: Awaitable[object], message: str = "") -> None:
        """One step in a folder; a failed one ends the test."""
        try:
            await work
        except ShelfError as words:
            self.add(name, StepOutcome.FAILED, str(words))
            raise _StopError from None
        self.add(name, StepOutcome.DONE, message)

    def stop(self, name: str, message: str, *, asks: str = "") -> _StopError:
        """End with a failed step, or with one that asks whether fingerprint `asks` is right."""
        self.fingerprint = asks
        self.add(name, StepOutcome.ASKS if asks else StepOutcome.FAILED, message)
        return _StopError()

    @property
    def report(self) -> Report:
        """The test so far."""
        return Report(tuple(self.done), self.fingerprint)


@dataclass(frozen=True, slots=True)
class Prober:
    """Tests connections.

    Args:
        within: seconds after which a test ends, whatever it waits for.
    """

    sftp: SftpDoor
    ftps: FtpsDoor
    http: HttpDoor
    within: float = 40.0

    async def test(self, connection: Connection) -> Report:
        """Everything a sending does, with a file that is removed again (or a request that holds none)."""
        steps = _Steps()
        try:
            async with asyncio.timeout(self.within):
                await self._of(connection)(steps)
        except _StopError:
            pass
        except TimeoutError:
            steps.add("time", StepOutcome.FAILED, f"The test was ended after {self.within:.0f} seconds.")
        return steps.report

    def _of(self, connection: Connection) -> Callable[[_Steps], Awaitable[None]]:
        address, secrets, accepted = connection.address, connection.secrets, connection.fingerprint
        if isinstance(address, SftpAddress):
            sftp = Route(address, secrets, accepted, ())
            return lambda steps: self._sftp(sftp, steps)
        if isinstance(address, FtpsAddress):
            ftps = Route(address, secrets, accepted, ())
            return lambda steps: self._ftps(ftps, steps)
        http = Route(address, secrets, accepted, ())
        return lambda steps: self._http(http, steps)

    async def _sftp(self, route: Route[SftpAddress], steps: _Steps) -> None:
        door = self.sftp
        try:
            connection = await door.connect(route.address, route.secrets, route.fingerprint)
        except HostKeyError as found:
            shown = found.shown or await self._host_key(route)
            steps.add("connect", StepOutcome.DONE)
            words = str(found) if route.fingerprint else "Nobody has accepted this key yet."
            raise steps.stop("host_key", words, asks=shown) from None
        except SftpSignInError as words:
            steps.add("connect", StepOutcome.DONE)
            steps.add("host_key", StepOutcome.DONE, route.fingerprint)
            raise steps.stop("sign_in", str(words)) from None
        except ShelfError as words:
            raise steps.stop("connect", str(words)) from None
        steps.add("connect", StepOutcome.DONE)
        steps.add("host_key", StepOutcome.DONE, route.fingerprint)
        steps.add("sign_in", StepOutcome.DONE)
        try:
            try:
                shelf = await door.shelf(connection, route.address)
            except ShelfError as words:
                raise steps.stop("folder", str(words)) from None
            await _write_and_remove(shelf, steps)
        finally:
            connection.abort()

    async def _host_key(self, route: Route[SftpAddress]) -> str:
        """What a server shows that does not have the accepted kind of key any more."""
        try:
            connection = await self.sftp.connect(route.address, route.secrets, "")
        except HostKeyError as found:
            return found.shown
        except ShelfError:
            return ""
        connection.abort()
        return ""

    async def _ftps(self, route: Route[FtpsAddress], steps: _Steps) -> None:
        door = self.ftps
        try:
            ftp = await door.connect(route)
        except CertificateError as found:
            steps.add("connect", StepOutcome.DONE)
            raise steps.stop("certificate", str(found), asks=found.shown) from None
        except ShelfError as words:
            raise steps.stop("connect", str(words)) from None
        steps.add("connect", StepOutcome.DONE)
        steps.add("certificate", StepOutcome.DONE, route.fingerprint)
        try:
            await steps.do("sign_in", door.sign_in(ftp, route))
            await steps.do("folder", door.enter(ftp, route))
            await _write_and_remove(FtpsShelf(ftp), steps)
        finally:
            await asyncio.to_thread(ftp.close)

    async def _http(self, route: Route[HttpAddress], steps: _Steps) -> None:
        address = route.address
        key = f"test-{uuid4()}"
        signed = self.http.signed(route.secrets.signing_secret, key, b"") | {PURPOSE_HEADER: "test"}
        try:
            answer = await self.http.call("POST", address.url, signed, b"", address.ca)
        except (TargetRefusedError, TargetUnknownError) as words:
            raise steps.stop("connect", str(words)) from None
        except httpx.HTTPError as trouble:
            raise steps.stop("connect", f"The web address gives no answer: {cause_of(trouble)}.") from None
        steps.add("connect", StepOutcome.DONE)
        outcome = judged(answer)
        if outcome.verdict is not Verdict.SENT:
            raise steps.stop("answer", outcome.message)
        steps.add("answer", StepOutcome.DONE, outcome.message)
        if not address.status_url:
            return
        # Another key: an address that says yes to what it never saw would turn lost files into sent ones.
        key = f"test-{uuid4()}"
        signed = self.http.signed(route.secrets.signing_secret, key, b"")
        try:
            answer = await self.http.call("GET", status_url_of(address, key), signed, b"", address.ca)
        except (TargetRefusedError, TargetUnknownError) as words:
            raise steps.stop("status", str(words)) from None
        except httpx.HTTPError as trouble:
            raise steps.stop("status", f"The status address gives no answer: {cause_of(trouble)}.") from None
        if answer.status not in (404, 410):
            told = f"It answered {answer.said} about a key that was never posted; 404 is expected."
            raise steps.stop("status", told)
        steps.add("status", StepOutcome.DONE, f"It answered {answer.said}, as it should for an unknown key.")


async def _write_and_remove(shelf: SftpShelf | FtpsShelf, steps: _Steps) -> None:
    """Write a file, give it its name, read it back and remove it."""
    name = f"klokwerk-test-{uuid4().hex[:12]}.txt"
    await steps.do("write", shelf.write(f"{name}.part", _PROBE))
    await steps.do("rename", shelf.rename(f"{name}.part", name))
    await steps.do("read", shelf.read(name, len(_PROBE)))
    await steps.do("remove", shelf.remove(name))
