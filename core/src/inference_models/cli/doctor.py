"""`im doctor`: is anything broken?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from attrs import asdict, field, frozen

from inference_models.cli.output import json_option, write_json

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.cli.checks import Problem
    from inference_models.environment import Environment


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Report what this machine can run, and what is broken.

    The exit code is 1 when something is broken. A backend that is merely not installed is not broken.
    """
    diagnosis = _examine()
    if as_json:
        write_json(diagnosis.to_dict())
    else:
        diagnosis.print()
    if diagnosis.problems:
        ctx.exit(1)


@frozen
class _Diagnosis:
    """What was found. `environment` is None when a mistake in a setting keeps it from being looked at."""

    catalog: Catalog
    environment: Environment | None
    variables: list[dict[str, Any]]
    without_effect: list[dict[str, str]]
    policy: dict[str, Any] | None = None
    problems: list[Problem] = field(factory=list)

    def to_dict(self) -> dict[str, Any]:
        from inference_models.describe import plugin_rows

        return {
            "ok": not self.problems,
            "problems": [asdict(problem) for problem in self.problems],
            "environment": None if self.environment is None else self.environment.to_dict(),
            "plugins": plugin_rows(self.catalog),
            "variables": self.variables,
            "variables_without_effect": self.without_effect,
            "policy": self.policy,
        }

    def print(self) -> None:
        from inference_models.describe import (
            as_text,
            open_console,
            plugin_rows,
            print_environment,
            print_facts,
            print_plugins,
            print_table,
        )
        from inference_models.describe.tables import in_words

        console = open_console()
        if self.environment is not None:
            print_environment(self.environment, console)
            console.print()
        print_plugins(plugin_rows(self.catalog), console, title="Plugins")
        if self.variables:
            values = [(one["name"], "(hidden)" if one["secret"] else one["value"]) for one in self.variables]
            console.print()
            print_table(console, "Environment variables", ("name", "value"), values)
        if noted := [(one["name"], one["note"]) for one in self.variables if one["note"]]:
            console.print()
            print_table(console, "Settings without effect", ("name", "why"), noted)
        if self.without_effect:
            console.print()
            unused = [(one["name"], one["instead"]) for one in self.without_effect]
            print_table(console, "Variables of Roboflow's library that have no effect", ("name", "instead"), unused)
        if self.policy is not None:
            console.print()
            rules = {key: "nothing" if value == [] else in_words(value) for key, value in self.policy["rules"].items()}
            print_facts(console, "Policy", {"file": self.policy["file"], **rules})
        console.print()
        if self.problems:
            rows = [(one.kind, one.subject, one.message) for one in self.problems]
            print_table(console, "Broken", ("kind", "what", "why"), rows)
        else:
            console.print(as_text("Nothing is broken.", "green"))


def _examine() -> _Diagnosis:
    """Look at everything; what cannot be looked at is a problem, and the rest is looked at all the same."""
    from inference_models.catalog import Catalog
    from inference_models.cli.checks import (
        catalog_problems,
        describe_policy,
        describe_variables,
        environment_problems,
        policy_problems,
        variable_problems,
    )
    from inference_models.cli.without_effect import variables_without_effect
    from inference_models.environment import Environment
    from inference_models.errors import InvalidEnvVariable, InvalidPolicyError
    from inference_models.plugins import LoadedPlugins, load_plugins

    try:
        catalog = Catalog(load_plugins(strict=False))
    except (InvalidEnvVariable, InvalidPolicyError):  # reported with the variables and the policy
        catalog = Catalog(LoadedPlugins())
    variables = describe_variables(catalog)
    ignored = variables_without_effect([one["name"] for one in variables])
    policy = describe_policy()
    problems: list[Problem] = [*policy_problems(), *variable_problems(variables), *catalog_problems(catalog)]
    environment = Environment(lambda: catalog)
    try:
        environment.to_dict()  # looks at everything
        problems += environment_problems(environment)
    except InvalidEnvVariable:  # reported with the variables
        return _Diagnosis(catalog, None, variables, ignored, policy, problems)
    return _Diagnosis(catalog, environment, variables, ignored, policy, problems)
