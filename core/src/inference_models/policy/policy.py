"""A policy's answers: None where it has nothing against something, else the reason, with the key and the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import field, frozen

from inference_models.distributions import canonical_name
from inference_models.errors import PolicyViolationError, redact_url
from inference_models.policy.licenses import is_covered, read_expression
from inference_models.policy.programs import find_program
from inference_models.policy.rules import Rules

__all__ = ["Policy"]


@frozen
class Policy:
    """The rules in force.

    Attributes:
        path: the file; None: there is no policy, and nothing is forbidden.
        rules: what it says.
        fingerprint: SHA-256 of the file, "" without one: what was decided under another policy is not used.
    """

    path: Path | None = None
    rules: Rules = field(factory=Rules)
    fingerprint: str = ""

    def refuse_plugin(self, distribution: str, code_license: Callable[[], str | None]) -> str | None:
        """Return why the plugins of a distribution must not be imported.

        Args:
            distribution: its name.
            code_license: returns the licence that its metadata states; asked only where it matters.
        """
        allowed = self.rules.plugins
        if allowed is not None and canonical_name(distribution) not in allowed:
            return self._not_listed("plugins.allow", f"does not name {distribution}", allowed)
        if self.rules.code_licenses is None:
            return None
        return self._license(
            "licenses.code", code_license(), self.rules.code_licenses, "its code", "License-Expression"
        )

    def refuse_provider(self, name: str) -> str | None:
        """Return why a weights provider must not be asked."""
        allowed = self.rules.providers
        if allowed is None or canonical_name(name) in allowed:
            return None
        return self._not_listed("providers.allow", f"does not name {name!r}", allowed)

    def refuse_url(self, url: str) -> str | None:
        """Return why no request may go to a URL, which must be as it would be sent."""
        allowed = self.rules.origins
        if allowed is None or any(pattern.allows(url) for pattern in allowed):
            return None
        return self._not_listed("origins.allow", f"does not cover {redact_url(url)}", map(str, allowed))

    def refuse_weights(self, license_: str | None) -> str | None:
        """Return why weights under a licence must not be loaded; None as licence: nothing states one."""
        if self.rules.weights_licenses is None:
            return None
        return self._license(
            "licenses.weights", license_, self.rules.weights_licenses, "its weights", "weights_license"
        )

    def refuse_untrusted(self) -> str | None:
        """Return why packages that their provider does not vouch for must not be loaded."""
        return self._switched_off(self.rules.untrusted, "packages.untrusted")

    def refuse_local_code(self) -> str | None:
        """Return why packages with code of their own must not be loaded."""
        return self._switched_off(self.rules.local_code, "packages.local_code") or self._switched_off(
            self.rules.programs, "packages.programs"
        )

    def refuse_local_path(self) -> str | None:
        """Return why models must not be loaded by a path."""
        return self._switched_off(self.rules.local_paths, "packages.local_paths")

    def refuse_programs(self, backend: str, files: Callable[[], Iterable[str]]) -> str | None:
        """Return why a package must not be loaded as a program.

        Args:
            backend: of the package.
            files: returns the names of its files; asked only where it matters.
        """
        if self.rules.programs is not False:
            return None
        program = find_program(backend, files(), self.rules.data_suffixes or ())
        if program is None:
            return None
        return self._forbids(f"packages.programs is false, and {program}")

    def refuse_proof(self, hashes: Iterable[str], what: str) -> str | None:
        """Return why a file must not be fetched or used with these kinds of hashes ("md5", "sha256") as its proof."""
        needed = self.rules.hashes
        has = set(hashes)
        if needed is None or "sha256" in has or (needed == "any" and has):
            return None
        wanted = "a SHA-256" if needed == "sha256" else "an MD5 sum or a SHA-256"
        return self._forbids(
            f"packages.hashes is {needed!r}, and {what} came without {wanted}", "its provider must state one"
        )

    def require(self, subject: str, reason: str | None) -> None:
        """Raise PolicyViolationError for a `reason` that is not None."""
        if reason is not None:
            raise PolicyViolationError(f"{subject}: {reason}.")

    def refuse_arguments(
        self, *, allow_untrusted_packages: bool, allow_local_code_packages: bool, download_files_without_hash: bool
    ) -> None:
        """Raise PolicyViolationError when an argument asks for what the policy forbids."""
        unproven = self.refuse_proof((), "such a file")
        for argument, given, reason in (
            ("allow_untrusted_packages", allow_untrusted_packages, self.refuse_untrusted()),
            ("allow_local_code_packages", allow_local_code_packages, self.refuse_local_code()),
            ("download_files_without_hash", download_files_without_hash, unproven),
        ):
            if given:
                self.require(f"{argument}=True was given", reason)

    def _license(self, key: str, stated: str | None, allowed: frozenset[str], what: str, name: str) -> str | None:
        expression = None if stated is None else read_expression(stated)
        if expression is not None and is_covered(expression, allowed):
            return None
        if stated is None:
            return self._forbids(
                f"{key} is set, and nothing states the licence of {what}", f"whoever publishes it must state {name}"
            )
        if expression is None:
            return self._forbids(
                f"{key} is set, and {stated[:80]!r}, the licence of {what}, is no SPDX expression",
                f"whoever publishes it must state {name} as one, 'LicenseRef-...' for other licences",
            )
        return self._not_listed(key, f"does not cover {expression}, the licence of {what}", allowed)

    def _not_listed(self, key: str, why: str, allowed: Iterable[str]) -> str:
        return self._forbids(f"{key} {why} (it allows {', '.join(sorted(allowed)) or 'nothing'})")

    def _switched_off(self, rule: bool | None, key: str) -> str | None:
        return None if rule is not False else self._forbids(f"{key} is false")

    def _forbids(self, why: str, way_out: str = "whoever keeps the policy can allow it there") -> str:
        return f"the policy {self.path} forbids it: {why}; {way_out}"
