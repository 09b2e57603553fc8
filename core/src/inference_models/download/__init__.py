"""Fetching files: HTTP, hashing, writing. The only code that knows requests.

Plain URLs and hashes come in; what a model or a package is does not show here. `http` and `files` import requests,
so they are imported where something is really fetched; `integrity` is light.
"""
