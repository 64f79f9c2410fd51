"""What every Lumbung service shares: settings, errors, sign-in, server, telemetry."""

import os

# gRPC's own fork handlers crash the child of a process that starts another program while calls run; our children
# always run another program, so they need no handlers. gRPC reads this when it is first loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
