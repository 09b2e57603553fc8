"""Fetching files: HTTP, hashing, writing. The only code that knows requests.

Plain URLs and hashes come in; what a model or a package is does not show here. All but `integrity`, `progress` and
`spec` import requests, so they are imported where something is really fetched.

From the outside in: `files` fetches one file or many, `transfer` is one file on its way, `workers` and `line` are what
several share, `partial` and `claims` what lies on disk meanwhile, `ranges` asks for parts, `retries` and `failures`
say what to do when it goes wrong, `http` and `addresses` hold the rules of a single request. `api` asks web APIs.
"""
