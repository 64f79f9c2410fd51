"""Which running processes belong to which part of a stack."""

from localstack.layout import Layout
from localstack.process import Identity, kin, marked, process_table
from localstack.state import read_record, read_state
from localstack.vault import Vault

SUPERVISOR = "supervisor"
_SUFFIX = ".pid.json"


def census(layout: Layout) -> dict[Identity, str]:
    """Every process of the stack with the name of its part; the supervisor's own name is `supervisor`."""
    vault = Vault(layout.secrets)
    if not vault.path("stack-mark").exists():
        return {}
    table = process_table()
    owners: dict[Identity, str] = {}
    for path in layout.run.glob(f"*{_SUFFIX}"):
        record = read_record(path)
        if record is not None:
            owners |= dict.fromkeys(kin(record.identity, table), path.name.removesuffix(_SUFFIX))
    for mark, identity in marked(f"{vault.read('stack-mark')}:", table):
        owners[identity] = mark.partition(":")[2]
    supervisor = read_state(layout.state_file).supervisor
    if supervisor is not None and supervisor.alive():
        owners[supervisor] = SUPERVISOR
    return owners
