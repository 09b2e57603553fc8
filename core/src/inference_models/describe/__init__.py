"""What `describe_*` and the command line show: tables for people, plain values for JSON.

Rich is imported when something is printed, not before. Whatever comes from plugins, providers or packages is
printed as it is: never read as markup, its control characters made visible.
"""

from __future__ import annotations

from inference_models.describe.environment import print_environment
from inference_models.describe.models import model_to_dict, print_available_models, print_model, print_plan
from inference_models.describe.offline import print_offline_models, print_offline_verification
from inference_models.describe.packages import find_package, package_to_dict, print_model_package
from inference_models.describe.plugins import plugin_rows, print_plugins
from inference_models.describe.predictions import print_prediction
from inference_models.describe.tables import as_text, open_console, print_facts, print_table, visible

__all__ = [
    "as_text",
    "find_package",
    "model_to_dict",
    "open_console",
    "package_to_dict",
    "plugin_rows",
    "print_available_models",
    "print_environment",
    "print_facts",
    "print_model",
    "print_model_package",
    "print_offline_models",
    "print_offline_verification",
    "print_plan",
    "print_plugins",
    "print_prediction",
    "print_table",
    "visible",
]
