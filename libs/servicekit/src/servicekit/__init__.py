"""What every Lumbung service shares: settings, errors, sign-in, server, telemetry."""
