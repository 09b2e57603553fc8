"""What the policy in force has against a package that lies in the cache, from whenever that is."""

from __future__ import annotations

from inference_models.policy import current_policy
from inference_models.store.inventory import StoredPackage

__all__ = ["refuse_stored"]

# The source of a file that was made here is a model, which may be written with a provider's name before `://`, too.
_ADDRESSES = ("http://", "https://")


def refuse_stored(stored: StoredPackage) -> str | None:
    """Return why a package must not be used as it was fetched: from where, or with too little proof.

    What was made here, or came with a bundle, has no address.
    """
    policy = current_policy()
    if policy.path is None:
        return None
    for file in stored.files:
        if file.source.lower().startswith(_ADDRESSES) and (reason := policy.refuse_url(file.source)) is not None:
            return f"its file {file.handle!r} came from elsewhere: {reason}"
    package = (stored.manifest.description or {}).get("package")
    proof = package.get("proof") if isinstance(package, dict) else None
    return None if proof is None else policy.refuse_proof({proof} - {"none"}, "a file of it")
