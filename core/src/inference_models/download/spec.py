"""What to fetch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from inference_models.download.integrity import parse_hashes
from inference_models.errors import redact_url
from inference_models.policy import current_policy

__all__ = ["DownloadSpec"]


@frozen(kw_only=True)
class DownloadSpec:
    """A file to fetch.

    Attributes:
        url: https, or http to a loopback address or an allowed origin. It may carry a signature, so it shows nowhere.
        name: what messages call it; for several files, their paths in the directory, with `/` between folders.
        md5: 32 hex digits, or None.
        sha256: 64 hex digits, or None. Without both, nothing proves the file.
        size: in bytes, or None.
        headers: for the origin of `url` only.
        refresh: returns the same file with a fresh `url` and `headers`; asked when the server refuses these,
            and again only after something has come from the fresh ones.
    """

    url: str = field(repr=redact_url)
    name: str
    md5: str | None = None
    sha256: str | None = None
    size: int | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    refresh: Callable[[], DownloadSpec] | None = field(default=None, repr=False, eq=False)

    @property
    def promised(self) -> tuple[str, ...]:
        """The hashes that the file must have, in lower case."""
        return tuple(value for value in (self.sha256, self.md5) if value is not None)

    def checked(self) -> DownloadSpec:
        """Return it with hashes in lower case.

        Raises:
            CorruptedModelPackageError: one is not a hash.
            PolicyViolationError: the policy wants a hash that is not there.
        """
        from attrs import evolve

        md5, sha256 = parse_hashes(self.md5, self.sha256, self.name)
        policy, stated = current_policy(), {"md5": md5, "sha256": sha256}
        kinds = [kind for kind, value in stated.items() if value is not None]
        policy.require(f"File {self.name!r} is not fetched", policy.refuse_proof(kinds, "it"))
        return evolve(self, md5=md5, sha256=sha256)
