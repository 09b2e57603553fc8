from .backend import BackendContract as BackendContract
from .fakes import installed_plugin as installed_plugin
from .fakes import write_plugin as write_plugin
from .model import ModelContract as ModelContract
from .plugin import PluginContract as PluginContract
from .provider import ProviderContract as ProviderContract
from .rules import Contract as Contract
from .rules import ContractRuleError as ContractRuleError
